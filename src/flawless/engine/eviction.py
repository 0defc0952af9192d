"""Whose guest makes way for others."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from operator import itemgetter
from typing import Final

from flawless.engine.clock import Clock
from flawless.engine.execution import LiveExecution
from flawless.engine.telemetry import Telemetry
from flawless.ids import ExecutionId
from flawless.wasm import trim_instances

_SWEEP_S: Final = 0.5
_IDLE_US_MIN: Final = 20_000
"""A guest that waits for less than this does not make way for another."""
_LOOK_US: Final = 5_000
"""How often all executions are looked through, at most, when a guest is to make way."""
_LATE_US: Final = 1_000_000
"""A timer that has not rung so long after its time will not: the clock has jumped."""


class Eviction:
    """Drops guests that only wait. They are replayed when something comes for them."""

    def __init__(
        self,
        live: Mapping[ExecutionId, LiveExecution],
        clock: Clock,
        telemetry: Telemetry,
        *,
        evict_after_us: int,
    ) -> None:
        self._live = live
        self._clock = clock
        self._telemetry = telemetry
        self._evict_after_us = evict_after_us
        self._longest: deque[tuple[int, LiveExecution]] = deque()
        """Guests that were idle when that was looked at last, and since when: longest first."""
        self._looked_us = 0

    def evict_one(self) -> bool:
        """Drop the guest idle for longest, if there is one; return whether there was.

        One that has just begun to wait stays: it will probably go on before a replay is done.
        """
        now_us = self._clock.now_us()
        while True:
            while self._longest:
                since_us, live = self._longest.popleft()
                if live.idle_since_us == since_us:  # it has waited ever since
                    self._evict(live)
                    return True
            if 0 <= now_us - self._looked_us < _LOOK_US:
                return False
            self._look(now_us)

    def _look(self, now_us: int) -> None:
        """Find all guests that may make way: one look for many, as there may be many executions."""
        self._looked_us = now_us
        idle = [
            (since_us, live)
            for live in self._live.values()
            if (since_us := live.idle_since_us) is not None
            and not now_us - _IDLE_US_MIN < since_us <= now_us
        ]
        self._longest.extend(sorted(idle, key=itemgetter(0)))

    async def sweep(self, swept: Callable[[], None]) -> None:
        """Drop guests that have waited for longer than `evict_after_us`, for ever.

        And wake those whose timers do not know that their time has come: the clock was set, or the
        machine was asleep. `swept` is called after each look: some may be idle for long enough now
        to make way.
        """
        while True:
            await asyncio.sleep(_SWEEP_S)
            now_us = self._clock.now_us()
            for live in list(self._live.values()):
                if live.due_us is not None and live.due_us + _LATE_US <= now_us:
                    live.woke()
                elif self._is_idle(live, self._evict_after_us):
                    self._evict(live)
            trim_instances()
            swept()

    def _is_idle(self, live: LiveExecution, for_us: int) -> bool:
        """Tell whether its guest has waited so long, or since before the clock was set back."""
        since_us, now_us = live.idle_since_us, self._clock.now_us()
        return since_us is not None and not now_us - for_us < since_us <= now_us

    def _evict(self, live: LiveExecution) -> None:
        self._telemetry.evictions += 1
        live.evict()
