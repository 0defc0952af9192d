"""Capability tokens: each opens one execution, for a while, and nothing else.

A capability is not kept anywhere. It carries what it allows, signed with the server's key, and the
id of the token that gave it out, with which it ends.
"""

from __future__ import annotations

from typing import Final

import msgspec

from flawless.server.keys import Seal
from flawless.server.roles import Right

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
