"""The changes of the list, for any number of readers: each record read and encoded once.

A reader without a place begins with `reset`: now the client loads the list, and misses nothing.

A tick decides how far everybody reads next, and wakes them; so what happens within a tick is one
batch. The first reader at a place has the batch made, and all others with the same place and
the same selection share its bytes. A reader that fell back reads from the engine's feed, a batch
at a time, and where the feed has forgotten what comes next, it is told to begin anew.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from types import TracebackType
from typing import Final, NamedTuple

import msgspec

from flawless.engine.changes import Watch
from flawless.engine.service import Service
from flawless.ids import ExecutionId
from flawless.server.endpoints import records
from flawless.server.streams import events
from flawless.server.wire.documents import encoded
from flawless.stores.base import Record, Selection

TICK_S: Final = 0.25
"""Changes within this time are one batch."""
TICK_SHARE: Final = 4
"""The next tick comes no sooner than so many times as long as the readers took for the last one: on
a busy machine, or with very many readers, the list is told less often, and the engine goes on."""
TICK_S_MAX: Final = 2.0
BATCH_EXECUTIONS_MAX: Final = 100
"""Executions that are read and sent at once."""
SHARED_BATCHES_MAX: Final = 64
"""Batches that are kept for readers which have not come for them yet."""
SHARED_RECORDS_MAX: Final = 1_000
"""Encoded records that are kept for batches of other selections."""

_ID: Final = re.compile(r"([0-9a-z]{10})-(0|[1-9][0-9]{0,17})")


class Batch(NamedTuple):
    """Changes up to a place in the feed: the data of an event, or nothing for this selection."""

    end: int
    data: bytes


class _Shown(NamedTuple):
    place: int
    record: Record
    data: bytes


class Broadcast:
    """Reads the engine's feed on behalf of all readers of the list."""

    def __init__(self, service: Service) -> None:
        self.head = 0
        """How far readers read at present."""
        self._service = service
        self._changed = Watch()
        self._read_at = 0.0
        self._readers: set[Watch] = set()
        self._ticker: asyncio.Task[None] | None = None
        self._batches: OrderedDict[tuple[bytes, int], asyncio.Task[Batch]] = OrderedDict()
        self._shown: OrderedDict[str, _Shown] = OrderedDict()

    @property
    def boot(self) -> str:
        """What all places in this feed have in common."""
        return self._service.changes.boot

    def join(self, watch: Watch) -> None:
        """Ring `watch` at each tick with changes, until `leave`."""
        if not self._readers:
            self._changed.take()
            self._service.changes.open_feed(self._changed)
            self.head = self._service.changes.feed.sequence
            self._ticker = asyncio.ensure_future(self._tick())
        self._readers.add(watch)

    def leave(self, watch: Watch) -> None:
        """Take back `join`."""
        self._readers.discard(watch)
        if self._readers or self._ticker is None:
            return
        self._service.changes.close_feed(self._changed)
        self._ticker.cancel()
        self._ticker = None
        for task in self._batches.values():
            task.cancel()
        self._batches.clear()
        self._shown.clear()

    def knows(self, place: int) -> bool:
        """Tell whether all that changed behind a place can still be told."""
        return self._service.changes.feed.knows(place)

    async def batch(self, selection: Selection, key: bytes, place: int) -> Batch:
        """Return the changes behind a place that `knows`; `key` stands for the selection."""
        self._read_at = asyncio.get_running_loop().time()
        task = self._batches.get((key, place))
        if task is None:
            found = self._service.changes.feed.after(place, self.head, BATCH_EXECUTIONS_MAX)
            task = asyncio.ensure_future(self._make(selection, found, self.head))
            self._batches[key, place] = task
            if len(self._batches) > SHARED_BATCHES_MAX:
                self._batches.popitem(last=False)
        try:
            return await asyncio.shield(task)
        except BaseException:
            if task.done():
                self._batches.pop((key, place), None)
            raise

    async def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._changed.changed()
            self.head = self._service.changes.feed.sequence
            for watch in self._readers:
                watch.ring()
            ticked_at = self._read_at = loop.time()
            await asyncio.sleep(TICK_S)
            took_s = self._read_at - ticked_at
            await asyncio.sleep(min(took_s * TICK_SHARE, TICK_S_MAX) - TICK_S)

    async def _make(self, selection: Selection, found: list[tuple[int, str]], head: int) -> Batch:
        end = found[-1][0] if len(found) == BATCH_EXECUTIONS_MAX else head
        shown = [await self._show(execution, at) for at, execution in found]
        data = [one.data for one in shown if one is not None and selection.matches(one.record)]
        return Batch(end, b'{"executions":[%b]}' % b",".join(data) if data else b"")

    async def _show(self, execution: str, place: int) -> _Shown | None:
        """Return an execution's record, encoded; read anew only if it has changed since."""
        shown = self._shown.get(execution)
        if shown is not None and shown.place == place:
            return shown
        record = await self._service.store.get(ExecutionId(execution))
        if record is None:
            return None
        shown = _Shown(place, record, encoded(records.execution(record)))
        self._shown[execution] = shown
        self._shown.move_to_end(execution)
        if len(self._shown) > SHARED_RECORDS_MAX:
            self._shown.popitem(last=False)
        return shown


class ListReader:
    """Reads the list's changes from a place on; see `eventstream.Reader`."""

    rest_s = 0.0  # the ticks are its rest

    def __init__(self, broadcast: Broadcast, selection: Selection, last_id: str | None) -> None:
        self.watch = Watch()
        self.behind = False
        self.over = False
        self._broadcast = broadcast
        self._selection = selection
        self._key = msgspec.json.encode(selection, order="sorted")
        self._last_id = last_id or ""
        self._place: int | None = None

    def __enter__(self) -> ListReader:
        self._broadcast.join(self.watch)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self._broadcast.leave(self.watch)

    @property
    def id(self) -> str:
        """See `Reader.id`."""
        return "" if self._place is None else f"{self._broadcast.boot}-{self._place}"

    async def open(self) -> bool:
        """See `Reader.open`. No id, or one that means nothing here, leads to a `reset`."""
        found = _ID.fullmatch(self._last_id)
        if found is not None and found[1] == self._broadcast.boot:
            self._place = int(found[2])
        return True

    async def read(self) -> bytes:
        """See `Reader.read`."""
        self.watch.take()
        broadcast, place = self._broadcast, self._place
        if place is None or not broadcast.knows(place):
            self._place = broadcast.head
            self.behind = False
            return events.event_of("reset", self.id, b"{}")
        if place >= broadcast.head:
            self.behind = False
            return b""
        batch = await broadcast.batch(self._selection, self._key, place)
        self._place = batch.end
        self.behind = batch.end < broadcast.head
        return events.event_of("changes", self.id, batch.data) if batch.data else b""
