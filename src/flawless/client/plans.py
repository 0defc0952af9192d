"""What the two clients share: work as generators that ask for what they need.

A plan yields steps and is sent what they bring, so that the same lines serve a client that blocks
and one that awaits: only whoever drives the plan knows which (`driving.py`). A plan of the upper
kind yields calls; `Retrying` turns each into requests and pauses, until it is answered or given up.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from flawless.client.call import Call

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request, and bring the response with its whole body."""

    call: Call[Any]


@dataclass(frozen=True, slots=True)
class Connect:
    """Ask for a stream, which is then read by `Read`; bring whether there is more of it.

    An answer that is no stream is raised, but for the one that says that it ended before.
    """

    call: Call[Any]
    last_event_id: str = ""


@dataclass(frozen=True, slots=True)
class Read:
    """Bring the next bytes of the stream; None when it has ended."""


@dataclass(frozen=True, slots=True)
class Lost:
    """Wait before a stream is connected again; fails when it was away for too long.

    `error` is why the connection ended, None if the server closed it; `heard_at` is when it last
    brought anything, on the monotonic clock.
    """

    error: Exception | None
    tries: int
    heard_at: float
    pause_s: float


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Give(Generic[Item]):
    """Hand an item to whoever iterates."""

    item: Item


class Refused(Exception):
    """A server has no room for a stream now; `after_s` is how long it wants to be left alone."""

    def __init__(self, reason: Exception, after_s: float) -> None:
        super().__init__(str(reason))
        self.reason = reason
        self.after_s = after_s


class TimeOver(Exception):
    """A call may be tried again, but not within its `within_s`."""

    def __init__(self, reason: Exception) -> None:
        super().__init__(str(reason))
        self.reason = reason


Step: TypeAlias = Send | Connect | Read | Lost | Pause
Plan: TypeAlias = Generator[Step | Call[Any], Any, T]
"""Work that returns a value."""
Series: TypeAlias = Generator[Step | Call[Any] | Give[Item], Any, None]
"""Work that gives items."""


class Work(Protocol[T_co]):
    """A plan, or a single call."""

    def __iter__(self) -> Generator[Step | Call[Any], Any, T_co]:
        """Return the steps."""
        ...
