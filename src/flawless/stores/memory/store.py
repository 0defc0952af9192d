"""A store that forgets: for tests, and for engines whose executions need not outlive them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from itertools import dropwhile, islice
from math import inf
from typing import Final

from flawless.core.status import Status
from flawless.errors import StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import (
    SCANNED_MAX,
    Chunk,
    Deployment,
    DeploymentIds,
    Deployments,
    Journal,
    Messages,
    Openings,
    Page,
    Record,
    Records,
    Results,
    Selection,
    Visible,
    Write,
)
from flawless.stores.memory.content import Content, Lasting
from flawless.stores.memory.writer import Batch
from flawless.stores.selection import cursor, place

_ALL: Final = Selection()


class MemoryStore:
    """A `Store` (see `flawless.stores.base`) in this process's memory.

    It fulfils the whole contract but durability: its content ends with the object. It may be closed
    and opened again, like a file.
    """

    def __init__(self) -> None:
        self._opened = False
        self._content = Content()

    async def open(self) -> None:
        """See `Store.open`."""
        if self._opened:  # whoever had it never closed it
            self._content.clean = False
        self._opened = True

    async def close(self) -> None:
        """See `Store.close`."""
        self._opened = False

    # --- writing --------------------------------------------------------------------------------

    async def commit(
        self,
        writes: Sequence[Write],
        *,
        inline: bool = False,  # it always is
    ) -> Results:
        """See `Store.commit`."""
        self._require_open("commit")
        return Batch(self._content).commit(writes)

    # --- reading --------------------------------------------------------------------------------

    async def get(self, id: ExecutionId) -> Record | None:  # noqa: A002 (the field's name)
        """See `Store.get`."""
        self._require_open("read an execution")
        run = self._content.runs.get(id)
        return None if run is None else run.record

    async def list(
        self, selection: Selection = _ALL, *, limit: int = 100, before: str | None = None
    ) -> Page:
        """See `Store.list`."""
        self._require_open("list executions")
        end = self._content.numbers + 1
        if before is not None:
            known = self._content.runs.get(ExecutionId(before))
            end = min(end, place(before) or (0 if known is None else known.number))
        if limit < 1:
            return Page([])
        last = max(1, end - SCANNED_MAX)
        found: list[Record] = []
        for number in range(end - 1, last - 1, -1):
            run = self._content.in_order.get(number)
            if run is None or (run.is_earlier and not selection.runs):
                continue
            if selection.matches(run.record):
                if len(found) == limit:
                    return Page(found, cursor(self._content.runs[found[-1].id].number))
                found.append(run.record)
        return Page(found, cursor(last) if last > 1 else None)

    async def journal(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Journal:
        """See `Store.journal`."""
        self._require_open("read a journal")
        chunks = self._content.find(id).chunks
        begin = max(0, start)
        end = inf if count is None else begin + count
        return [c for c in chunks if c.first_seq + c.count > begin and c.first_seq < end]

    async def last_chunk(self, id: ExecutionId) -> Chunk:  # noqa: A002 (the field's name)
        """See `Store.last_chunk`."""
        self._require_open("read a journal")
        return self._content.find(id).chunks[-1]

    async def attempts(self, id: ExecutionId) -> dict[int, bytes]:  # noqa: A002 (the field's name)
        """See `Store.attempts`."""
        self._require_open("read attempts")
        return dict(sorted(self._content.find(id).attempts.items()))

    async def messages(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        after: int = 0,
        limit: int = 1000,
    ) -> Messages:
        """See `Store.messages`."""
        lasting = self._lasting(id)
        messages = () if lasting is None else lasting.inbox.messages.values()
        return [*islice((m for m in messages if m.number > after), max(0, limit))]

    async def state(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """See `Store.state`."""
        lasting = self._lasting(id)
        return None if lasting is None else lasting.state

    async def response(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """See `Store.response`."""
        lasting = self._lasting(id)
        return None if lasting is None else lasting.response

    async def children(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Records:
        """See `Store.children`."""
        lasting = self._lasting(id)
        begin = max(0, start)
        end = None if count is None else begin + max(0, count)
        return [] if lasting is None else [one.run.record for one in lasting.children[begin:end]]

    async def child_count(self, id: ExecutionId) -> int:  # noqa: A002 (the field's name)
        """See `Store.child_count`."""
        lasting = self._lasting(id)
        return 0 if lasting is None else len(lasting.children)

    async def running(self, *, limit: int = 1000, after: ExecutionId | None = None) -> Records:
        """See `Store.running`."""
        self._require_open("list running executions")
        begin = 0
        if after is not None:
            known = self._content.runs.get(after)
            if known is None:
                return []
            begin = known.number
        matching = (
            run.record
            for run in self._content.in_order.values()
            if run.number > begin and run.record.status is Status.RUNNING
        )
        return _first(matching, limit)

    async def due(self, now_us: int, *, limit: int = 1000) -> Records:
        """See `Store.due`."""
        self._require_open("list due executions")
        sleeping = sorted(self._wakes())
        return [
            self._content.in_order[number].record
            for wake_us, number in sleeping[: max(0, limit)]
            if wake_us <= now_us
        ]

    async def next_wake_us(self) -> int | None:
        """See `Store.next_wake_us`."""
        self._require_open("read the next wake time")
        return min((wake_us for wake_us, _ in self._wakes()), default=None)

    async def counts(self) -> dict[Status, int]:
        """See `Store.counts`."""
        self._require_open("count executions")
        counts = dict.fromkeys(Status, 0)
        for run in self._content.runs.values():
            counts[run.record.status] += not run.is_earlier
        return counts

    async def deployment(self, id: DeploymentId) -> Deployment | None:  # noqa: A002 (the field's name)
        """See `Store.deployment`."""
        self._require_open("read a deployment")
        return self._content.deployments.get(id)

    async def deployments(
        self, *, limit: int = 100, before: DeploymentId | None = None
    ) -> Deployments:
        """See `Store.deployments`."""
        self._require_open("list deployments")
        kept = self._content.deployments
        saved = reversed(kept.values())
        if before is not None:
            if before not in kept:
                return []
            saved = dropwhile(lambda each: each.id != before, saved)
            next(saved)
        return [*islice(saved, max(0, limit))]

    async def active(self) -> DeploymentIds:
        """See `Store.active`."""
        self._require_open("list active deployments")
        return [*self._content.active]

    async def blob(self, sha256: str) -> bytes | None:
        """See `Store.blob`."""
        self._require_open("read a blob")
        data = self._content.blobs.get(sha256)
        if data is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(
                "read a blob",
                f"the bytes of {sha256} do not have that hash",
                "Deploy the same code again.",
                retriable=False,
            )
        return data

    async def openings(self, *, limit: int = 100) -> Openings:
        """See `Store.openings`."""
        self._require_open("list openings")
        return [*islice(reversed(self._content.openings), max(0, limit))]

    async def size_bytes(self) -> int:
        """See `Store.size_bytes`."""
        self._require_open("measure its size")
        runs = self._content.runs.values()
        journals = sum(len(chunk.data) for run in runs for chunk in run.chunks)
        return journals + sum(len(data) for data in self._content.blobs.values())

    def _wakes(self) -> Iterable[tuple[int, int]]:
        for run in self._content.runs.values():
            if run.record.wake_us is not None:
                yield run.record.wake_us, run.number

    def _lasting(self, id_: ExecutionId) -> Lasting | None:
        """Return what belongs to an execution in all its runs; None for an earlier one."""
        self._require_open("read an execution")
        run = self._content.find(id_)
        return None if run.is_earlier else run.lasting

    def _require_open(self, operation: str) -> None:
        if not self._opened:
            raise StoreError(operation, "it is not open", "Call `open` first.", retriable=False)


def _first(records: Iterable[Record], limit: int) -> Records:
    """Return the first `limit` records."""
    return [*islice(records, max(0, limit))]
