"""Short ways to make writes for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import (
    Append,
    Chunk,
    Create,
    NextRun,
    Parent,
    Record,
    SaveActive,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Selection,
    Send,
    Store,
)


def create(
    id_: str, *, workflow: str = "app.w", data: bytes = b"zero", count: int = 1, at_us: int = 10
) -> Create:
    """Begin an execution."""
    return Create(
        ExecutionId(id_),
        workflow,
        DeploymentId("d1"),
        b"digest of " + id_.encode(),
        at_us,
        Chunk(0, count, data),
    )


def append(id_: str, first_seq: int, data: bytes = b"more", count: int = 1) -> Append:
    """Add a chunk, nothing else."""
    return Append(ExecutionId(id_), Chunk(first_seq, count, data), None, None, 20)


def status(id_: str, status: Status, wake_us: int | None = None, at_us: int = 30) -> Append:
    """Set the status, nothing else."""
    return Append(ExecutionId(id_), None, status, wake_us, at_us)


def attempts(id_: str, effect: int, data: bytes | None) -> SaveAttempts:
    """Save the attempts of an effect."""
    return SaveAttempts(ExecutionId(id_), effect, data)


def deployment(id_: str, label: str = "v1") -> SaveDeployment:
    """Save a deployment."""
    return SaveDeployment(
        DeploymentId(id_), label, "bundle", b"manifest of " + id_.encode(), "c", 5
    )


def active(*ids: str) -> SaveActive:
    """Say which deployments are active."""
    return SaveActive(tuple(DeploymentId(id_) for id_ in ids))


def blob(sha256: str, data: bytes) -> SaveBlob:
    """Save a blob."""
    return SaveBlob(sha256, data)


def child(id_: str, parent: str, *, effect: int = 1, run: int = 1, close: str = "wait") -> Create:
    """Begin a child."""
    return msgspec.structs.replace(
        create(id_),
        parent=Parent(ExecutionId(parent), run, effect, close),
        depth=1,
        refusal=b"refused " + id_.encode(),
    )


def send(id_: str, name: str = "m", payload: bytes = b"p", at_us: int = 40, **more: Any) -> Send:
    """Send a message."""
    return Send(ExecutionId(id_), name, payload, at_us, **more)


def end(id_: str, outcome: bytes = b"", status: Status = Status.COMPLETED) -> Append:
    """End an execution."""
    return Append(ExecutionId(id_), None, status, None, 50, outcome=outcome)


def next_run(id_: str, status: Status | None = Status.COMPLETED, **more: Any) -> NextRun:
    """Begin the next run."""
    return NextRun(
        ExecutionId(id_),
        "app.next",
        DeploymentId("d2"),
        b"next digest",
        60,
        Chunk(0, 1, b"next"),
        status=status,
        **more,
    )


async def inbox(store: Store, id_: str) -> list[tuple[int, str, bytes]]:
    """Return what is in an inbox as plain tuples."""
    return [(m.number, m.name, m.payload) for m in await store.messages(ExecutionId(id_))]


async def journal(store: Store, id_: str) -> list[tuple[int, int, bytes]]:
    """Return a journal as plain tuples."""
    return [(c.first_seq, c.count, c.data) for c in await store.journal(ExecutionId(id_))]


async def listed(
    store: Store, *, limit: int = 100, before: str | None = None, **conditions: Any
) -> list[Record]:
    """Return the records that fulfil all conditions, collected from as many pages as it takes."""
    selection = Selection(**conditions)
    found: list[Record] = []
    while True:
        page = await store.list(selection, limit=limit - len(found), before=before)
        found += page.records
        before = page.next
        if before is None or len(found) >= limit:
            return found


def ids(records: Sequence[Record]) -> list[str]:
    """Return the ids of records."""
    return [str(record.id) for record in records]
