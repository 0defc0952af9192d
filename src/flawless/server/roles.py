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

    Without a role anyone may ask; without a right no capability token is enough.
    """

    role: Role | None
    right: Right | None = None


ANYONE = Need(None)
READ = Need(Role.READ)
OPERATE = Need(Role.OPERATE)
DEPLOY = Need(Role.DEPLOY)
STATE = Need(Role.READ, Right.STATE)
JOURNAL = Need(Role.READ, Right.JOURNAL)
SEND = Need(Role.OPERATE, Right.SEND)
