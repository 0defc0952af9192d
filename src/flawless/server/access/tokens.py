"""Tokens with names and roles, kept as hashes in a file of the data folder.

A token is 256 random bits. Guessing one is hopeless however fast the guesses are, so one SHA-256 is
enough to keep it by: slow hashes and salts protect passwords, which people choose badly, and would
here only make each request slow. Who reads the file learns names and roles, and no token.
"""

from __future__ import annotations

import fcntl
import hmac
import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import msgspec

from flawless import api
from flawless.errors import UsageError
from flawless.ids import new_secret, new_token_id
from flawless.server.access.keys import fingerprint, write_private
from flawless.server.access.roles import Role
from flawless.server.wire.problems import AccessUnusable

TOKENS_FILE: Final = "tokens.json"
TOKEN_SIGN: Final = "flt_"  # noqa: S105 (what tokens begin with)
"""What each token begins with, so that people and scanners know one when they see it."""
ROOT: Final = "root"
"""The name of FLAWLESS_TOKEN's bearer."""
LOCAL: Final = "local"
"""The name of callers where no token is wanted."""
TOKENS_MAX: Final = 1_000
FILE_BYTES_MAX: Final = 1024 * 1024
NAME_CHARS_MAX: Final = 64

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]*")
_TOKEN = re.compile(re.escape(TOKEN_SIGN) + r"([0-9a-z]{8})_[A-Za-z0-9_-]{43}")
_log = logging.getLogger("flawless.server")


class Token(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a token. `id` is a part of it that is no secret."""

    id: str
    name: str
    role: Role
    sha256: str
    created_at: str
    expires_at: str | None = None

    def expired(self, now_us: int) -> bool:
        """Tell whether it opens nothing any more."""
        return self.expires_at is not None and api.microseconds(self.expires_at) <= now_us

    def matches(self, text: str) -> bool:
        """Tell whether `text` is this token; takes as long for every wrong one."""
        return hmac.compare_digest(self.sha256, fingerprint(text))


class _Document(msgspec.Struct, forbid_unknown_fields=True):
    """The file. Unknown fields are refused: they may be bounds that this server would ignore."""

    version: Literal[1]
    tokens: list[Token]


def token_id(text: str) -> str | None:
    """Return the id within a token, or None if the text has not a token's form."""
    found = _TOKEN.fullmatch(text)
    return None if found is None else found[1]


def load(path: Path) -> list[Token]:
    """Return the tokens of a file, none if there is no file; raises `AccessUnusable`."""
    found = _read(path)
    return [] if found is None else found[0]


def add(path: Path, name: str, role: Role, now_us: int, expires_us: int | None) -> str:
    """Make a token and return it; the file has its hash.

    Raises `UsageError` when the name cannot be had, `AccessUnusable` when the file cannot.
    """
    if not _NAME.fullmatch(name) or len(name) > NAME_CHARS_MAX:
        raise UsageError(
            f"{name!r} cannot be a token's name: use up to {NAME_CHARS_MAX} letters, digits and "
            ". _ @ -, beginning with a letter or digit"
        )
    if name.lower() in (ROOT, LOCAL):
        raise UsageError(f"the name {name!r} is taken by Flawless itself")
    identifier = new_token_id()
    text = f"{TOKEN_SIGN}{identifier}_{new_secret()}"
    with _changing(path) as tokens:
        if any(token.name == name for token in tokens):
            raise UsageError(
                f"there is a token {name!r}; revoke it first, or choose another name: `flawless "
                "tokens list` shows all"
            )
        if len(tokens) >= TOKENS_MAX:
            raise UsageError(f"there are {TOKENS_MAX} tokens; revoke some that are not needed")
        tokens.append(
            Token(
                identifier,
                name,
                role,
                fingerprint(text),
                api.timestamp(now_us),
                None if expires_us is None else api.timestamp(expires_us),
            )
        )
    return text


def revoke(path: Path, name: str) -> int:
    """Take a token out of the file, at once and for good; return how many are left.

    Raises `UsageError` when there is no such token, `AccessUnusable` when the file is unusable.
    """
    with _changing(path) as tokens:
        kept = [token for token in tokens if token.name != name]
        if len(kept) == len(tokens):
            raise UsageError(f"there is no token {name!r}: `flawless tokens list` shows all")
        tokens[:] = kept
        return len(kept)


class TokenFile:
    """The tokens of a file that may change while the server runs.

    Each look costs a `stat`; the file is read when that differs from the last one. Once there has
    been a file, its absence means that there are no tokens, and not that none are wanted.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: tuple[int, ...] | None = None
        self._tokens: dict[str, Token] = {}
        self._damage: str | None = None
        self.wanted = False
        self.refresh()
        if self._damage is not None:
            raise AccessUnusable(self._damage)

    def refresh(self) -> None:
        """Read the file if it has changed. What is wrong with it is logged, and `find` tells it."""
        if self._path is None:
            return
        try:
            seen: tuple[int, ...] = _identity(self._path.stat())
        except OSError:
            seen = ()
        if seen == self._seen:
            return
        self._seen = seen
        self._tokens, self._damage = {}, None
        try:
            read = _read(self._path)
        except AccessUnusable as error:
            self.wanted = True
            self._damage = str(error)
            _log.error("%s", error)
            return
        if read is not None:
            self.wanted = True
            tokens, self._seen = read
            self._tokens = {token.id: token for token in tokens}

    def find(self, identifier: str | None) -> Token | None:
        """Return the token with this id; raises `AccessUnusable` while the file is damaged."""
        if self._damage is not None:
            raise AccessUnusable("the server cannot read its tokens, and so lets nobody in by one")
        return None if identifier is None else self._tokens.get(identifier)


def _read(path: Path) -> tuple[list[Token], tuple[int, ...]] | None:
    """Return tokens, and what `stat` said of the very file they are from."""
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            content = file.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error
    if found.st_mode & 0o022:
        raise _unusable(path, "other users of this machine may write it")
    if found.st_uid not in (os.geteuid(), 0):
        raise _unusable(path, "it belongs to another user of this machine")
    if len(content) > FILE_BYTES_MAX:
        raise _unusable(path, f"it is larger than {FILE_BYTES_MAX} bytes")
    try:
        tokens = msgspec.json.decode(content, type=_Document).tokens
        for token in tokens:
            api.microseconds(token.created_at)
            token.expired(0)
    except (ValueError, TypeError, UnicodeDecodeError, RecursionError) as error:
        raise _unusable(path, str(error)) from error
    if len({token.id for token in tokens} | {token.name for token in tokens}) != 2 * len(tokens):
        raise _unusable(path, "two of its tokens have the same name or id")
    return tokens, _identity(found)


@contextmanager
def _changing(path: Path) -> Iterator[list[Token]]:
    """Give the list of tokens, and write it back; two processes change it one after the other."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)
            tokens = load(path)
            yield tokens
            content = msgspec.json.encode(_Document(1, tokens))
            fresh.unlink(missing_ok=True)
            write_private(fresh, msgspec.json.format(content, indent=2) + b"\n")
            fresh.replace(path)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _identity(found: os.stat_result) -> tuple[int, ...]:
    return (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_dev)


def _unusable(path: Path, reason: str) -> AccessUnusable:
    return AccessUnusable(
        f"the tokens in {path} cannot be used: {reason}. Mend or restore the file (permissions "
        "0600); until then nobody is let in by a token of it."
    )
