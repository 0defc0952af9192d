"""Capability tokens: each opens one execution, for a while, and nothing else.

A capability is not kept anywhere. It carries what it allows, signed with the server's key, and the
id of the token that gave it out, with which it ends.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import msgspec

from flawless._messages import check_name
from flawless.errors import InputInvalid, UsageError
from flawless.server.access.keys import Seal
from flawless.server.access.roles import Right

CAPABILITY_SIGN: Final = "flc_"
CAPABILITY_S_MAX: Final = 30 * 86_400.0
MESSAGE_NAMES_MAX: Final = 20
"""The names of messages in one token: with the longest of them it still fits into a header."""


class Capability(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a capability token allows; `issuer` is the id of the token that gave it out."""

    execution: str
    rights: frozenset[Right]
    expires_us: int
    issuer: str
    messages: frozenset[str] | None = None


class Capabilities:
    """Gives out capability tokens and recognises them."""

    def __init__(self, key: bytes) -> None:
        self._seal = Seal(key, "capability")

    def write(self, capability: Capability) -> str:
        """Return the token."""
        content = msgspec.json.encode(capability, order="deterministic")
        return CAPABILITY_SIGN + self._seal.close(content)

    def read(self, token: str) -> Capability | None:
        """Return what a token of ours allows, whether expired or not; None for any other text."""
        content = self._seal.open(token.removeprefix(CAPABILITY_SIGN))
        if content is None or not token.startswith(CAPABILITY_SIGN):
            return None
        try:
            return msgspec.json.decode(content, type=Capability)
        except msgspec.DecodeError:  # signed by a newer server, with limits unknown here
            return None


def granted(
    execution: str,
    rights: Sequence[str],
    ttl_s: float,
    messages: Sequence[str] | None,
    *,
    now_us: int,
    issuer: str,
    ends_us: int | None = None,
) -> Capability:
    """Return what a capability token is to allow; raises `InputInvalid` naming the field."""
    if not 0 < ttl_s <= CAPABILITY_S_MAX:
        raise InputInvalid(
            f"ttl_s must be a number of seconds up to {CAPABILITY_S_MAX:.0f} (30 days), not "
            f"{ttl_s:g}",
            path="ttl_s",
        )
    expires_us = now_us + math.ceil(ttl_s * 1_000_000)
    known = _rights(rights)
    return Capability(
        execution,
        known,
        expires_us if ends_us is None else min(expires_us, ends_us),
        issuer,
        _messages(messages, known),
    )


def _rights(names: Sequence[str]) -> frozenset[Right]:
    if not names or not set(Right) >= set(names):
        raise InputInvalid(f"rights names at least one of {', '.join(Right)}", path="rights")
    return frozenset(map(Right, names))


def _messages(names: Sequence[str] | None, rights: frozenset[Right]) -> frozenset[str] | None:
    if names is None:
        return None
    if Right.SEND not in rights:
        raise InputInvalid("messages are for the right send, which is not given", path="messages")
    if len(names) > MESSAGE_NAMES_MAX:
        raise InputInvalid(f"messages has at most {MESSAGE_NAMES_MAX} names", path="messages")
    for name in names:
        try:
            check_name(name)
        except UsageError as error:
            raise InputInvalid(str(error), path="messages") from None
    return frozenset(names)
