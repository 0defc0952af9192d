"""The contract of a store: what an engine may rely on, whatever database stands behind it.

A store keeps, for each execution, one `Record` (what it is and how it stands), one journal (rows of
opaque bytes, numbered without gaps), and one inbox (messages that were sent to it and not yet
received). Everything that changes goes through `Store.commit`: a batch of writes that becomes
durable whole or not at all. `tests/stores/test_contract*.py` hold every sentence of this module
against every store.

An execution may have several runs (`NextRun`). Its id always names the latest. The run number `n`
before that is kept, for reading only, as an *earlier run* under the id `ID~n`, with a final status.
Record and journal belong to a run; inbox, known message ids, state, response and the links to
parent and children belong to the execution, and so to the latest run.

Rules that hold for all methods:

- One engine writes a store at a time; a second one is refused (`EngineLocked`) or, where a store
  cannot lock, caught by `StoreConflict`.
- All methods are called from one event loop, after `open` and before `close`.
- Reads see every batch whose `commit` has returned, and never a part of a batch.
- Trouble with the database is a `StoreError`, which tells whether trying again may help. The store
  stays usable after it: a later call may succeed.
- Times are integer microseconds since the epoch. The store has no clock of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeAlias

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.activation import SaveActive
from flawless.stores.openings import OPENINGS_MAX, NoteOpening, Opening
from flawless.stores.records import (
    CLOSE_POLICIES,
    MESSAGE_END,
    SEQ_END,
    Chunk,
    Deployment,
    Message,
    Parent,
    Record,
    Visible,
)
from flawless.stores.selection import SCANNED_MAX, Page, Selection
from flawless.stores.writes import (
    PARENT_ENDED,
    WAITING_BYTES_MAX,
    WAITING_MAX,
    Append,
    Create,
    NextRun,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Send,
    SendOutcome,
    Sent,
    Write,
    pack,
)

__all__ = [  # what is read and written is of the contract too, and is had from here
    "CLOSE_POLICIES",
    "MESSAGE_END",
    "OPENINGS_MAX",
    "PARENT_ENDED",
    "SCANNED_MAX",
    "SEQ_END",
    "WAITING_BYTES_MAX",
    "WAITING_MAX",
    "Append",
    "Chunk",
    "Create",
    "Deployment",
    "DeploymentIds",
    "Deployments",
    "Journal",
    "Message",
    "Messages",
    "NextRun",
    "NoteOpening",
    "Opening",
    "Openings",
    "Page",
    "Parent",
    "Record",
    "Records",
    "Result",
    "Results",
    "SaveActive",
    "SaveAttempts",
    "SaveBlob",
    "SaveDeployment",
    "Selection",
    "Send",
    "SendOutcome",
    "Sent",
    "Store",
    "Visible",
    "Write",
    "pack",
]

_ALL = Selection()

# `Store.list` hides the built-in name inside the class, so results are named here.
Records: TypeAlias = list[Record]
Journal: TypeAlias = list[Chunk]
Deployments: TypeAlias = list[Deployment]
Messages: TypeAlias = list[Message]
Openings: TypeAlias = list[Opening]
DeploymentIds: TypeAlias = list[DeploymentId]
Result: TypeAlias = Record | Sent | tuple[ExecutionId, ...] | None
Results: TypeAlias = list[Result]


class Store(Protocol):
    """What an engine needs of a database."""

    async def open(self) -> None:
        """Make the store ready, creating it where there is none.

        Raises `EngineLocked` when another engine has it open, `StoreError` when it cannot be read
        or written, is damaged, or was written by a newer version. After an error nothing is held,
        and `open` may be called again.
        """
        ...

    async def close(self) -> None:
        """Finish what was handed to `commit`, then release everything. Idempotent."""
        ...

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
        """Carry out `writes` in order, as one atomic batch; durable when this returns.

        Returns one result per write: for a `Create` the existing record if its id is taken, for an
        `Append` the ids of those it sent signals to, if any, for a `Send` a `Sent`, else None. An
        empty batch does nothing.

        `inline=True` says that the caller has nothing better to do meanwhile: the store may then
        block the loop, if it expects that to be quicker than to hand the batch to a thread.

        Concurrent calls are carried out in the order of the calls, except that a batch with a
        `SaveBlob` may be overtaken. When the caller is cancelled, the batch may still be done.

        Raises, with nothing of the batch carried out:
        `StoreConflict` when a chunk does not fit the end of its journal, when a write other than a
        `Send` (or the parent of a `Create`) names an earlier run, and when a `NextRun` finds its
        run not ended or the id of the earlier run taken; `ExecutionNotFound` when an `Append`,
        `NextRun` or `SaveAttempts`, or the parent of a `Create`, names an unknown id; `StoreError`
        when the database refuses. After a `StoreError` on a store reached over a network the batch
        may have been done.
        """
        ...

    async def get(self, id: ExecutionId) -> Record | None:  # noqa: A002 (the field's name)
        """Return the record, or None when no execution has that id."""
        ...

    async def list(
        self, selection: Selection = _ALL, *, limit: int = 100, before: str | None = None
    ) -> Page:
        """Return a page of the records that `selection` selects, the most recently created first.

        They were created earlier than `before`: the id of an execution, or the `next` of a page. An
        unknown one gives an empty page. "Created" is the order in which the store got them, not
        their clock, and pages do not shift when further executions are created.

        One call looks at no more than `SCANNED_MAX` executions, however many there are. So there
        are at most `limit` records, and fewer, or none, where few match; there is no more to be
        found only when `next` is None.
        """
        ...

    async def journal(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Journal:
        """Return the journal in order, without gaps: the chunks with the entries from `start` on.

        The first chunk may begin earlier. With a `count`, the chunks hold at least that many
        entries from `start` on, if there are so many, and no chunk more than that takes. An empty
        list, if there is no entry `start`.

        Raises `ExecutionNotFound`, and `JournalDamaged` when the chunks do not join.
        """
        ...

    async def last_chunk(self, id: ExecutionId) -> Chunk:  # noqa: A002 (the field's name)
        """Return the end of the journal (it holds an ended execution's outcome).

        Raises `ExecutionNotFound`, and `JournalDamaged` when there is no chunk at all.
        """
        ...

    async def attempts(self, id: ExecutionId) -> dict[int, bytes]:  # noqa: A002 (the field's name)
        """Return the saved attempts by effect, in ascending order. Raises `ExecutionNotFound`."""
        ...

    async def messages(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        after: int = 0,
        limit: int = 1000,
    ) -> Messages:
        """Return what is in the inbox, in order, with numbers above `after`.

        That of an earlier run is empty. Raises `ExecutionNotFound`.
        """
        ...

    async def state(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """Return the visible state, or None if none was set, or the id is that of an earlier run.

        Raises `ExecutionNotFound`.
        """
        ...

    async def response(self, id: ExecutionId) -> Visible | None:  # noqa: A002 (the field's name)
        """Return the response, or None if none was given, or the id is that of an earlier run.

        Raises `ExecutionNotFound`.
        """
        ...

    async def children(
        self,
        id: ExecutionId,  # noqa: A002 (the field's name)
        start: int = 0,
        count: int | None = None,
    ) -> Records:
        """Return the records of its children, those first created first (in their first run).

        They begin with the one at the place `start`, and are at most `count`. Children of all runs
        are included, each with its latest run. An earlier run has none. Raises `ExecutionNotFound`.
        """
        ...

    async def child_count(self, id: ExecutionId) -> int:  # noqa: A002 (the field's name)
        """Return how many `children` there are in all. Raises `ExecutionNotFound`."""
        ...

    async def running(self, *, limit: int = 1000, after: ExecutionId | None = None) -> Records:
        """Return records with status `running`, the first created first, beginning behind `after`.

        An unknown `after` gives an empty list; `after` itself may have any status.
        """
        ...

    async def due(self, now_us: int, *, limit: int = 1000) -> Records:
        """Return records with `wake_us <= now_us`: the earliest first, ties by creation.

        They are `waiting` or `parked`; no others have a wake time.
        """
        ...

    async def next_wake_us(self) -> int | None:
        """Return the earliest wake time of all executions, or None if none has one."""
        ...

    async def counts(self) -> dict[Status, int]:
        """Return how many executions have each status; every status is a key.

        Earlier runs are not counted.
        """
        ...

    async def deployment(self, id: DeploymentId) -> Deployment | None:  # noqa: A002 (the field's name)
        """Return the deployment, or None."""
        ...

    async def deployments(
        self, *, limit: int = 100, before: DeploymentId | None = None
    ) -> Deployments:
        """Return deployments, the most recently saved first, those saved earlier than `before`.

        An unknown `before` gives an empty list.
        """
        ...

    async def active(self) -> DeploymentIds:
        """Return the active deployments, as the last `SaveActive` named them."""
        ...

    async def blob(self, sha256: str) -> bytes | None:
        """Return the bytes saved under that hash, or None. Damaged bytes are a `StoreError`."""
        ...

    async def openings(self, *, limit: int = 100) -> Openings:
        """Return the openings that were noted (`NoteOpening`), the last one first."""
        ...

    async def size_bytes(self) -> int:
        """Return the space the store takes at present."""
        ...
