"""What a caller may do: roles of tokens, and rights of tokens that open one execution only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a token lets its bearer do; each role may do what those before it may."""

    READ = "read"
    OPERATE = "operate"
    DEPLOY = "deploy"

    def includes(self, other: Role) -> bool:
        """Tell whether this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)

    @property
    def rights(self) -> frozenset[Right]:
        """What it may do with any execution, in the words of capabilities."""
        reading = frozenset({Right.STATE, Right.JOURNAL})
        return reading | {Right.SEND} if self.includes(Role.OPERATE) else reading


class Right(StrEnum):
    """What a capability token lets its bearer do with its one execution."""

    STATE = "state"
    """See how it stands: status, state, response, result, and their changes."""
    SEND = "send"
    """Send it messages."""
    JOURNAL = "journal"
    """Read its journal and its logs."""


@dataclass(frozen=True, slots=True)
class Need:
    """What a request needs: a role, or on one execution the right.

    Without a right no capability token is enough. Without a role anyone may ask, or anyone who is
    `known` by whatever token. A browser that navigates to a `page` is first sent to log in.
    """

    role: Role | None
    right: Right | None = None
    known: bool = False
    page: bool = False

    @property
    def open(self) -> bool:
        """Tell whether strangers may ask."""
        return self.role is None and not self.known


ANYONE = Need(None)
KNOWN = Need(None, known=True)
PAGE = Need(None, page=True)
READ = Need(Role.READ)
OPERATE = Need(Role.OPERATE)
DEPLOY = Need(Role.DEPLOY)
STATE = Need(Role.READ, Right.STATE)
JOURNAL = Need(Role.READ, Right.JOURNAL)
SEND = Need(Role.OPERATE, Right.SEND)
