"""Whose guest makes way for others."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from flawless.engine.clock import Clock
from flawless.engine.execution import LiveExecution
from flawless.engine.telemetry import Telemetry
from flawless.ids import ExecutionId

_SWEEP_S: Final = 0.5
_IDLE_US_MIN: Final = 20_000
"""A guest that waits for less than this does not make way for another."""


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

    def evict_one(self) -> bool:
        """Drop the guest idle for longest, if there is one; return whether there was.

        One that has just begun to wait stays: it will probably go on before a replay is done.
        """
        before = self._clock.now_us() - _IDLE_US_MIN
        idle = [e for e in self._live.values() if (e.idle_since_us or before + 1) <= before]
        if not idle:
            return False
        self._evict(min(idle, key=lambda e: e.idle_since_us or 0))
        return True

    async def sweep(self, swept: Callable[[], None]) -> None:
        """Drop guests that have waited for longer than `evict_after_us`, for ever.

        `swept` is called after each look: some may be idle for long enough now to make way.
        """
        while True:
            await asyncio.sleep(_SWEEP_S)
            before = self._clock.now_us() - self._evict_after_us
            for live in list(self._live.values()):
                if live.idle_since_us is not None and live.idle_since_us <= before:
                    self._evict(live)
            swept()

    def _evict(self, live: LiveExecution) -> None:
        self._telemetry.evictions += 1
        live.evict()
