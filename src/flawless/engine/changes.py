"""Who hears that something has changed: watches of single executions, and the feed of all.

The group committer tells of every write that is durable. Nothing of what was written is passed on,
only whose it is: who is woken reads from the store whatever is behind their own cursor. So there is
no queue here for anybody who listens, a slow listener costs the engine nothing, and many changes
become one reading. While nobody listens, a batch of writes costs one look at `active`.

All of this belongs to one event loop and lives as long as its engine object.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from types import TracebackType
from typing import Final

from flawless.ids import new_boot_id
from flawless.stores.base import Append, Create, NextRun, Result, SaveAttempts, Send, Sent, Write

FEED_EXECUTIONS_MAX: Final = 10_000
"""How many changed executions the feed remembers; who is further behind has to begin anew."""


class Watch:
    """Tells that something may have changed since it was last taken. Level-triggered.

    Take it, then read: what changes while one reads makes it pending again. It begins pending.
    """

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._event.set()

    @property
    def pending(self) -> bool:
        """Whether something may have changed."""
        return self._event.is_set()

    def ring(self) -> None:
        """Something has changed."""
        self._event.set()

    def take(self) -> bool:
        """Return whether something may have changed, and wait for the next change from now on."""
        was = self._event.is_set()
        self._event.clear()
        return was

    async def wait(self) -> None:
        """Return once something may have changed; it stays pending."""
        await self._event.wait()

    async def changed(self) -> None:
        """Wait for a change, and take it."""
        await self._event.wait()
        self._event.clear()


class ExecutionWatch(Watch):
    """A watch of one execution, in effect inside its `with` block."""

    __slots__ = ("_changes", "_execution")

    def __init__(self, changes: Changes, execution: str) -> None:
        super().__init__()
        self._changes = changes
        self._execution = execution

    def __enter__(self) -> ExecutionWatch:
        self._changes.join(self._execution, self)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._changes.leave(self._execution, self)


class Feed:
    """Which executions changed in what order, each once, at the place of its latest change.

    A reader's cursor is the sequence number up to which it has seen everything. Bounded: the
    changes longest ago are forgotten, and a cursor before them is no longer known.
    """

    def __init__(self, executions_max: int = FEED_EXECUTIONS_MAX) -> None:
        self.sequence = 0
        """The number of the latest change."""
        self.recording = False
        self._max = executions_max
        self._floor = 0
        self._left_at = 0
        self._watches: list[Watch] = []
        self._places: OrderedDict[str, int] = OrderedDict()

    def __len__(self) -> int:
        return len(self._places)

    def open(self, watch: Watch) -> None:
        """Begin to record, if that is not done, and ring `watch` with every change."""
        self._watches.append(watch)
        self.recording = True

    def close(self, watch: Watch) -> None:
        """Take back `open`. Recording goes on for a while: readers may come back."""
        self._watches.remove(watch)
        self._left_at = self.sequence

    def add(self, execution: str) -> None:
        """Record a change."""
        self.sequence += 1
        places = self._places
        if execution in places:
            places.move_to_end(execution)
        places[execution] = self.sequence
        if len(places) > self._max:
            _, self._floor = places.popitem(last=False)
        if self._watches:
            for watch in self._watches:
                watch.ring()
        elif self.sequence - self._left_at >= self._max:
            self._stop()

    def knows(self, cursor: int) -> bool:
        """Tell whether everything behind a cursor is still here."""
        return self._floor <= cursor <= self.sequence

    def after(self, cursor: int, end: int, count: int) -> list[tuple[int, str]]:
        """Return up to `count` changes behind `cursor` and up to `end`, the earliest first."""
        found = []
        for execution in reversed(self._places):
            place = self._places[execution]
            if place <= cursor:
                break
            if place <= end:
                found.append((place, execution))
        found.reverse()
        return found[:count]

    def place(self, execution: str) -> int | None:
        """Return the number of an execution's latest change, or None if that is forgotten."""
        return self._places.get(execution)

    def _stop(self) -> None:
        """Record no more; no cursor of before is known from now on."""
        self.recording = False
        self._places.clear()
        self.sequence += 1
        self._floor = self.sequence


class Changes:
    """What the engine tells of changes, and to whom."""

    def __init__(self, executions_max: int = FEED_EXECUTIONS_MAX) -> None:
        self.boot = new_boot_id()
        """Tells the sequence numbers of this engine object from those of any other."""
        self.feed = Feed(executions_max)
        self.active = False
        """Whether anybody listens. While it is False, nobody need be told of anything."""
        self._watches: dict[str, list[Watch]] = {}

    @property
    def watched(self) -> int:
        """How many executions are watched."""
        return len(self._watches)

    # --- listening ----------------------------------------------------------------------------

    def watch(self, execution: str) -> ExecutionWatch:
        """Return a watch of an execution: of its record, journal, inbox, state and effects.

        Use it as a context manager. The execution need not exist.
        """
        return ExecutionWatch(self, execution)

    def join(self, execution: str, watch: Watch) -> None:
        """Ring `watch` with every change of an execution, until `leave`."""
        self._watches.setdefault(execution, []).append(watch)
        self.active = True

    def leave(self, execution: str, watch: Watch) -> None:
        """Take back `join`."""
        watches = self._watches[execution]
        watches.remove(watch)
        if not watches:
            del self._watches[execution]
            self._look()

    def open_feed(self, watch: Watch) -> None:
        """Record which executions change, and ring `watch` each time, until `close_feed`."""
        self.feed.open(watch)
        self.active = True

    def close_feed(self, watch: Watch) -> None:
        """Take back `open_feed`."""
        self.feed.close(watch)

    # --- telling ------------------------------------------------------------------------------

    def note(self, execution: str, *, listed: bool = False) -> None:
        """Something of an execution has changed; `listed`, if lists show it."""
        watches = self._watches.get(execution)
        if watches is not None:
            for watch in watches:
                watch.ring()
        if listed and self.feed.recording:
            self.feed.add(execution)
            if not self.feed.recording:
                self._look()

    def note_write(self, write: Write, result: Result) -> None:
        """A write is durable, with what the store says of it."""
        if isinstance(write, Append):  # most writes are
            self.note(write.id, listed=write.status is not None)
            if isinstance(result, tuple):
                for signalled in result:
                    self.note(signalled, listed=True)  # it may have been woken
        elif isinstance(write, Send):
            if isinstance(result, Sent) and result.outcome == "sent":
                self.note(write.id, listed=True)
        elif isinstance(write, SaveAttempts):
            self.note(write.id)
        elif isinstance(write, Create | NextRun):
            if result is None:
                self.note(write.id, listed=True)
            if isinstance(write, Create) and write.parent is not None:
                self.note(write.parent.id, listed=result is not None)

    def close(self) -> None:
        """Wake all who listen: what they read from is about to be closed."""
        for watches in self._watches.values():
            for watch in watches:
                watch.ring()

    def _look(self) -> None:
        self.active = bool(self._watches) or self.feed.recording
