"""Replays that this process has made: which executions came back into memory, when and why."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict, deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from flawless.engine.histogram import REPLAY_S, Histogram
from flawless.ids import ExecutionId

_log = logging.getLogger("flawless.engine")

EXECUTIONS_MAX: Final = 10_000
"""Executions whose replays are remembered: those replayed last."""
OF_ONE_MAX: Final = 20
"""Replays that are remembered of each."""

Reason: TypeAlias = Literal["restart", "evicted", "woken", "retried", "begun"]
"""Why an execution needs a guest.

- `restart`: it was running when the last engine stopped.
- `evicted`: something it waits for has come, and its guest had made way meanwhile.
- `woken`: it slept, and a time, a message or a signal has come.
- `retried`: it had failed, and somebody wants it to go on.
- `begun`: it is new; there is nothing to replay.
"""


@dataclass(frozen=True, slots=True)
class Replay:
    """One replay: when it began, and how long it took until the guest was where it had been."""

    at_us: int
    reason: Reason
    entries: int
    """Requests that were answered from the journal."""
    took_us: int


class Replays:
    """The latest replays of the executions replayed last, and counts of all."""

    __slots__ = ("_begun", "_known", "counts", "entries", "times")

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        """By reason."""
        self.entries = 0
        self.times = Histogram(REPLAY_S)
        self._begun: dict[ExecutionId, tuple[int, Reason, float]] = {}
        self._known: OrderedDict[ExecutionId, deque[Replay]] = OrderedDict()

    def begin(self, execution: ExecutionId, reason: Reason, now_us: int) -> None:
        """An execution is about to be read and replayed."""
        self._begun[execution] = (now_us, reason, asyncio.get_running_loop().time())

    def done(self, execution: ExecutionId, entries: int) -> None:
        """An execution is where it was, after so many answers from its journal."""
        begun = self._begun.pop(execution, None)
        if begun is None:
            return
        at_us, reason, began_s = begun
        took_s = asyncio.get_running_loop().time() - began_s
        replay = Replay(at_us, reason, entries, round(took_s * 1_000_000))
        self.counts[reason] += 1
        self.entries += entries
        self.times.add(took_s)
        known = self._known.get(execution)
        if known is None:
            known = self._known[execution] = deque(maxlen=OF_ONE_MAX)
            if len(self._known) > EXECUTIONS_MAX:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(execution)
        known.append(replay)
        extra = {"execution": execution, "replayed": entries, "reason": reason}
        with contextlib.suppress(Exception):  # (of handlers: the execution is not to blame)
            _log.debug("execution %s is back: %d effects replayed", execution, entries, extra=extra)

    def left(self, execution: ExecutionId) -> None:
        """An execution has left memory; it may not have got to where it was."""
        self._begun.pop(execution, None)

    def of(self, execution: ExecutionId) -> list[Replay]:
        """Return the replays of an execution, the earliest first."""
        return [*self._known.get(execution, ())]
