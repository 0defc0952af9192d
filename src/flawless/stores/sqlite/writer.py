"""Carries out batches of writes on one connection. Knows nothing of threads or event loops.

The path that matters is one `Append` without a status: one dictionary lookup and one INSERT, which
is its own transaction. What makes that possible is a bounded cache (`tails`) of the executions last
written to, with their integer key and the length of their journal. The length is read from the
table when an execution is first touched and counted from then on; that is safe because the lock
keeps other writers away, and were it wrong nevertheless, the primary key of `journal` would refuse
the row. After a failed batch the executions it touched are forgotten, and read afresh.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, assert_never

import apsw
import msgspec

from flawless.core.signals import CANCEL, child_name
from flawless.core.status import Status
from flawless.errors import StoreConflict
from flawless.ids import ExecutionId, earlier_run
from flawless.stores.base import (
    PARENT_ENDED,
    SEQ_END,
    Append,
    Chunk,
    Create,
    NextRun,
    NoteOpening,
    Record,
    Result,
    Results,
    SaveActive,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Send,
    Write,
)
from flawless.stores.sqlite.inboxes import Inboxes
from flawless.stores.sqlite.openings import note_opening
from flawless.stores.sqlite.rows import EARLIER_RUN, STATUS, STATUS_NUMBER, record
from flawless.stores.sqlite.search import BLOCK_KEYS
from flawless.stores.sqlite.sql import QUERIES
from flawless.stores.sqlite.tails import Tail, Tails

EXECUTIONS_CACHED_MAX: Final = 20_000
NAMES_CACHED_MAX: Final = 1_000

_ROWS_AT_ONCE: Final = (32, 8, 2, 1)
"""With how many rows journals are inserted: each statement lets go of the interpreter's lock."""

_INSERT_CHUNKS: Final = {
    size: QUERIES["insert_chunks"].format(rows=", ".join(["(?, ?, ?)"] * size))
    for size in _ROWS_AT_ONCE
}
_OF_EXECUTIONS: Final = (Create, Append, NextRun, SaveAttempts)
_WAKEABLE: Final = (Status.WAITING, Status.PARKED)


class Writer:
    """Applies writes. Not thread-safe: its owner calls one method at a time."""

    def __init__(
        self, connection: apsw.Connection, *, executions_cached_max: int = EXECUTIONS_CACHED_MAX
    ) -> None:
        self._connection = connection
        self._execute = connection.cursor().execute
        self._tails = Tails(self._execute, executions_cached_max, self._insert_rows)
        self._cached = self._tails.cached
        self._inboxes = Inboxes(self._execute, self._tails)
        self._names: OrderedDict[str, int] = OrderedDict()
        self._rows: list[tuple[int, int, bytes]] = []
        """Of the journal, of the batch that is being made, and not inserted yet."""

    def commit(self, writes: Sequence[Write]) -> Results:
        """Carry out the batch as one transaction; see `Store.commit`.

        Raises `apsw.Error` besides the errors of the contract. Blobs are already compressed.
        """
        if len(writes) == 1:
            write = writes[0]
            if (
                type(write) is Append
                and write.status is None
                and write.chunk is not None
                and not write.received
                and write.state is None
                and write.response is None
            ):
                return self._commit_one(write, write.chunk)
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

    def _commit_one(self, write: Append, chunk: Chunk) -> Results:
        try:
            tail = self._cached.get(write.id) or self._tails.load(write.id)
            self._add_chunk(write.id, tail, chunk)
            self._insert_rows()
        except BaseException:
            self._roll_back((write,))
            raise
        return [None]

    def _roll_back(self, writes: Sequence[Write]) -> None:
        """Undo the transaction if SQLite has not done so already, and forget what was cached."""
        for write in writes:
            if isinstance(write, _OF_EXECUTIONS):
                self._tails.forget(write.id)
        self._names.clear()
        self._rows.clear()
        # A question that was not heard out holds its table, and no page may be moved meanwhile.
        self._execute("ROLLBACK" if self._connection.in_transaction else "SELECT 0 WHERE 0")

    def _apply(self, writes: Sequence[Write]) -> Results:
        results: Results = []
        taken: set[ExecutionId] = set()
        following = iter(writes)
        next(following)
        made: Append | None = None
        for write in writes:
            result: Result = None
            after = next(following, None)
            match write:
                case Append():
                    if write.id not in taken and write is not made:
                        result = self._append(write)
                case Create():
                    if write.parent is None or write.parent.id not in taken:
                        made = _end_at_once(write, after)
                        result = self._create(write, made)
                        if result is not None and write.parent is None:
                            taken.add(write.id)
                case Send():
                    result = self._inboxes.send(write)
                case NextRun():
                    if write.id not in taken:
                        self._next_run(write)
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
                case SaveActive():
                    self._execute(QUERIES["forget_active"])
                    for deployment in write.deployments:
                        self._execute(QUERIES["insert_active"], (deployment,))
                case NoteOpening():
                    note_opening(self._execute, write)
                case SaveBlob():
                    self._execute(QUERIES["save_blob"], (write.sha256, write.data))
                case _:
                    assert_never(write)
            results.append(result)
        self._insert_rows()
        return results

    # --- executions -----------------------------------------------------------------------------

    def _append(self, write: Append) -> tuple[ExecutionId, ...] | None:
        tail = self._tails.find(write.id)
        if write.chunk is not None:
            self._add_chunk(write.id, tail, write.chunk)
        if write.received:
            self._inboxes.receive(tail, write.received)
        if write.state is not None:
            self._execute(QUERIES["save_state"], (2 * tail.origin, write.at_us, write.state))
        if write.response is not None:
            self._execute(
                QUERIES["save_response"], (2 * tail.origin + 1, write.at_us, write.response)
            )
        status = write.status
        if status is None:
            return None
        wake_us = write.wake_us
        if status in _WAKEABLE and tail.may_have_inbox:
            overlooked = self._inboxes.has_waking(tail, write.seen, listening=write.listening)
            if overlooked and (wake_us is None or wake_us > write.at_us):
                wake_us = write.at_us
        self._execute(
            QUERIES["set_status"],
            (
                tail.base // SEQ_END,
                STATUS_NUMBER[status],
                wake_us,
                write.at_us,
                int(write.listening),
            ),
        )
        return self._end(write, tail) if status.final else None

    def _add_chunk(self, id_: ExecutionId, tail: Tail, chunk: Chunk) -> None:
        if chunk.first_seq != tail.length:
            raise _conflict(id_, chunk.first_seq, tail.length)
        self._rows.append((tail.base + chunk.first_seq, chunk.count, chunk.data))
        tail.length += chunk.count

    def _insert_rows(self) -> None:
        """Insert what was gathered of journals, many rows with one statement."""
        rows = self._rows
        if len(rows) == 1:  # as with most steps
            self._insert(1, rows.pop())
        while rows:
            size = next(size for size in _ROWS_AT_ONCE if size <= len(rows))
            self._insert(size, [value for row in rows[:size] for value in row])
            del rows[:size]

    def _insert(self, count: int, values: Sequence[object]) -> None:
        try:
            self._execute(_INSERT_CHUNKS[count], values)
        except apsw.ConstraintError:
            raise StoreConflict(
                "entries were to be appended to a journal that has them already: is another "
                "engine writing to it?"
            ) from None

    def _end(self, write: Append, tail: Tail) -> tuple[ExecutionId, ...] | None:
        """Clean up behind an execution that has ended, and tell its parent and children."""
        self._tails.forget(write.id)
        if tail.may_have_attempts:
            self._execute(QUERIES["delete_attempts"], (tail.base, tail.base + SEQ_END))
        if tail.may_have_inbox and write.status is Status.FAILED:
            self._inboxes.keep_unread(tail)
        elif tail.may_have_inbox:
            self._inboxes.clear(tail)
        told: list[ExecutionId | None] = []
        if tail.may_have_parent:
            for parent, run, effect in self._links(tail.origin):
                name = child_name(run, effect)
                to = self._inboxes.signal(
                    parent, name, write.outcome, write.at_us, also_failed=True
                )
                told.append(to)
        if tail.may_have_children:
            told += [
                self._inboxes.signal(child, CANCEL, PARENT_ENDED, write.at_us)
                for child in self._children_to_cancel(tail.origin)
            ]
        return tuple(id_ for id_ in told if id_ is not None) or None

    def _links(self, origin: int) -> list[tuple[int, int, int]]:
        """Return the parent's origin, run and effect, if there is a parent."""
        found: Any = self._execute(QUERIES["child_link"], (origin,)).fetchall()
        return [*found]

    def _children_to_cancel(self, origin: int) -> list[int]:
        found: Any = self._execute(QUERIES["children_to_cancel"], (origin,)).fetchall()
        return [key for (key,) in found]

    def _create(self, write: Create, end: Append | None) -> Record | None:
        """Begin an execution; with an `end`, which follows at once, it has ended already."""
        parent = None if write.parent is None else self._tails.find(write.parent.id)
        values: tuple[object, ...] = (
            write.id,
            self._name(write.workflow),
            self._name(write.deployment),
            write.at_us,
            write.digest,
        )
        if end is not None and end.status is not None:
            ended = (*values, STATUS_NUMBER[end.status], end.at_us)
            key = self._execute(QUERIES["insert_ended"], ended).get
        elif write.wake_us is None and not write.attributes:
            key = self._execute(QUERIES["insert_execution"], values).get
        else:
            data = msgspec.json.encode(write.attributes).decode() if write.attributes else None
            marked = (*values, write.wake_us, data)
            key = self._execute(QUERIES["insert_marked"], marked).get
        if key is None:
            return self._existing(write, parent)
        self._complete_block(key)
        tail = Tail(key, key, write.chunk.count)
        tail.may_have_attempts = tail.may_have_children = tail.may_have_inbox = False
        tail.may_have_parent = parent is not None
        self._rows.append((tail.base, write.chunk.count, write.chunk.data))
        for chunk in write.more:
            self._add_chunk(write.id, tail, chunk)
        if end is not None and end.chunk is not None:
            self._add_chunk(write.id, tail, end.chunk)
            return None
        if write.attributes:
            self._execute(QUERIES["index_attributes"], (key,))
        if write.parent is not None and parent is not None:
            link = write.parent
            self._execute(
                QUERIES["insert_child"],
                (key, parent.origin, link.run, link.effect, link.close, write.depth),
            )
            parent.may_have_children = True
        self._tails.remember(write.id, tail)
        return None

    def _existing(self, write: Create, parent: Tail | None) -> Record:
        """Return the record of a taken id. A parent that wanted it for a child is told."""
        found = record(self._execute(QUERIES["record"], (write.id,)).fetchone())
        here, there = write.parent, found.parent
        if here is None or parent is None:
            return found
        same = there is not None and (
            (there.id, there.run, there.effect) == (here.id, here.run, here.effect)
            and found.digest == write.digest
        )
        if not same:
            name = child_name(here.run, here.effect)
            self._inboxes.signal(parent.origin, name, write.refusal, write.at_us)
        return found

    def _next_run(self, write: NextRun) -> None:
        old = self._tails.find(write.id)
        if write.last is not None:
            self._add_chunk(write.id, old, write.last)
        self._inboxes.receive(old, write.received)
        keys: Any = self._execute(QUERIES["execution_keys"], (write.id,)).fetchone()
        key, origin, number, run = keys
        status = write.status or STATUS[number]
        if not status.final:
            raise StoreConflict(
                f"execution {write.id!r}: the next run was to begin while it is {status}"
            )
        old_id = earlier_run(write.id, run)
        try:
            self._execute(
                QUERIES["rename_run"],
                (
                    key,
                    old_id,
                    STATUS_NUMBER[status] + EARLIER_RUN,
                    None if write.status is None else write.at_us,
                ),
            )
        except apsw.ConstraintError:
            raise StoreConflict(
                f"execution {write.id!r}: there is an execution {old_id!r} already"
            ) from None
        if old.may_have_attempts:
            self._execute(QUERIES["delete_attempts"], (old.base, old.base + SEQ_END))
        new_key = self._execute(
            QUERIES["insert_run"],
            (
                write.id,
                self._name(write.workflow),
                self._name(write.deployment),
                write.at_us,
                write.digest,
                run + 1,
                origin,
                key,
            ),
        ).get
        self._complete_block(new_key)
        self._execute(QUERIES["index_attributes"], (new_key,))
        new = Tail(new_key, origin, write.chunk.count)
        new.may_have_attempts = False
        new.may_have_children = old.may_have_children
        new.may_have_inbox = old.may_have_inbox
        new.may_have_parent = old.may_have_parent
        self._rows.append((new.base, write.chunk.count, write.chunk.data))
        self._tails.remember(write.id, new)

    def _complete_block(self, key: int) -> None:
        """Note when the last block was created, if an execution's key begins the next."""
        if not key % BLOCK_KEYS:
            self._execute(QUERIES["complete_block"], (key - BLOCK_KEYS, key))

    def _save_attempts(self, write: SaveAttempts) -> None:
        tail = self._tails.find(write.id)
        position = tail.base + write.effect
        if write.data is None:
            self._execute(QUERIES["delete_attempts"], (position, position + 1))
        else:
            tail.may_have_attempts = True
            self._execute(QUERIES["save_attempts"], (position, write.data))

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


def _end_at_once(write: Create, after: Write | None) -> Append | None:
    """Return the write after a creation if it is the end of the same execution and no more."""
    if (
        type(after) is Append
        and after.id == write.id
        and after.status is not None
        and after.status.final
        and after.chunk is not None
        and after.chunk.first_seq == write.chunk.count
        and not after.received
        and after.state is None
        and after.response is None
        and write.parent is None
        and write.wake_us is None
        and not write.attributes
        and not write.more
    ):
        return after
    return None


def _conflict(id_: ExecutionId, first_seq: int, length: int) -> StoreConflict:
    return StoreConflict(
        f"execution {id_!r}: entry {first_seq} was to be appended to a journal of {length} "
        "entries: is another engine writing to it?"
    )
