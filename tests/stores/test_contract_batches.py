"""What a store may do in fewer steps when it stands side by side in one batch."""

from __future__ import annotations

import msgspec
import pytest

from flawless.core.status import Status
from flawless.ids import ExecutionId
from flawless.stores import Chunk, Record, Store, Write
from stores.writes import append, attempts, create, status

pytestmark = pytest.mark.anyio

A = ExecutionId("a")


async def written(store: Store, id_: str) -> bytes:
    """Return a journal as one text."""
    return b"".join(chunk.data for chunk in await store.journal(ExecutionId(id_)))


@pytest.mark.parametrize("end", [Status.COMPLETED, Status.FAILED, Status.CANCELLED])
async def test_begun_and_ended_at_once(store: Store, end: Status) -> None:
    """An end right after the beginning leaves what an end in a later commit leaves."""
    last = msgspec.structs.replace(append("a", 1, b"end"), status=end, at_us=77)
    assert await store.commit([create("a"), last, create("b")]) == [None, None, None]
    found = await store.get(A)
    assert found is not None
    assert (found.status, found.created_us, found.updated_us) == (end, 10, 77)
    assert await store.journal(A) == [Chunk(0, 1, b"zero"), Chunk(1, 1, b"end")]
    assert await store.last_chunk(A) == Chunk(1, 1, b"end")
    counts = await store.counts()
    assert (counts[end], counts[Status.RUNNING]) == (1, 1)
    assert [one.id for one in await store.running()] == ["b"]


async def test_begun_and_ended_under_a_taken_id(store: Store) -> None:
    """Where the id is taken, neither the beginning nor the end changes anything."""
    await store.commit([create("a", data=b"first")])
    last = msgspec.structs.replace(append("a", 1, b"end"), status=Status.COMPLETED)
    results = await store.commit([create("a"), last, create("b")])
    assert isinstance(results[0], Record)
    assert results[1:] == [None, None]
    assert await written(store, "a") == b"first"


async def test_what_follows_an_end_at_once(store: Store) -> None:
    """An execution that ended with its beginning is written to in the same batch."""
    last = msgspec.structs.replace(append("a", 1, b"end"), status=Status.FAILED)
    writes: list[Write] = [
        create("a"),
        last,
        attempts("a", 1, b"tried"),
        append("a", 2, b"more"),
        status("a", Status.RUNNING),
    ]
    assert await store.commit(writes) == [None] * 5
    assert await written(store, "a") == b"zeroendmore"
    assert await store.attempts(A) == {1: b"tried"}


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 31, 33, 75])
async def test_many_chunks_in_one_batch(store: Store, count: int) -> None:
    """Chunks of several executions are all there, each in its place."""
    ids = [f"e{n}" for n in range(3)]
    await store.commit([create(one) for one in ids])
    writes = [append(ids[n % 3], 1 + n // 3, b"%d," % n) for n in range(count)]
    assert await store.commit(writes) == [None] * count
    for place, one in enumerate(ids):
        expected = b"".join(b"%d," % n for n in range(place, count, 3))
        assert await written(store, one) == b"zero" + expected
