"""The contract of a store: what an engine may rely on, whatever database stands behind it.

A store keeps, for each execution, one `Record` (what it is and how it stands) and one journal (rows
of opaque bytes, numbered without gaps). Everything that changes goes through `Store.commit`: a
batch of writes that becomes durable whole or not at all. `tests/stores/test_contract.py` holds
every sentence of this module against every store.

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

import msgspec

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId

SEQ_END = 1 << 24
"""Journal positions and effect numbers are below this (16.7 million), in every store."""

# Structs rather than dataclasses: one is made for every effect, and a frozen dataclass takes 1.5 us
# where a frozen struct takes 0.2.


class Chunk(msgspec.Struct, frozen=True):
    """`count` consecutive encoded journal entries, the first of which has position `first_seq`."""

    first_seq: int
    count: int
    data: bytes

    def __post_init__(self) -> None:
        if self.count < 1 or self.first_seq < 0 or self.first_seq + self.count > SEQ_END:
            raise ValueError(f"a chunk cannot hold {self.count} entries from {self.first_seq} on")


class Record(msgspec.Struct, frozen=True):
    """What a store knows about an execution without looking into its journal.

    `updated_us` is when the status or wake time was last set (appending alone does not touch it,
    so that a step costs one small row). `wake_us` is set only while the status is `waiting`, and
    not always then. `digest` identifies workflow and input.
    """

    id: ExecutionId
    workflow: str
    deployment: DeploymentId
    status: Status
    created_us: int
    updated_us: int
    wake_us: int | None
    digest: bytes


class Deployment(msgspec.Struct, frozen=True):
    """An immutable build of the user's code. `component` is the sha256 (hex) of a saved blob."""

    id: DeploymentId
    label: str
    kind: str
    manifest: bytes
    component: str
    created_us: int


class Create(msgspec.Struct, frozen=True):
    """Begin an execution: status `running`, journal beginning with `chunk`.

    If the id is taken, its result is the existing `Record`, and this write as well as all later
    writes of the same id in the batch are skipped; the rest of the batch is carried out. So a batch
    must not hold a `Create` of an id together with writes of someone who already has that id.
    """

    id: ExecutionId
    workflow: str
    deployment: DeploymentId
    digest: bytes
    at_us: int
    chunk: Chunk

    def __post_init__(self) -> None:
        if self.chunk.first_seq != 0:
            raise ValueError(f"a journal begins at 0, not at {self.chunk.first_seq}")


class Append(msgspec.Struct, frozen=True):
    """Add `chunk` to the journal, or set the status, or both.

    `chunk.first_seq` must be the present length of the journal: else `StoreConflict`. Without a
    status, status and wake time stay as they are; with one, the wake time becomes `wake_us` (only
    `waiting` may have one). A final status also deletes all attempts of the execution. Any status
    may follow any other: which changes make sense is the engine's business.
    """

    id: ExecutionId
    chunk: Chunk | None
    status: Status | None
    wake_us: int | None
    at_us: int

    def __post_init__(self) -> None:
        if self.wake_us is not None and self.status is not Status.WAITING:
            raise ValueError(f"only a waiting execution has a wake time, not {self.status}")


class SaveAttempts(msgspec.Struct, frozen=True):
    """Replace what is known about an effect's tries so far; None deletes it. Idempotent."""

    id: ExecutionId
    effect: int
    data: bytes | None

    def __post_init__(self) -> None:
        if not 0 <= self.effect < SEQ_END:
            raise ValueError(f"an effect cannot have the number {self.effect}")


class SaveDeployment(msgspec.Struct, frozen=True):
    """Keep a deployment. Idempotent: a known id changes nothing (the first label stays)."""

    id: DeploymentId
    label: str
    kind: str
    manifest: bytes
    component: str
    created_us: int


class SaveBlob(msgspec.Struct, frozen=True):
    """Keep bytes under their sha256 (hex). Idempotent."""

    sha256: str
    data: bytes


Write: TypeAlias = Create | Append | SaveAttempts | SaveDeployment | SaveBlob


# `Store.list` hides the built-in name inside the class, so its results are named here.
Records: TypeAlias = list[Record]
Journal: TypeAlias = list[Chunk]
Deployments: TypeAlias = list[Deployment]
Results: TypeAlias = list[Record | None]


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

        Returns one result per write: the existing record for a `Create` whose id is taken, else
        None. An empty batch does nothing.

        `inline=True` says that the caller has nothing better to do meanwhile: the store may then
        block the loop, if it expects that to be quicker than to hand the batch to a thread.

        Concurrent calls are carried out in the order of the calls, except that a batch with a
        `SaveBlob` may be overtaken. When the caller is cancelled, the batch may still be done.

        Raises, with nothing of the batch carried out:
        `StoreConflict` when a chunk does not fit the end of its journal; `ExecutionNotFound` when
        an `Append` or `SaveAttempts` names an unknown id; `StoreError` when the database refuses.
        After a `StoreError` on a store reached over a network the batch may have been done.
        """
        ...

    async def get(self, id: ExecutionId) -> Record | None:  # noqa: A002 (the field's name)
        """Return the record, or None when no execution has that id."""
        ...

    async def list(
        self,
        *,
        status: Status | None = None,
        workflow: str | None = None,
        prefix: str = "",
        limit: int = 100,
        before: ExecutionId | None = None,
    ) -> Records:
        """Return records, the most recently created first.

        All conditions must hold: `status`, `workflow`, ids that begin with `prefix` (case matters),
        created earlier than the execution `before` (for paging; an unknown id gives an empty list).
        "Created" is the order in which the store got them, not their clock.
        """
        ...

    async def journal(self, id: ExecutionId) -> Journal:  # noqa: A002 (the field's name)
        """Return the whole journal in order, without gaps.

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

    async def running(self, *, limit: int = 1000, after: ExecutionId | None = None) -> Records:
        """Return records with status `running`, the first created first, beginning behind `after`.

        An unknown `after` gives an empty list; `after` itself may have any status.
        """
        ...

    async def due(self, now_us: int, *, limit: int = 1000) -> Records:
        """Return waiting records with `wake_us <= now_us`: the earliest first, ties by creation."""
        ...

    async def next_wake_us(self) -> int | None:
        """Return the earliest wake time of all waiting executions, or None if none has one."""
        ...

    async def counts(self) -> dict[Status, int]:
        """Return how many executions have each status; every status is a key."""
        ...

    async def deployment(self, id: DeploymentId) -> Deployment | None:  # noqa: A002 (the field's name)
        """Return the deployment, or None."""
        ...

    async def deployments(self) -> Deployments:
        """Return all deployments, the most recently saved first."""
        ...

    async def blob(self, sha256: str) -> bytes | None:
        """Return the bytes saved under that hash, or None. Damaged bytes are a `StoreError`."""
        ...

    async def size_bytes(self) -> int:
        """Return the space the store takes at present."""
        ...
