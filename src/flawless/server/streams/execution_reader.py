"""Reading what happens to one execution, page by page from a place in its history.

The order of reading makes the end exact. The record is read first: if it says that the execution
has ended, then the state and the journal, read after it, are whole. Nothing is remembered between
pages but the place, so a reader that comes back later, or to another process, misses nothing.
"""

from __future__ import annotations

import hashlib
from enum import StrEnum
from types import TracebackType
from typing import Final

from flawless import api
from flawless.engine.service import Service
from flawless.errors import InputInvalid
from flawless.ids import ExecutionId, earlier_run, is_earlier_run
from flawless.server.endpoints import journals, records
from flawless.server.endpoints.details import detail
from flawless.server.streams import events
from flawless.server.streams.places import Place, misplaced, place_of
from flawless.server.wire.documents import encoded
from flawless.stores.base import Record

PAGE_ENTRIES: Final = 200
PAGE_BYTES_MAX: Final = 128 * 1024
"""A page ends when its entries, as they are stored, exceed this."""
REST_S: Final = 0.05
"""Changes that follow each other more quickly are read, and sent, together."""


class Part(StrEnum):
    """What a stream of one execution may tell."""

    EXECUTION = "execution"
    STATE = "state"
    JOURNAL = "journal"
    LOGS = "logs"


USUAL: Final = frozenset({Part.EXECUTION, Part.STATE})
ENTRIES: Final = frozenset({Part.JOURNAL, Part.LOGS})
"""What is read from the journal."""


def parts_of(text: str | None) -> frozenset[Part]:
    """Return the parts that `include` names; raises `InputInvalid`."""
    if text is None:
        return USUAL
    names = text.split(",")
    unknown = [name for name in names if name not in list(Part)]
    if unknown:
        raise InputInvalid(
            f"include names parts of {', '.join(Part)}, separated by commas, not {unknown[0]!r}",
            path="include",
        )
    return frozenset(Part(name) for name in names)


class ExecutionReader:
    """See `eventstream.Reader`. Without a `last_id` it begins with the run of now.

    Unless its caller may see the `whole`, what it shows lacks tracebacks; see `details.detail`.
    """

    rest_s = REST_S

    def __init__(
        self,
        service: Service,
        execution: str,
        parts: frozenset[Part],
        last_id: str | None,
        *,
        whole: bool = True,
    ) -> None:
        self.watch = service.changes.watch(execution)
        self.behind = False
        self.over = False
        self._service = service
        self._id = ExecutionId(execution)
        self._parts = parts
        self._whole = whole
        self._reads_entries = bool(parts & ENTRIES)
        self._resumed = last_id is not None
        self._place = Place() if last_id is None else place_of(last_id)
        self._told = b""
        self._told_state = False
        self._run = 0  # the latest run, as far as is known
        self._final = False

    def __enter__(self) -> ExecutionReader:
        self.watch.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.watch.__exit__(kind, error, tb)

    @property
    def id(self) -> str:
        """See `Reader.id`."""
        return str(self._place)

    async def open(self) -> bool:
        """See `Reader.open`: raises `ExecutionNotFound`, `InputInvalid` and `JournalDamaged`."""
        record = await self._service.get(self._id)
        self._run = record.run
        place = self._place
        if not self._resumed:
            place.run = record.run
            return True
        only = record.run if is_earlier_run(self._id) else 1
        if not only <= place.run <= record.run:
            raise misplaced(f"is of run {place.run}, which this execution does not have")
        length = await self._length(place.run)
        if max(place.journal, place.logs) > length:
            raise misplaced(f"is of an entry behind the {length:,} that there are")
        if place.state > await self._version():
            raise misplaced("is of a version of the state that there is not")
        ended, place.length = place.length, None
        return not (record.status.final and place.run == record.run and ended == length)

    async def read(self) -> bytes:
        """See `Reader.read`."""
        pieces: list[bytes] = []
        if self.watch.take():
            await self._read_record(pieces)
        if self._reads_entries:
            await self._read_entries(pieces)
        if self._final and not self.behind:
            await self._read_end(pieces)
        return b"".join(pieces)

    # --- inside -------------------------------------------------------------------------------

    async def _read_record(self, pieces: list[bytes]) -> None:
        record = await self._service.get(self._id)
        self._run, self._final = record.run, record.status.final
        if not self._reads_entries:
            self._place.run = record.run
        if Part.EXECUTION in self._parts:
            await self._read_execution(record, pieces)
        if Part.STATE in self._parts:
            await self._read_state(pieces)

    async def _read_execution(self, record: Record, pieces: list[bytes]) -> None:
        piece = encoded(await detail(self._service, record, whole=self._whole))
        digest = hashlib.blake2b(piece, digest_size=16).digest()
        if digest != self._told:
            self._told = digest
            pieces.append(events.event_of(Part.EXECUTION, self.id, piece))

    async def _read_state(self, pieces: list[bytes]) -> None:
        visible = await self._service.control.state(self._id)
        version = 0 if visible is None else visible.version
        nothing_yet = version == 0 and not self._told_state
        self._told_state = True
        if version <= self._place.state and not nothing_yet:
            return
        self._place.state = version
        state = api.State(self._id)
        if visible is not None:
            shown = records.value(visible.value, "state")
            state = api.State(self._id, shown, version, api.timestamp(visible.at_us))
        pieces.append(events.event(Part.STATE, self.id, state))

    async def _read_entries(self, pieces: list[bytes]) -> None:
        """Read a page of entries, or what is left of an earlier run."""
        place = self._place
        wanted = {Part.JOURNAL: place.journal, Part.LOGS: place.logs}
        first = min(position for part, position in wanted.items() if part in self._parts)
        stretch = await journals.read(
            self._service, self._name(place.run), first, PAGE_ENTRIES, PAGE_BYTES_MAX
        )
        if stretch.run != place.run:  # the next run began, and this is its journal
            self._run, self.behind = stretch.run, True
            return
        end = first + len(stretch.entries)
        if Part.JOURNAL in self._parts and end > place.journal:
            entries = await journals.entries_of(stretch, place.journal)
            place.journal = end
            found = api.JournalEvent(entries, place.run, stretch.length)
            pieces.append(events.event(Part.JOURNAL, self.id, found))
        if Part.LOGS in self._parts and end > place.logs:
            lines = journals.lines_of(stretch, place.logs)
            place.logs = end
            if lines:
                pieces.append(events.event(Part.LOGS, self.id, api.LogsEvent(lines, place.run)))
        self.behind = end < stretch.length
        if not self.behind and place.run < self._run:
            place.next_run()
            self.behind = True

    async def _read_end(self, pieces: list[bytes]) -> None:
        end = await self._service.end(self._id)
        length = await self._length(self._run)
        if end is None or self.watch.pending:
            return  # somebody has it tried again
        self._place.length = length
        outcome = api.Outcome(self._id, end.status.value, **records.ending(end, whole=self._whole))
        pieces.append(events.event("end", self.id, outcome))
        self.over = True

    async def _length(self, run: int) -> int:
        last = await self._service.store.last_chunk(self._name(run))
        return last.first_seq + last.count

    async def _version(self) -> int:
        visible = await self._service.control.state(self._id)
        return 0 if visible is None else visible.version

    def _name(self, run: int) -> ExecutionId:
        return self._id if run == self._run else earlier_run(self._id, run)
