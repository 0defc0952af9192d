"""Answers questions on a connection of its own, so that reading never waits for writing."""

from __future__ import annotations

import contextlib
import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path

import apsw

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, JournalDamaged
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.base import (
    MESSAGE_END,
    SEQ_END,
    Chunk,
    Deployment,
    DeploymentIds,
    Deployments,
    Journal,
    Message,
    Messages,
    Openings,
    Page,
    Record,
    Records,
    Selection,
    Visible,
)
from flawless.stores.sqlite.errors import damaged
from flawless.stores.sqlite.openings import read_openings
from flawless.stores.sqlite.rows import STATUS, deployment, record
from flawless.stores.sqlite.search import Search
from flawless.stores.sqlite.sql import QUERIES


class Reader:
    """Reads. Not thread-safe. Raises `apsw.Error` besides the errors of the contract."""

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._path = path
        self._search = Search(connection.execute)

    def get(self, id_: ExecutionId) -> Record | None:
        """See `Store.get`."""
        row = self._execute(QUERIES["record"], (id_,)).fetchone()
        return None if row is None else record(row)

    def list(self, selection: Selection, limit: int, before: str | None) -> Page:
        """See `Store.list`."""
        with _Snapshot(self._execute):
            return self._search.page(selection, limit, before)

    def journal(self, id_: ExecutionId, start: int, count: int | None) -> Journal:
        """See `Store.journal`."""
        base = self._base(id_)
        if start <= 0:
            start = expected = 0
            rows = self._execute(QUERIES["chunks"], (base, base + SEQ_END))
        else:
            expected = -1
            last = base + SEQ_END - 1
            rows = self._execute(QUERIES["chunks_from"], (base, min(base + start, last), last))
        end = SEQ_END if count is None else start + count
        chunks: list[Chunk] = []
        try:
            for position, entries, data in rows:
                first_seq = position - base
                if expected < 0:
                    expected = first_seq
                if first_seq != expected or entries < 1:
                    raise JournalDamaged(
                        id_,
                        expected,
                        f"the store has {entries} entries from {first_seq} on instead",
                    )
                expected += entries
                if expected > start:
                    if first_seq >= end:
                        break
                    chunks.append(Chunk(first_seq, entries, data))
        finally:
            rows.close()
        if expected < 0:
            raise JournalDamaged(id_, 0, "the store has no entries at all")
        return chunks

    def last_chunk(self, id_: ExecutionId) -> Chunk:
        """See `Store.last_chunk`."""
        base = self._base(id_)
        row = self._execute(QUERIES["last_chunk"], (base, base + SEQ_END)).fetchone()
        if row is None:
            raise JournalDamaged(id_, 0, "the store has no entries at all")
        position, count, data = row
        return Chunk(position - base, count, data)

    def attempts(self, id_: ExecutionId) -> dict[int, bytes]:
        """See `Store.attempts`."""
        base = self._base(id_)
        rows = self._execute(QUERIES["attempts"], (base, base + SEQ_END))
        return {position - base: data for position, data in rows}

    def messages(self, id_: ExecutionId, after: int, limit: int) -> Messages:
        """See `Store.messages`."""
        origin = self._origin(id_)
        if origin is None:
            return []
        base = origin * MESSAGE_END
        behind = base + min(max(0, after), MESSAGE_END)
        values = (behind, base + MESSAGE_END, max(0, limit))
        return [
            Message(position - base, name, payload, at_us, message_id)
            for position, name, payload, at_us, message_id in self._execute(
                QUERIES["messages"], values
            )
        ]

    def state(self, id_: ExecutionId) -> Visible | None:
        """See `Store.state`."""
        return self._visible(id_, 0)

    def response(self, id_: ExecutionId) -> Visible | None:
        """See `Store.response`."""
        return self._visible(id_, 1)

    def _visible(self, id_: ExecutionId, kind: int) -> Visible | None:
        origin = self._origin(id_)
        if origin is None:
            return None
        row = self._execute(QUERIES["visible"], (2 * origin + kind,)).fetchone()
        return None if row is None else Visible(*row)

    def children(self, id_: ExecutionId, start: int, count: int | None) -> Records:
        """See `Store.children`."""
        origin = self._origin(id_)
        if origin is None:
            return []
        most = -1 if count is None else max(0, count)  # -1: no limit
        values = (origin, id_, most, max(0, start))
        return [record(row) for row in self._execute(QUERIES["children"], values)]

    def child_count(self, id_: ExecutionId) -> int:
        """See `Store.child_count`."""
        origin = self._origin(id_)
        if origin is None:
            return 0
        found: int = self._execute(QUERIES["child_count"], (origin,)).get
        return found

    def running(self, limit: int, after: ExecutionId | None) -> Records:
        """See `Store.running`."""
        key = 0
        if after is not None:
            found = self._execute(QUERIES["execution_key"], (after,)).get
            if found is None:
                return []
            key = found
        return [record(row) for row in self._execute(QUERIES["running"], (key, max(0, limit)))]

    def due(self, now_us: int, limit: int) -> Records:
        """See `Store.due`."""
        return [record(row) for row in self._execute(QUERIES["due"], (now_us, max(0, limit)))]

    def next_wake_us(self) -> int | None:
        """See `Store.next_wake_us`."""
        found: int | None = self._execute(QUERIES["next_wake"]).get
        return found

    def counts(self) -> dict[Status, int]:
        """See `Store.counts`."""
        counts = dict.fromkeys(Status, 0)
        with _Snapshot(self._execute):
            for number, count in self._execute(QUERIES["counts"]):
                counts[STATUS[number]] = count
            total = self._execute(QUERIES["count_all"]).get
            total -= self._execute(QUERIES["count_earlier_runs"]).get
        counts[Status.COMPLETED] = total - sum(counts.values())
        return counts

    def deployment(self, id_: DeploymentId) -> Deployment | None:
        """See `Store.deployment`."""
        row = self._execute(QUERIES["deployment"], (id_,)).fetchone()
        return None if row is None else deployment(row)

    def deployments(self, limit: int, before: DeploymentId | None) -> Deployments:
        """See `Store.deployments`."""
        rows = self._execute(QUERIES["deployments"], (before, max(0, limit)))
        return [deployment(row) for row in rows]

    def active(self) -> DeploymentIds:
        """See `Store.active`."""
        return [DeploymentId(id_) for (id_,) in self._execute(QUERIES["active"])]

    def has_blob(self, sha256: str) -> bool:
        """Return whether a blob is saved under that hash."""
        return self._execute(QUERIES["blob_exists"], (sha256,)).get is not None

    def packed_blob(self, sha256: str) -> bytes | None:
        """Return a blob as it is stored; `unpack` makes it readable."""
        data: bytes | None = self._execute(QUERIES["blob"], (sha256,)).get
        return data

    def unpack(self, sha256: str, packed: bytes) -> bytes:
        """Return the bytes of a packed blob, checked. Safe in any thread."""
        try:
            data = zlib.decompress(packed)
        except zlib.error as error:
            raise damaged("read a blob", f"{sha256} in {self._path}: {error}") from None
        if hashlib.sha256(data).hexdigest() != sha256:
            raise damaged("read a blob", f"the bytes of {sha256} in {self._path} are others")
        return data

    def openings(self, limit: int) -> Openings:
        """See `Store.openings`."""
        return read_openings(self._execute, limit)

    def _origin(self, id_: ExecutionId) -> int | None:
        """Return by what number all is found that lasts from run to run; None: earlier run."""
        row = self._execute(QUERIES["execution_origin"], (id_,)).fetchone()
        if row is None:
            raise ExecutionNotFound(id_)
        origin: int | None = row[0]
        return origin

    def _base(self, id_: ExecutionId) -> int:
        key = self._execute(QUERIES["execution_key"], (id_,)).get
        if key is None:
            raise ExecutionNotFound(id_)
        return int(key) * SEQ_END


class _Snapshot:
    """Several statements that see the same state."""

    def __init__(self, execute: Callable[[str], object]) -> None:
        self._execute = execute

    def __enter__(self) -> None:
        self._execute("BEGIN")

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(apsw.SQLError):  # an error of the disk has ended it already
            self._execute("ROLLBACK")
