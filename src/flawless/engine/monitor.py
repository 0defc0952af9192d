"""How an engine is, for those who watch over it: readiness, gauges, samples, restarts, replays."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import dataclass
from typing import Final

from flawless.engine import vitals
from flawless.engine.clock import Clock
from flawless.engine.counts import Counts
from flawless.engine.echo import echo
from flawless.engine.replay_log import Replay
from flawless.engine.scheduler import Scheduler
from flawless.engine.settings import Settings
from flawless.engine.stats import INTERVAL_S, Gauges, Sample, Stats
from flawless.engine.telemetry import Telemetry
from flawless.engine.tracing.tracer import Tracer
from flawless.engine.version import version
from flawless.errors import StoreError
from flawless.ids import ExecutionId
from flawless.stores.base import NoteOpening, Openings, Store

_log = logging.getLogger("flawless.engine")

DUE_MAX: Final = 1_000
"""Executions that are due are counted up to here."""
RESTARTS_MAX: Final = 100
"""Restarts that are told of."""
_LAG_LOOK_S: Final = 0.5


@dataclass(frozen=True, slots=True)
class Backlog:
    """What the store says when somebody asks for metrics; None: it could not say."""

    size_bytes: int | None = None
    due: int | None = None
    due_lag_s: float | None = None


class Monitor:
    """Watches one engine while it is open. All of it belongs to the engine's loop."""

    def __init__(self, store: Store, clock: Clock, settings: Settings) -> None:
        self.telemetry = Telemetry()
        self._tracing = settings.tracing
        if settings.workflow_logs:
            self.telemetry.echo = echo
        self._tracer: Tracer | None = None
        self._store = store
        self._clock = clock
        self._stats = Stats(self.telemetry)
        self._scheduler: Scheduler | None = None
        self._task: asyncio.Task[None] | None = None
        self.counts = Counts(store)

    # --- life ---------------------------------------------------------------------------------

    async def note_opening(self) -> None:
        """Let the store remember that it was opened; begin to trace, if that is wanted.

        Raises `StoreError`, and `UsageError` when what tracing needs is not installed.
        """
        if self._tracing is not None:
            self._tracer = self.telemetry.tracer = Tracer(self._tracing)
        await self._store.commit([NoteOpening(self._clock.now_us(), version())])

    def begin(self, scheduler: Scheduler) -> None:
        """Watch an engine that has been opened."""
        self._scheduler = scheduler
        self._task = asyncio.get_running_loop().create_task(self._watch(), name="flawless-monitor")

    async def end(self) -> None:
        """Stop to watch: the engine is about to stop."""
        self._scheduler = None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def close(self) -> None:
        """Send what is left of traces: the engine has stopped."""
        tracer, self._tracer, self.telemetry.tracer = self._tracer, None, None
        if tracer is not None:
            await tracer.close()

    # --- what is asked ------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether the engine is open, can keep what it does, and runs what it should."""
        scheduler = self._scheduler
        return scheduler is not None and scheduler.problem is None and scheduler.running

    @property
    def failing(self) -> bool:
        """Whether the store takes no writes for now."""
        return self._scheduler is not None and self._scheduler.problem is not None

    def samples(self, after_us: int | None = None) -> list[Sample]:
        """Return samples of the last hour, the earliest first: all, or those behind a moment."""
        return self._stats.samples if after_us is None else self._stats.behind(after_us)

    def replays(self, execution: str) -> list[Replay]:
        """Return the latest replays of an execution in this process, the earliest first."""
        return self.telemetry.replays.of(ExecutionId(execution))

    async def restarts(self) -> Openings:
        """Return the latest openings of the store, the last one first."""
        return await self._store.openings(limit=RESTARTS_MAX)

    async def gauges(self, lag_s: float = 0.0) -> Gauges:
        """Return how things stand. Executions are counted anew only if that is cheap."""
        scheduler = self._scheduler
        with contextlib.suppress(StoreError):  # the last counts have to do
            await self.counts.latest()
        return Gauges(
            self._clock.now_us(),
            {str(status): count for status, count in self.counts.known.items()},
            guests=0 if scheduler is None else scheduler.guests,
            in_memory=0 if scheduler is None else scheduler.in_memory,
            queued=0 if scheduler is None else scheduler.queued,
            in_flight=0 if scheduler is None else scheduler.effects_in_flight,
            memory_bytes=vitals.memory_bytes(),
            cpu_s=vitals.cpu_s(),
            lag_s=lag_s,
        )

    async def backlog(self) -> Backlog:
        """Return what waits in the store, and how large that is."""
        try:
            now_us = self._clock.now_us()
            wake_us = await self._store.next_wake_us()
            late = wake_us is not None and wake_us < now_us
            return Backlog(
                await self._store.size_bytes(),
                len(await self._store.due(now_us, limit=DUE_MAX)) if late else 0,
                (now_us - wake_us) / 1_000_000 if wake_us is not None and late else 0.0,
            )
        except StoreError:
            return Backlog()

    # --- inside -------------------------------------------------------------------------------

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        taken_s, lag_s = loop.time(), 0.0
        await self._sample(lag_s, INTERVAL_S)
        while True:
            looked_s = loop.time()
            await asyncio.sleep(_LAG_LOOK_S)
            late_s = max(0.0, loop.time() - looked_s - _LAG_LOOK_S)
            self.telemetry.lag_s.add(late_s)
            lag_s = max(lag_s, late_s)
            interval_s = loop.time() - taken_s
            if interval_s >= INTERVAL_S:
                await self._sample(lag_s, interval_s)
                taken_s, lag_s = loop.time(), 0.0

    async def _sample(self, lag_s: float, interval_s: float) -> None:
        try:
            self._stats.take(await self.gauges(lag_s), interval_s)
        except Exception:  # a chart without a point is better than none at all
            _log.exception("internal error while taking a sample")
