"""When virtual time moves: while nothing happens, and as far as somebody wants."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from flawless.errors import UsageError
from flawless.testing.clock import VirtualClock, moment

T = TypeVar("T")

STUCK_AFTER_S = 0.5
"""How long (really) nothing must have happened before somebody who waits is told so."""

YEARS_MAX = 1_000
"""How far virtual time may run: farther, and something repeats for ever."""

_YEAR_US = 366 * 86_400 * 1_000_000
_EVER_US = 2**62


class LabStuck(UsageError):
    """Nothing will ever happen by itself: what is waited for needs the test to do something."""


@dataclass(slots=True)
class _Goal:
    """Somebody wants the time to be moved that far; far away: as long as anything is due."""

    until_us: int
    reached: asyncio.Future[None]


class Pace:
    """Moves a clock for the engine of one life. All of it happens on that engine's loop.

    `auto`: time moves by itself while somebody waits for a result. `busy` tells whether something
    is under way that takes real time, `relieve` makes room for executions that wait for memory and
    tells whether it did, and `stuck` describes what everybody waits for.
    """

    def __init__(
        self,
        clock: VirtualClock,
        *,
        auto: bool,
        busy: Callable[[], bool],
        relieve: Callable[[], bool],
        stuck: Callable[[], str],
    ) -> None:
        self.still = 0
        """Calls from outside that wait for something to happen."""
        self._clock = clock
        self._auto = auto
        self._busy = busy
        self._relieve = relieve
        self._describe = stuck
        self._loop = asyncio.get_running_loop()
        self._end_us = clock.now_us() + YEARS_MAX * _YEAR_US
        self._goals: list[_Goal] = []
        self._waiting: dict[asyncio.Future[None], bool] = {}
        self._stuck_since: float | None = None

    # --- what is wanted -----------------------------------------------------------------------

    async def waiting(self, work: Awaitable[T]) -> T:
        """Await something that an execution will do; `LabStuck` when it never will."""
        stuck: asyncio.Future[None] = self._loop.create_future()
        task: asyncio.Future[T] = asyncio.ensure_future(work)
        self._waiting[stuck] = True
        self.still += 1
        self.touch()
        try:
            either: list[asyncio.Future[Any]] = [task, stuck]
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                await stuck  # raises
            return await task
        finally:
            self.still -= 1
            del self._waiting[stuck]
            stuck.cancel()
            task.cancel()

    async def reach(self, until_us: int | None) -> None:
        """Move the time that far, or (None) until nothing more is due by itself."""
        goal = _Goal(_EVER_US if until_us is None else until_us, self._loop.create_future())
        self._goals.append(goal)
        self.still += 1
        try:
            await goal.reached
        finally:
            self.still -= 1
            self._goals.remove(goal)

    def touch(self) -> None:
        """Something was done from outside."""
        self._stuck_since = None

    # --- what happens -------------------------------------------------------------------------

    def idle(self) -> bool:
        """The loop has nothing to do: move the time if that is wanted; whether it has now."""
        if self._busy():
            self._stuck_since = None
            return False
        clock = self._clock
        now_us, next_us = clock.now_us(), clock.next_us
        if next_us is not None and next_us <= now_us:
            return self._move(now_us)
        if self._relieve():
            return True
        goals = [goal for goal in self._goals if not goal.reached.done()]
        for goal in goals:
            if goal.until_us <= now_us or (goal.until_us == _EVER_US and next_us is None):
                goal.reached.set_result(None)
                return True
        wanted = [goal.until_us for goal in goals]
        if self._auto and self._waiting:
            wanted.append(_EVER_US)
        if wanted:
            to_us = min(min(wanted), _EVER_US if next_us is None else next_us)
            if to_us < _EVER_US:
                return self._move(to_us)
        return bool(self._waiting) and self._notice_stuck()

    def _move(self, to_us: int) -> bool:
        self._stuck_since = None
        if to_us > self._end_us:
            year = moment(self._end_us).year
            self._fail(f"virtual time has reached the year {year}: does something loop for ever?")
            return True
        for call in self._clock.move_to(to_us):
            self._loop.call_soon(call)
        return True

    def _notice_stuck(self) -> bool:
        """Tell those who wait, if nothing has happened for a while."""
        now_s = self._loop.time()
        if self._stuck_since is None:
            self._stuck_since = now_s
            self._loop.call_later(STUCK_AFTER_S, lambda: None)  # so that somebody looks again
            return True
        if now_s < self._stuck_since + STUCK_AFTER_S:
            return False
        self._fail(self._describe())
        return True

    def _fail(self, reason: str) -> None:
        for future in [*self._waiting, *(goal.reached for goal in self._goals)]:
            if not future.done():
                future.set_exception(LabStuck(reason))
