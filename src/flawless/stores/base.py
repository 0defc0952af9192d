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

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

from flawless.core.signals import PARENT
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

__all__ = [  # what is read is of the contract too, and is had from here
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
]

WAITING_MAX = 10_000
"""How many messages may wait in one inbox, unless the sender says otherwise."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""How many bytes of payload may wait in one inbox, unless the sender says otherwise."""

PARENT_ENDED = b'{"reason":"its parent ended","by":"%b"}' % PARENT.encode()
"""The payload of the signal `:cancel` that a child gets when its parent ends."""


class Create(msgspec.Struct, frozen=True):
    """Begin an execution: status `running`, journal beginning with `chunk`, run 1.

    With a `wake_us` it begins later: status `waiting` until then, not listening, and `start_us` of
    its record is that time. `attributes` belong to the execution in all its runs.

    If the id is taken, its result is the existing `Record`, and this write as well as all later
    writes of the same id in the batch are skipped, but for a `Send`, which comes from others; so
    are the creations of children of that id (with the result None). The rest of the batch is
    carried out. So a batch must not hold a `Create` without a parent together with writes of
    someone who already has that id.

    With a `parent` it begins a child. The parent must exist (it may be created earlier in the same
    batch, and it may have ended). If the id is taken, the result is the existing record too, but
    no later write is skipped: they are of whoever has the id. If that is any other execution than
    that very child (same parent id, run, effect and digest), the signal `:child:RUN:EFFECT` with
    `refusal` as payload is put into the parent's inbox, unless the parent has ended. `depth` is
    kept as it is; without a parent it is 0.
    """

    id: ExecutionId
    workflow: str
    deployment: DeploymentId
    digest: bytes
    at_us: int
    chunk: Chunk
    parent: Parent | None = None
    depth: int = 0
    refusal: bytes = b""
    wake_us: int | None = None
    attributes: Mapping[str, str] = {}

    def __post_init__(self) -> None:
        if self.chunk.first_seq != 0:
            raise ValueError(f"a journal begins at 0, not at {self.chunk.first_seq}")
        if self.parent is None and (self.depth or self.refusal):
            raise ValueError("without a parent there is neither depth nor refusal")


class Append(msgspec.Struct, frozen=True):
    """Add `chunk` to the journal, set the status, and change what else is given.

    `chunk.first_seq` must be the present length of the journal: else `StoreConflict`. Without a
    status, status, wake time and listening stay as they are; with one, they become `wake_us` and
    `listening` (which only `waiting` and `parked` may have). Any status may follow any other: which
    changes make sense is the engine's business. If there is something in the inbox behind the
    number `seen` that would wake it (see `Send`), it is woken at once: the wake time becomes
    `at_us`, unless it is earlier. So nothing is overlooked that came while it lay down.

    Messages with the numbers `received` leave the inbox; unknown numbers are ignored. `state`
    becomes the visible state, and counts its version up. `response` becomes the response, unless
    there is one already: the first one stays.

    A final status also deletes all attempts and the inbox; ids of messages stay known. But the
    inbox of a failed execution, which may be retried, keeps messages of users and the ends of
    children. If the execution has a parent that has not ended, or has failed, the signal
    `:child:RUN:EFFECT` with `outcome` as payload is put into the parent's inbox. Then each child
    with the policy `cancel` that has not ended gets the signal `:cancel` with the payload
    `PARENT_ENDED`, in order of creation, also children of earlier runs. All of this happens each
    time a final status is set.

    The result is the ids of those that got a signal in this way, in that order, or None if nobody
    did.
    """

    id: ExecutionId
    chunk: Chunk | None
    status: Status | None
    wake_us: int | None
    at_us: int
    received: tuple[int, ...] = ()
    state: bytes | None = None
    response: bytes | None = None
    listening: bool = False
    outcome: bytes = b""
    seen: int = 0

    def __post_init__(self) -> None:
        if (self.wake_us is not None or self.listening) and self.status not in _WAKEABLE:
            raise ValueError(
                "only a waiting or parked execution has a wake time or listens, "
                f"not {self.status or 'one whose status stays'}"
            )
        if self.outcome and (self.status is None or not self.status.final):
            raise ValueError("only an end has an outcome")


_WAKEABLE = frozenset({Status.WAITING, Status.PARKED})


class Send(msgspec.Struct, frozen=True):
    """Put something into the inbox of an execution. Never fails a batch; the result is a `Sent`.

    A `message_id` that was sent to this execution before makes it a duplicate, also after the
    execution's end, and across runs. Messages of users are refused when with this one more than
    `waiting_max` of them, or more than `bytes_max` bytes of their payloads, would wait; signals
    (names that begin with ":") are neither refused nor counted.

    A signal wakes the execution if it is `waiting` or `parked`, a message only if it is also
    listening: its wake time becomes `at_us`, unless it has an earlier one. Signals that the store
    itself sends (see `Create` and `Append`) do the same, with the time of their write.
    """

    id: ExecutionId
    name: str
    payload: bytes
    at_us: int
    message_id: str | None = None
    waiting_max: int = WAITING_MAX
    bytes_max: int = WAITING_BYTES_MAX

    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("a message needs a name")


SendOutcome: TypeAlias = Literal["sent", "duplicate", "unknown", "ended", "full"]


class Sent(msgspec.Struct, frozen=True):
    """What became of a `Send`; only with `sent` it changed anything, and has a `number`.

    Checked in this order: `unknown` (no such execution), `duplicate` (of a message that was sent
    before), `ended` (the execution has a final status, or is an earlier run), `full` (the inbox has
    reached a limit, or has used up its numbers).
    """

    outcome: SendOutcome
    number: int = 0


class NextRun(msgspec.Struct, frozen=True):
    """End a run and begin the next one of the same execution.

    First `last` is added to the journal (as by `Append`), `received` leaves the inbox, and all
    attempts are deleted. The record is renamed `ID~run` and keeps its place in the order of
    creation; with a `status` (a final one) it gets that and `at_us` as `updated_us`, without one it
    must have ended (else `StoreConflict`) and keeps both. Then a record with the id begins: `run` +
    1, status `running`, same parent and depth, last in the order of creation, and a journal
    beginning with `chunk`. Everything else stays with the id. Nobody gets a signal. The result is
    None.
    """

    id: ExecutionId
    workflow: str
    deployment: DeploymentId
    digest: bytes
    at_us: int
    chunk: Chunk
    last: Chunk | None = None
    received: tuple[int, ...] = ()
    status: Status | None = None

    def __post_init__(self) -> None:
        if self.chunk.first_seq != 0:
            raise ValueError(f"a journal begins at 0, not at {self.chunk.first_seq}")
        if self.status is not None and not self.status.final:
            raise ValueError(f"a run that is over has a final status, not {self.status}")


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


Write: TypeAlias = (
    Create
    | Append
    | Send
    | NextRun
    | SaveAttempts
    | SaveDeployment
    | SaveActive
    | SaveBlob
    | NoteOpening
)


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
