"""Short ways to make writes for tests."""

from __future__ import annotations

from collections.abc import Sequence

from flawless.core.status import Status
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import (
    Append,
    Chunk,
    Create,
    Record,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
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


def blob(sha256: str, data: bytes) -> SaveBlob:
    """Save a blob."""
    return SaveBlob(sha256, data)


async def journal(store: Store, id_: str) -> list[tuple[int, int, bytes]]:
    """Return a journal as plain tuples."""
    return [(c.first_seq, c.count, c.data) for c in await store.journal(ExecutionId(id_))]


def ids(records: Sequence[Record]) -> list[str]:
    """Return the ids of records."""
    return [str(record.id) for record in records]
