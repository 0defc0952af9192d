"""Carries out batches of writes on one connection. Knows nothing of threads or event loops.

The path that matters is one `Append` without a status: one dictionary lookup and one INSERT, which
is its own transaction. What makes that possible is a bounded cache of the executions last written
to, with their integer key and the length of their journal. The length is read from the table when
an execution is first touched and counted from then on; that is safe because the lock keeps other
writers away, and were it wrong nevertheless, the primary key of `journal` would refuse the row.
After a failed batch the executions it touched are forgotten, and read afresh.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Final, assert_never

import apsw

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import ExecutionId
from flawless.stores.base import (
    SEQ_END,
    Append,
    Create,
    Record,
    Results,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Write,
)
from flawless.stores.sqlite.rows import STATUS_NUMBER, record
from flawless.stores.sqlite.sql import QUERIES

EXECUTIONS_CACHED_MAX: Final = 20_000
NAMES_CACHED_MAX: Final = 1_000

_INSERT_CHUNK = QUERIES["insert_chunk"]


class _Tail:
    """Where the rows of one execution go: its key times 2^24, and the length of its journal."""

    __slots__ = ("base", "length", "may_have_attempts")

    def __init__(self, base: int, length: int, *, may_have_attempts: bool) -> None:
        self.base = base
        self.length = length
        self.may_have_attempts = may_have_attempts


class Writer:
    """Applies writes. Not thread-safe: its owner calls one method at a time."""

    def __init__(
        self, connection: apsw.Connection, *, executions_cached_max: int = EXECUTIONS_CACHED_MAX
    ) -> None:
        self._executions_cached_max = executions_cached_max
        self._connection = connection
        self._execute = connection.cursor().execute
        self._tails: OrderedDict[ExecutionId, _Tail] = OrderedDict()
        self._names: OrderedDict[str, int] = OrderedDict()

    def commit(self, writes: Sequence[Write]) -> Results:
        """Carry out the batch as one transaction; see `Store.commit`.

        Raises `apsw.Error` besides the errors of the contract. Blobs are already compressed.
        """
        if len(writes) == 1:
            write = writes[0]
            if type(write) is Append and write.status is None and write.chunk is not None:
                return self._commit_one(write)
        if not writes:
            return []
        try:
            self._execute("BEGIN IMMEDIATE")
            results = self._apply(writes)
            self._execute("COMMIT")
        except BaseException:
            self._roll_back(writes)
            raise
        return results

    def _commit_one(self, write: Append) -> Results:
        try:
            self._append(write)
        except BaseException:
            self._roll_back((write,))
            raise
        return [None]

    def _roll_back(self, writes: Sequence[Write]) -> None:
        """Undo the transaction if SQLite has not done so already, and forget what was cached."""
        for write in writes:
            if isinstance(write, Create | Append | SaveAttempts):
                self._tails.pop(write.id, None)
        self._names.clear()
        if self._connection.in_transaction:
            self._execute("ROLLBACK")

    def _apply(self, writes: Sequence[Write]) -> Results:
        results: Results = []
        taken: set[ExecutionId] = set()
        for write in writes:
            result: Record | None = None
            match write:
                case Append():
                    if write.id not in taken:
                        self._append(write)
                case Create():
                    result = self._create(write)
                    if result is not None:
                        taken.add(write.id)
                case SaveAttempts():
                    if write.id not in taken:
                        self._save_attempts(write)
                case SaveDeployment():
                    self._execute(
                        QUERIES["save_deployment"],
                        (
                            write.id,
                            write.label,
                            write.kind,
                            write.manifest,
                            write.component,
                            write.created_us,
                        ),
                    )
                case SaveBlob():
                    self._execute(QUERIES["save_blob"], (write.sha256, write.data))
                case _:
                    assert_never(write)
            results.append(result)
        return results

    def _append(self, write: Append) -> None:
        tail = self._tails.get(write.id) or self._load(write.id)
        chunk = write.chunk
        if chunk is not None:
            if chunk.first_seq != tail.length:
                raise _conflict(write.id, chunk.first_seq, tail.length)
            try:
                self._execute(_INSERT_CHUNK, (tail.base + chunk.first_seq, chunk.count, chunk.data))
            except apsw.ConstraintError:
                raise _conflict(write.id, chunk.first_seq, tail.length + 1) from None
            tail.length += chunk.count
        if write.status is not None:
            self._set_status(write, tail, write.status)

    def _set_status(self, write: Append, tail: _Tail, status: Status) -> None:
        self._execute(
            QUERIES["set_status"],
            (tail.base // SEQ_END, STATUS_NUMBER[status], write.wake_us, write.at_us),
        )
        if status.final:
            if tail.may_have_attempts:
                self._execute(QUERIES["delete_attempts"], (tail.base, tail.base + SEQ_END))
            self._tails.pop(write.id, None)

    def _create(self, write: Create) -> Record | None:
        key = self._execute(
            QUERIES["insert_execution"],
            (
                write.id,
                self._name(write.workflow),
                self._name(write.deployment),
                write.at_us,
                write.digest,
            ),
        ).get
        if key is None:
            row = self._execute(QUERIES["record"], (write.id,)).fetchone()
            return record(row)
        tail = _Tail(key * SEQ_END, write.chunk.count, may_have_attempts=False)
        self._execute(_INSERT_CHUNK, (tail.base, write.chunk.count, write.chunk.data))
        self._remember(write.id, tail)
        return None

    def _save_attempts(self, write: SaveAttempts) -> None:
        tail = self._tails.get(write.id) or self._load(write.id)
        position = tail.base + write.effect
        if write.data is None:
            self._execute(QUERIES["delete_attempts"], (position, position + 1))
        else:
            tail.may_have_attempts = True
            self._execute(QUERIES["save_attempts"], (position, write.data))

    def _load(self, id_: ExecutionId) -> _Tail:
        """Read an execution's key and the length of its journal."""
        key = self._execute(QUERIES["execution_key"], (id_,)).get
        if key is None:
            raise ExecutionNotFound(id_)
        base = key * SEQ_END
        last = self._execute(QUERIES["journal_end"], (base, base + SEQ_END)).fetchone()
        length = 0 if last is None else last[0] - base + last[1]
        tail = _Tail(base, length, may_have_attempts=True)
        self._remember(id_, tail)
        return tail

    def _remember(self, id_: ExecutionId, tail: _Tail) -> None:
        self._tails[id_] = tail
        if len(self._tails) > self._executions_cached_max:
            self._tails.popitem(last=False)

    def _name(self, text: str) -> int:
        """Return the number of a workflow name or deployment id, giving it one if it is new."""
        key = self._names.get(text)
        if key is None:
            key = self._execute(QUERIES["name_key"], (text,)).get
            if key is None:
                key = self._execute(QUERIES["insert_name"], (text,)).get
            assert isinstance(key, int)
            self._names[text] = key
            if len(self._names) > NAMES_CACHED_MAX:
                self._names.popitem(last=False)
        return key


def _conflict(id_: ExecutionId, first_seq: int, length: int) -> StoreConflict:
    return StoreConflict(
        f"execution {id_!r}: entry {first_seq} was to be appended to a journal of {length} "
        "entries: is another engine writing to it?"
    )
