"""A store that forgets: for tests, and for engines whose executions need not outlive them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import assert_never

import msgspec

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict, StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import (
    Append,
    Chunk,
    Create,
    Deployment,
    Deployments,
    Journal,
    Record,
    Records,
    Results,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Write,
)


class _Execution:
    """One execution: its record is replaced, its journal grows."""

    __slots__ = ("attempts", "chunks", "length", "number", "record")

    def __init__(self, number: int, record: Record, chunk: Chunk) -> None:
        self.number = number
        self.record = record
        self.chunks = [chunk]
        self.length = chunk.count
        self.attempts: dict[int, bytes] = {}


class MemoryStore:
    """A `Store` (see `flawless.stores.base`) in this process's memory.

    It fulfils the whole contract but durability: its content ends with the object. It may be closed
    and opened again, like a file.
    """

    def __init__(self) -> None:
        self._opened = False
        self._executions: dict[ExecutionId, _Execution] = {}
        self._deployments: dict[DeploymentId, Deployment] = {}
        self._blobs: dict[str, bytes] = {}
        self._undo: list[Callable[[], object]] = []

    async def open(self) -> None:
        """See `Store.open`."""
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
        self._undo.clear()
        try:
            return self._apply(writes)
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        finally:
            self._undo.clear()

    def _apply(self, writes: Sequence[Write]) -> Results:
        results: Results = []
        taken: set[ExecutionId] = set()
        for write in writes:
            result: Record | None = None
            match write:
                case Create():
                    result = self._create(write)
                    if result is not None:
                        taken.add(write.id)
                case Append():
                    if write.id not in taken:
                        self._append(write)
                case SaveAttempts():
                    if write.id not in taken:
                        self._save_attempts(write)
                case SaveDeployment():
                    self._save_deployment(write)
                case SaveBlob():
                    self._save_blob(write)
                case _:
                    assert_never(write)
            results.append(result)
        return results

    def _create(self, write: Create) -> Record | None:
        existing = self._executions.get(write.id)
        if existing is not None:
            return existing.record
        record = Record(
            id=write.id,
            workflow=write.workflow,
            deployment=write.deployment,
            status=Status.RUNNING,
            created_us=write.at_us,
            updated_us=write.at_us,
            wake_us=None,
            digest=write.digest,
        )
        self._executions[write.id] = _Execution(len(self._executions), record, write.chunk)
        self._undo.append(lambda: self._executions.pop(write.id))
        return None

    def _append(self, write: Append) -> None:
        execution = self._find(write.id)
        chunk = write.chunk
        if chunk is not None:
            if chunk.first_seq != execution.length:
                raise StoreConflict(
                    f"execution {write.id!r}: entry {chunk.first_seq} was to be appended to a "
                    f"journal of {execution.length} entries: is another engine writing to it?"
                )
            execution.chunks.append(chunk)
            execution.length += chunk.count

            def shorten() -> None:
                execution.length -= execution.chunks.pop().count

            self._undo.append(shorten)
        if write.status is not None:
            before, attempts = execution.record, execution.attempts
            execution.record = msgspec.structs.replace(
                before, status=write.status, wake_us=write.wake_us, updated_us=write.at_us
            )
            if write.status.final:
                execution.attempts = {}

            def revert() -> None:
                execution.record, execution.attempts = before, attempts

            self._undo.append(revert)

    def _save_attempts(self, write: SaveAttempts) -> None:
        execution = self._find(write.id)
        before = execution.attempts
        execution.attempts = {k: v for k, v in before.items() if k != write.effect}
        if write.data is not None:
            execution.attempts[write.effect] = write.data

        def revert() -> None:
            execution.attempts = before

        self._undo.append(revert)

    def _save_deployment(self, write: SaveDeployment) -> None:
        if write.id in self._deployments:
            return
        self._deployments[write.id] = Deployment(
            id=write.id,
            label=write.label,
            kind=write.kind,
            manifest=write.manifest,
            component=write.component,
            created_us=write.created_us,
        )
        self._undo.append(lambda: self._deployments.pop(write.id))

    def _save_blob(self, write: SaveBlob) -> None:
        if write.sha256 not in self._blobs:
            self._blobs[write.sha256] = write.data
            self._undo.append(lambda: self._blobs.pop(write.sha256))

    # --- reading --------------------------------------------------------------------------------

    async def get(self, id: ExecutionId) -> Record | None:  # noqa: A002 (the field's name)
        """See `Store.get`."""
        self._require_open("read an execution")
        execution = self._executions.get(id)
        return None if execution is None else execution.record

    async def list(
        self,
        *,
        status: Status | None = None,
        workflow: str | None = None,
        prefix: str = "",
        limit: int = 100,
        before: ExecutionId | None = None,
    ) -> Records:
        """See `Store.list`."""
        self._require_open("list executions")
        end = self._number(before) if before is not None else len(self._executions)
        matching = (
            e.record
            for e in reversed(self._executions.values())
            if e.number < end
            and (status is None or e.record.status is status)
            and (workflow is None or e.record.workflow == workflow)
            and e.record.id.startswith(prefix)
        )
        return _first(matching, limit)

    async def journal(self, id: ExecutionId) -> Journal:  # noqa: A002 (the field's name)
        """See `Store.journal`."""
        self._require_open("read a journal")
        return [*self._find(id).chunks]

    async def last_chunk(self, id: ExecutionId) -> Chunk:  # noqa: A002 (the field's name)
        """See `Store.last_chunk`."""
        self._require_open("read a journal")
        return self._find(id).chunks[-1]

    async def attempts(self, id: ExecutionId) -> dict[int, bytes]:  # noqa: A002 (the field's name)
        """See `Store.attempts`."""
        self._require_open("read attempts")
        return dict(sorted(self._find(id).attempts.items()))

    async def running(self, *, limit: int = 1000, after: ExecutionId | None = None) -> Records:
        """See `Store.running`."""
        self._require_open("list running executions")
        if after is not None and after not in self._executions:
            return []
        begin = -1 if after is None else self._number(after)
        matching = (
            e.record
            for e in self._executions.values()
            if e.number > begin and e.record.status is Status.RUNNING
        )
        return _first(matching, limit)

    async def due(self, now_us: int, *, limit: int = 1000) -> Records:
        """See `Store.due`."""
        self._require_open("list due executions")
        sleeping = sorted(self._wakes())
        return [
            self._executions[id_].record
            for wake_us, _, id_ in sleeping[: max(0, limit)]
            if wake_us <= now_us
        ]

    async def next_wake_us(self) -> int | None:
        """See `Store.next_wake_us`."""
        self._require_open("read the next wake time")
        return min((wake_us for wake_us, _, _ in self._wakes()), default=None)

    async def counts(self) -> dict[Status, int]:
        """See `Store.counts`."""
        self._require_open("count executions")
        counts = dict.fromkeys(Status, 0)
        for execution in self._executions.values():
            counts[execution.record.status] += 1
        return counts

    async def deployment(self, id: DeploymentId) -> Deployment | None:  # noqa: A002 (the field's name)
        """See `Store.deployment`."""
        self._require_open("read a deployment")
        return self._deployments.get(id)

    async def deployments(self) -> Deployments:
        """See `Store.deployments`."""
        self._require_open("list deployments")
        return [*reversed(self._deployments.values())]

    async def blob(self, sha256: str) -> bytes | None:
        """See `Store.blob`."""
        self._require_open("read a blob")
        data = self._blobs.get(sha256)
        if data is not None and hashlib.sha256(data).hexdigest() != sha256:
            raise StoreError(
                "read a blob",
                f"the bytes of {sha256} do not have that hash",
                "Deploy the same code again.",
                retriable=False,
            )
        return data

    async def size_bytes(self) -> int:
        """See `Store.size_bytes`."""
        self._require_open("measure its size")
        journals = sum(len(c.data) for e in self._executions.values() for c in e.chunks)
        return journals + sum(len(data) for data in self._blobs.values())

    def _wakes(self) -> Iterable[tuple[int, int, ExecutionId]]:
        for execution in self._executions.values():
            if execution.record.wake_us is not None:
                yield execution.record.wake_us, execution.number, execution.record.id

    def _number(self, id_: ExecutionId) -> int:
        execution = self._executions.get(id_)
        return -1 if execution is None else execution.number

    def _find(self, id_: ExecutionId) -> _Execution:
        execution = self._executions.get(id_)
        if execution is None:
            raise ExecutionNotFound(id_)
        return execution

    def _require_open(self, operation: str) -> None:
        if not self._opened:
            raise StoreError(operation, "it is not open", "Call `open` first.", retriable=False)


def _first(records: Iterable[Record], limit: int) -> Records:
    """Return the first `limit` records."""
    return [*islice(records, max(0, limit))]
