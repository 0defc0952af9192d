"""Names for the identifiers that travel through Flawless, and the one place that makes new ones."""

from __future__ import annotations

import hashlib
import random
import re
import secrets
import uuid
from typing import NewType

from flawless.errors import InputInvalid

ExecutionId = NewType("ExecutionId", str)
DeploymentId = NewType("DeploymentId", str)
EffectId = NewType("EffectId", int)

EXECUTION_ID_CHARS_MAX = 200
CHILD_ID_CHARS_MAX = 1_000
_ALLOWED = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:@+=-]*")
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread
_LETTERS = _ALPHABET.encode() * 8  # one for each byte, each as likely
_NEW_ID_CHARS = 20  # 100 bits


def new_execution_id() -> ExecutionId:
    """Return a fresh random id of 20 characters (100 bits), safe in URLs and shells."""
    return ExecutionId(_random_letters(_NEW_ID_CHARS))


def new_message_id() -> str:
    """Return a fresh random id for a message, by which a repeated one is known again."""
    return new_execution_id()


def new_random() -> random.Random:
    """Return a source of chance, for what needs no secrecy: how long to wait before a retry."""
    return random.Random(secrets.randbits(128))  # noqa: S311 (pauses are no secrets)


def execution_id(text: str) -> ExecutionId:
    """Check an id a caller chose and return it.

    Raises `InputInvalid` when it is no text, empty, longer than 200 characters, or has characters
    that would need quoting in a URL or a shell.
    """
    if not isinstance(text, str):
        raise InputInvalid(f"an execution id is a text, not {text!r}", path="id")
    if len(text) > EXECUTION_ID_CHARS_MAX:
        raise InputInvalid(
            f"an execution id has at most {EXECUTION_ID_CHARS_MAX} characters, this one has "
            f"{len(text)}",
            path="id",
        )
    if not _ALLOWED.fullmatch(text):
        raise InputInvalid(
            f"{text!r} cannot be an execution id: use letters, digits and _ . : @ + = -, "
            "beginning with a letter or digit",
            path="id",
        )
    return ExecutionId(text)


def can_be_child(text: str) -> bool:
    """Tell whether a child may have this id; one made from its ancestors' may be longer."""
    return len(text) <= CHILD_ID_CHARS_MAX and _ALLOWED.fullmatch(text) is not None


def new_seed() -> bytes:
    """Return 32 fresh random bytes: the source of all randomness of one execution."""
    return secrets.token_bytes(32)


def derived_seed(seed: bytes, name: str) -> bytes:
    """Return the seed of what an execution with that seed starts: a child, or its next run."""
    return hashlib.blake2b(name.encode(), key=seed, digest_size=32).digest()


def new_key() -> bytes:
    """Return 32 fresh random bytes to sign with."""
    return secrets.token_bytes(32)


def new_token_id() -> str:
    """Return a fresh random id of 8 characters for a token; it is no secret."""
    return _random_letters(8)


def new_secret() -> str:
    """Return 256 fresh random bits as 43 characters that need no quoting in headers and URLs."""
    return secrets.token_urlsafe(32)


def new_boot_id() -> str:
    """Return a fresh random id of 10 characters (50 bits) for the life of one engine object."""
    return _random_letters(10)


_RUN_SIGN = "~"  # no caller can choose an id with it


def earlier_run(execution: str, run: int) -> ExecutionId:
    """Return the id under which the run number `run` is kept when a next one has begun."""
    return ExecutionId(f"{execution}{_RUN_SIGN}{run}")


def is_earlier_run(execution: str) -> bool:
    """Tell whether this is the id of an earlier run."""
    return _RUN_SIGN in execution


def latest_run(execution: str) -> str:
    """Return the id of the execution that this is a run of."""
    return execution.partition(_RUN_SIGN)[0]


def run_key(execution: str, run: int) -> str:
    """Return what tells one run of an execution from the others: in each, effects count from 1."""
    return execution if run == 1 else earlier_run(execution, run)


def idempotency_key(execution: str, effect: int) -> str:
    """Return the key of one effect, the same for each attempt, different for any other effect.

    It has the form of a UUID, which every service that takes idempotency keys accepts.
    """
    digest = hashlib.blake2b(f"{execution}\n{effect}".encode(), digest_size=16).hexdigest()
    return str(uuid.UUID(digest))


def _random_letters(count: int) -> str:
    return secrets.token_bytes(count).translate(_LETTERS).decode()
