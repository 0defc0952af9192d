"""What an engine counts about itself: plain numbers, added to where things happen.

Counting is on the path of every effect, so it is an addition to an attribute, or a look into a
dictionary. What a monitor wants to read is made of these numbers when it asks. All of it belongs to
one process and begins at zero with it.
"""

from __future__ import annotations

import contextlib
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from flawless.core.entries import Entry
from flawless.core.protocol import Performable
from flawless.engine.histogram import COMMIT_S, EFFECT_S, LAG_S, LIFE_S, WRITES, Histogram
from flawless.engine.replay_log import Replays
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Create, NextRun, Record, Result, Send, Sent, Write

_log = logging.getLogger("flawless.engine")

WORKFLOWS_MAX: Final = 200
"""Workflows that are counted by name; what further ones do is counted as `OTHERS`."""
OTHERS: Final = "(others)"

_SECOND_US = 1_000_000


class Observer(Protocol):
    """What a tracer is told of. `flawless.engine.tracing` has the one there is."""

    @property
    def propagates(self) -> bool:
        """Whether requests of workflows carry a `traceparent`."""
        ...

    def caller(self) -> str | None:
        """Return the `traceparent` of whoever starts an execution now, if they are traced."""
        ...

    def loaded(self, record: Record, entries: Sequence[Entry]) -> None:
        """An execution has come into memory, with what its journal holds."""
        ...

    def durable(self, write: Write, result: Result) -> None:
        """A write is durable, and the store has said this of it."""
        ...

    def begins(self, execution: ExecutionId, effect: int, request: Performable, now_us: int) -> str:
        """An effect is about to be performed; return its `traceparent`, or an empty text."""
        ...

    def left(self, execution: ExecutionId) -> None:
        """An execution has left memory."""
        ...


class Telemetry:
    """The numbers of one engine. Use it from the loop's thread only."""

    __slots__ = (
        "_workflows",
        "commit_s",
        "commit_writes",
        "continued",
        "echo",
        "effect_s",
        "effects_failed",
        "ended",
        "evictions",
        "journal_bytes",
        "journal_entries",
        "lag_s",
        "life_s",
        "messages",
        "replays",
        "retried",
        "started",
        "step_attempts",
        "step_retries",
        "store_problems",
        "tracer",
    )

    def __init__(self) -> None:
        self.started: Counter[str] = Counter()
        """Executions begun, by workflow."""
        self.continued: Counter[str] = Counter()
        """Next runs begun, by workflow."""
        self.ended: Counter[tuple[str, ...]] = Counter()
        """Executions ended, by workflow and status."""
        self.retried = 0
        """Failed executions that were retried."""
        self.life_s: dict[str, Histogram] = {}
        """From beginning to end of runs, by workflow."""
        self.effect_s: dict[str, Histogram] = {}
        """From beginning to end of effects that were performed, by kind."""
        self.effects_failed: Counter[str] = Counter()
        """Effects that ended with an error, by kind."""
        self.step_attempts = 0
        self.step_retries = 0
        self.replays = Replays()
        self.evictions = 0
        self.commit_s = Histogram(COMMIT_S)
        self.commit_writes = Histogram(WRITES)
        self.journal_entries = 0
        self.journal_bytes = 0
        self.store_problems = 0
        """Times the store stopped taking writes."""
        self.messages: Counter[str] = Counter()
        """Messages of users, by what became of them."""
        self.lag_s = Histogram(LAG_S)
        """By how much the loop was late with a timer."""
        self.tracer: Observer | None = None
        """Who is told besides, if executions are traced."""
        self.echo: Callable[[Write], None] | None = None
        """What logs what workflows log, if that is wanted."""
        self._workflows: set[str] = set()

    def effect_ended(self, kind: str, took_us: int, *, failed: bool) -> None:
        """An effect that was performed has ended."""
        times = self.effect_s.get(kind)
        if times is None:
            times = self.effect_s[kind] = Histogram(EFFECT_S)
        times.add(took_us / _SECOND_US)
        if failed:
            self.effects_failed[kind] += 1

    def committed(self, took_s: float, writes: int) -> None:
        """A batch of writes is durable."""
        self.commit_s.add(took_s)
        self.commit_writes.add(writes)

    def wrote(self, write: Write, result: Result) -> None:
        """A write is durable, and the store has said this of it."""
        if type(write) is Append:  # most are
            if (chunk := write.chunk) is not None:
                self.journal_entries += chunk.count
                self.journal_bytes += len(chunk.data)
        elif type(write) is Create:
            if result is None:
                self.started[self._name(write.workflow)] += 1
                for chunk in (write.chunk, *write.more):
                    self._journaled(chunk.count, len(chunk.data))
        elif type(write) is NextRun:
            self.continued[self._name(write.workflow)] += 1
            self._journaled(write.chunk.count, len(write.chunk.data))
            if (last := write.last) is not None:
                self._journaled(last.count, len(last.data))
        elif type(write) is Send and type(result) is Sent and not write.name.startswith(":"):
            self.messages[result.outcome] += 1
        if self.tracer is not None:
            self.tracer.durable(write, result)
        if self.echo is not None:
            self.echo(write)

    def caller(self) -> str | None:
        """Return the `traceparent` of whoever starts an execution now, if that is of interest."""
        return None if self.tracer is None else self.tracer.caller()

    def loaded(self, record: Record, entries: Sequence[Entry]) -> None:
        """An execution has come into memory, with what its journal holds."""
        if self.tracer is not None:
            self.tracer.loaded(record, entries)

    def left(self, execution: ExecutionId) -> None:
        """An execution has left memory; it may not have got to where it was."""
        self.replays.left(execution)
        if self.tracer is not None:
            self.tracer.left(execution)

    def execution_ended(
        self, execution: ExecutionId, workflow: str, status: str, took_us: int | None
    ) -> None:
        """An execution has ended; `took_us` is how long its run took, if that is known."""
        name = self._name(workflow)
        self.ended[name, status] += 1
        self.left(execution)
        if _log.isEnabledFor(logging.INFO):
            known = {"execution": execution, "workflow": workflow, "status": str(status)}
            with contextlib.suppress(Exception):  # (of handlers: whoever waits for the end is next)
                _log.info("execution %s has ended: %s", execution, status, extra=known)
        if took_us is None:
            return
        times = self.life_s.get(name)
        if times is None:
            times = self.life_s[name] = Histogram(LIFE_S)
        times.add(max(0, took_us) / _SECOND_US)

    def _journaled(self, entries: int, size: int) -> None:
        self.journal_entries += entries
        self.journal_bytes += size

    def _name(self, workflow: str) -> str:
        """Return the name to count a workflow by: how many there are must have a bound."""
        if workflow in self._workflows:
            return workflow
        if len(self._workflows) >= WORKFLOWS_MAX:
            return OTHERS
        self._workflows.add(workflow)
        return workflow


def kind_of(request: Performable) -> str:
    """Return what kind of effect this is: `step`, `http`, `send` or `cancel`."""
    return str(request.__struct_config__.tag)
