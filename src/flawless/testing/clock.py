"""Virtual time: it stands still until somebody moves it."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from flawless.errors import UsageError

_SECOND_US = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When virtual time begins, unless a test says otherwise."""


class VirtualTimer:
    """A call that is still to come."""

    __slots__ = ("call", "due_us")

    def __init__(self, due_us: int, call: Callable[[], object]) -> None:
        self.due_us = due_us
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Take the call back; does nothing when it was made or taken back before."""
        self.call = None


class VirtualClock:
    """An engine's `Clock` whose time passes only in `move_to`.

    Timers belong to the loop of the engine that runs at the moment; time can be read anywhere.
    """

    def __init__(self, began: datetime = BEGINNING) -> None:
        self._now_us = microseconds(began)
        self._order = itertools.count()
        self._timers: list[tuple[int, int, VirtualTimer]] = []
        self._resting: set[asyncio.Event] = set()

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return self._now_us

    @property
    def now(self) -> datetime:
        """The virtual time, in UTC."""
        return moment(self._now_us)

    def call_later(
        self, delay_s: float, callback: Callable[..., object], *args: object
    ) -> VirtualTimer:
        """Call `callback` on the running loop when the time has moved that far."""
        due_us = self._now_us + max(0, round(delay_s * _SECOND_US))
        timer = VirtualTimer(due_us, lambda: callback(*args))
        heapq.heappush(self._timers, (due_us, next(self._order), timer))
        return timer

    async def sleep(self, delay_s: float) -> None:
        """Wait for virtual time."""
        if delay_s <= 0:
            return
        over = asyncio.Event()
        timer = self.call_later(delay_s, over.set)
        self._resting.add(over)
        try:
            await over.wait()
        finally:
            self._resting.discard(over)
            timer.cancel()

    @property
    def resting(self) -> int:
        """How many fakes wait for virtual time: nothing happens in them until it moves."""
        return sum(not over.is_set() for over in self._resting)

    @property
    def next_us(self) -> int | None:
        """When the next timer is due, or None if there is none."""
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def move_to(self, now_us: int) -> list[Callable[[], object]]:
        """Set the time; return the calls that are due then, in order.

        Move to the next timer at most, or what is due in between would come too late.
        """
        self._now_us = max(self._now_us, now_us)
        calls = []
        while (due_us := self.next_us) is not None and due_us <= self._now_us:
            _, _, timer = heapq.heappop(self._timers)
            assert timer.call is not None
            calls.append(timer.call)
            timer.call = None
        return calls

    def forget(self) -> None:
        """Drop all timers: the engine that set them is no more."""
        self._timers.clear()
        self._resting.clear()


def microseconds(time: datetime) -> int:
    """Return a time as microseconds since the epoch; one without a zone is meant in UTC."""
    if not isinstance(time, datetime):
        raise UsageError(f"a moment is a datetime, not {time!r}: advance(...) takes a length")
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return (time - _EPOCH) // _MICROSECOND


def moment(us: int) -> datetime:
    """Return microseconds since the epoch as a time in UTC."""
    return _EPOCH + us * _MICROSECOND
