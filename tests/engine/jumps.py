"""A clock that stands still until it is told to jump, and steps performed without an engine."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec

from flawless import codec
from flawless.core.protocol import StepRequest
from flawless.engine.attempts import SavedAttempts
from flawless.engine.outcome import Outcome
from flawless.engine.steps import StepPerformer, StepRun
from flawless.functions import Step

BEGAN_US = 1_800_000_000_000_000


class JumpingTimer:
    """A call that is still to come."""

    def __init__(self, call: Callable[[], object]) -> None:
        self.call: Callable[[], object] | None = call

    def cancel(self) -> None:
        """Take it back."""
        self.call = None


class JumpingClock:
    """Time passes only in `jump`."""

    def __init__(self) -> None:
        self._now_us = BEGAN_US
        self._order = itertools.count()
        self._timers: list[tuple[int, int, JumpingTimer]] = []
        self.changed = asyncio.Event()

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return self._now_us

    def call_later(
        self, delay_s: float, callback: Callable[..., object], *args: object
    ) -> JumpingTimer:
        """Call back when the clock has been moved that far."""
        timer = JumpingTimer(lambda: callback(*args))
        due_us = self._now_us + round(delay_s * 1_000_000)
        heapq.heappush(self._timers, (due_us, next(self._order), timer))
        self.changed.set()
        return timer

    @property
    def due_s(self) -> list[float]:
        """How far away the timers are, the next one first."""
        live = sorted(due for due, _, timer in self._timers if timer.call is not None)
        return [(due - self._now_us) / 1_000_000 for due in live]

    async def jump(self) -> float:
        """Wait until there is a timer, jump to the first, and return how far that was."""
        async with asyncio.timeout(30):
            while not self.due_s:
                self.changed.clear()
                await self.changed.wait()
        while True:
            due_us, _, timer = heapq.heappop(self._timers)
            if timer.call is not None:
                break
        far_us = due_us - self._now_us
        self._now_us = max(self._now_us, due_us)
        timer.call()
        return far_us / 1_000_000


class Bench:
    """Steps performed as an engine does it; `saved` is what was kept of their attempts."""

    def __init__(self, clock: Any, jitter: float) -> None:
        self.clock = clock
        self.saved: list[SavedAttempts] = []
        loop = asyncio.get_running_loop()
        self.performer = StepPerformer(loop, clock, threads=1, processes=1, jitter=lambda: jitter)
        self.number = 0
        """Of the latest effect."""

    def begin(
        self,
        step: Step[..., Any],
        *args: Any,
        earlier: SavedAttempts | None = None,
        key: str | None = None,
    ) -> tuple[StepRun, asyncio.Future[Outcome]]:
        """Begin a step; return its run and the future of its outcome."""
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.number += 1
        encoded = codec.dumps(codec.encode_call(args, {})).encode()
        run = self.performer.perform(
            "order-1",
            StepRequest(self.number, step.name, msgspec.Raw(encoded)),
            began_us=BEGAN_US,
            earlier=earlier or SavedAttempts(),
            on_attempt=self.saved.append,
            report=outcome.set_result,
            key=key,
        )
        assert run is not None
        return run, outcome


@asynccontextmanager
async def bench(clock: Any = None, jitter: float = 1.0) -> AsyncIterator[Bench]:
    """A place to perform steps, closed afterwards."""
    made = Bench(clock or JumpingClock(), jitter)
    try:
        yield made
    finally:
        made.performer.close()
