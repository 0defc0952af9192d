"""What a store is asked to write: batches of these become durable whole or not at all."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from typing import Literal, TypeAlias

import msgspec

from flawless.core.signals import PARENT
from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores.activation import SaveActive
from flawless.stores.openings import NoteOpening
from flawless.stores.records import SEQ_END, Chunk, Parent

WAITING_MAX = 10_000
"""How many messages may wait in one inbox, unless the sender says otherwise."""

WAITING_BYTES_MAX = 64 * 1024 * 1024
"""How many bytes of payload may wait in one inbox, unless the sender says otherwise."""

PARENT_ENDED = b'{"reason":"its parent ended","by":"%b"}' % PARENT.encode()
"""The payload of the signal `:cancel` that a child gets when its parent ends."""


class Create(msgspec.Struct, frozen=True):
    """Begin an execution: status `running`, journal beginning with `chunk`, run 1.

    The chunks of `more` follow it: a fork begins with a journal of some length. They join, each
    beginning where the one before it ends; else `ValueError`.

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
    more: tuple[Chunk, ...] = ()

    def __post_init__(self) -> None:
        if self.chunk.first_seq != 0:
            raise ValueError(f"a journal begins at 0, not at {self.chunk.first_seq}")
        length = self.chunk.count
        for chunk in self.more:
            if chunk.first_seq != length:
                raise ValueError(f"a journal goes on at {length}, not at {chunk.first_seq}")
            length += chunk.count
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
    packed: Callable[[], bytes] | None = None
    """Gives the data as `pack` makes it, for a caller that has it ready: that takes a while."""


def pack(data: bytes) -> bytes:
    """Compress a blob. A 20 MB component takes 0.3 s so, and 1 s at zlib's own level, for a few
    per cent less.
    """
    return zlib.compress(data, 1)


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
