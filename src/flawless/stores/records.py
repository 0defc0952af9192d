"""What a store gives back when it is read, and the bounds and ids that all stores share."""

from __future__ import annotations

import msgspec

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId

SEQ_END = 1 << 24
"""Journal positions and effect numbers are below this (16.7 million), in every store."""

MESSAGE_END = 1 << 30
"""Numbers of messages are below this (a billion for each execution), in every store."""


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


CLOSE_POLICIES = ("wait", "cancel", "abandon")


class Parent(msgspec.Struct, frozen=True):
    """Who started a child: the effect `effect` in the run `run` of the execution `id`.

    `close` is what happens to the child when the parent ends: only for `cancel` the store does
    something (see `Append`).
    """

    id: ExecutionId
    run: int
    effect: int
    close: str

    def __post_init__(self) -> None:
        if self.close not in CLOSE_POLICIES:
            raise ValueError(f"{self.close!r} is none of {', '.join(CLOSE_POLICIES)}")
        if self.run < 1 or not 0 <= self.effect < SEQ_END:
            raise ValueError(f"run {self.run} cannot have an effect {self.effect}")


class Record(msgspec.Struct, frozen=True):
    """What a store knows about a run of an execution without looking into its journal.

    `created_us` is when the run began. `updated_us` is when its status was last set (neither
    appending nor a message touches it, so that a step costs one small row). `wake_us` is set only
    while the status is `waiting` or `parked`, and not always then. `digest` identifies workflow and
    input of the first run. `run` counts from 1. `depth` is what its `Create` said; next runs
    inherit it, as they do the parent and the `attributes`, which never change. `start_us` is when
    it was to begin, if not at once.
    """

    id: ExecutionId
    workflow: str
    deployment: DeploymentId
    status: Status
    created_us: int
    updated_us: int
    wake_us: int | None
    digest: bytes
    run: int = 1
    parent: Parent | None = None
    depth: int = 0
    start_us: int | None = None
    attributes: dict[str, str] = {}

    @property
    def began_us(self) -> int:
        """When the run begins, or began: the zero of the times in its journal."""
        return self.created_us if self.start_us is None else self.start_us

    @property
    def is_delayed(self) -> bool:
        """Whether it has not begun, because its time has not come."""
        return (
            self.start_us is not None
            and self.status is Status.WAITING
            and self.updated_us == self.created_us  # its beginning sets the status anew
        )


class Message(msgspec.Struct, frozen=True):
    """Something in an inbox. Numbers count up for each execution from 1, and are never reused.

    `id` is what the sender called it, if anything. A name that begins with ":" is a signal.
    """

    number: int
    name: str
    payload: bytes
    at_us: int
    id: str | None


class Visible(msgspec.Struct, frozen=True):
    """What an execution shows. `version` counts from 1 with each change; a response has 1."""

    value: bytes
    version: int
    at_us: int


class Deployment(msgspec.Struct, frozen=True):
    """An immutable build of the user's code. `component` is the sha256 (hex) of a saved blob."""

    id: DeploymentId
    label: str
    kind: str
    manifest: bytes
    component: str
    created_us: int
