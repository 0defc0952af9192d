"""Crashes at a chosen entry of a journal, and the store that brings them about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from flawless.errors import StoreError
from flawless.stores.base import Append, Create, NextRun, Results, Store, Write

Side = Literal["before", "after"]
"""Whether a crash comes just before an entry is durable, or right after it."""


class Killed(SystemExit):
    """Ends an engine's loop on the spot, as `kill -9` ends a process: nothing else is run."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A crash that has happened: the `entry` (from 1) of which `execution`, or 0: by hand."""

    execution: str
    entry: int
    side: Side


@dataclass(frozen=True, slots=True)
class CrashPoint:
    """Where an engine is to crash; without `execution` at whichever comes there first."""

    entry: int
    side: Side = "after"
    execution: str | None = None


class _Lengths:
    """How many entries each execution has, in earlier runs and in the present one."""

    def __init__(self) -> None:
        self._earlier: Counter[str] = Counter()
        self._present: Counter[str] = Counter()

    def copy(self) -> _Lengths:
        """Return the same lengths, to be changed independently."""
        copy = _Lengths()
        copy._earlier, copy._present = self._earlier.copy(), self._present.copy()
        return copy

    def grow(self, write: Create | Append | NextRun) -> tuple[int, int]:
        """Return how many entries the execution has without and with a write, and note it."""
        name = write.id
        before = self._earlier[name] + self._present[name]
        if isinstance(write, NextRun):
            last = 0 if write.last is None else write.last.count
            self._earlier[name] = before + last
            self._present[name] = write.chunk.count
            return before, before + last + write.chunk.count
        count = 0 if write.chunk is None else write.chunk.count
        self._present[name] += count
        return before, before + count


class Crashes:
    """The crashes that are planned, and those that have happened.

    Entries count over all runs of an execution: entry 1 is its start.
    """

    def __init__(self) -> None:
        self.planned: list[CrashPoint] = []
        self.happened: list[Crash] = []
        self.lengths = _Lengths()

    def due(self, writes: Sequence[Write]) -> tuple[Crash | None, _Lengths]:
        """Return the crash that is planned for a batch, and how long journals are after it."""
        found: Crash | None = None
        lengths = self.lengths.copy()
        for write in writes:
            if not isinstance(write, Create | Append | NextRun):
                continue
            before, after = lengths.grow(write)
            for point in self.planned:
                of_it = point.execution in (None, write.id)
                if found is None and of_it and before < point.entry <= after:
                    found = Crash(write.id, point.entry, point.side)
                    self.planned.remove(point)
                    break
        return found, lengths


class WatchedStore:
    """A store as one engine sees it, until that engine crashes; then nothing gets in any more."""

    def __init__(self, store: Store, crashes: Crashes) -> None:
        self.busy = 0
        """Operations under way, in other threads perhaps."""
        self.dead = False
        self._store = store
        self._crashes = crashes

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
        """Commit, and crash if that is planned for one of the entries."""
        self._expect_alive()
        crash, lengths = self._crashes.due(writes)
        if crash is not None and crash.side == "before":
            self._die(crash)
        self.busy += 1
        try:
            results = await self._store.commit(writes, inline=inline)
        finally:
            self.busy -= 1
        self._crashes.lengths = lengths  # only now: a batch that fails is handed in again
        if crash is not None:
            self._die(crash)
        return results

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._store, name)

        async def counted(*args: Any, **options: Any) -> Any:
            self._expect_alive()
            self.busy += 1
            try:
                return await operation(*args, **options)
            finally:
                self.busy -= 1

        return counted

    def _die(self, crash: Crash) -> None:
        self.dead = True
        self._crashes.happened.append(crash)
        raise Killed(f"{crash.side} entry {crash.entry} of {crash.execution}")

    def _expect_alive(self) -> None:
        if self.dead:
            raise StoreError("be used", "its engine has crashed", "It is gone.", retriable=False)
