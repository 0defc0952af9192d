"""How often executions are counted, however many of those ask who want to know."""

from __future__ import annotations

import pytest

from flawless.core.status import Status
from flawless.engine import counts
from flawless.engine.counts import Counts
from flawless.errors import StoreError
from flawless.stores import MemoryStore
from stores.writes import create, end

pytestmark = pytest.mark.anyio


class Counting(MemoryStore):
    """Tells how often it was asked; cannot count while it is `broken`."""

    asked = 0
    broken = False

    async def counts(self) -> dict[Status, int]:
        """See `Store.counts`."""
        self.asked += 1
        if self.broken:
            raise StoreError("count", "the disk is gone", "Mount it.", retriable=True)
        return await super().counts()


async def opened(*ids: str) -> tuple[Counting, Counts]:
    """Return a store with executions, and what counts them."""
    store = Counting()
    await store.open()
    await store.commit([create(id_) for id_ in ids])
    return store, Counts(store)


async def test_few_executions_are_counted_exactly() -> None:
    """Whoever has seen an execution end finds it among those that ended."""
    store, counted = await opened("a", "b")
    assert (await counted.latest())[Status.RUNNING] == 2
    await store.commit([end("a")])
    latest = await counted.latest()
    assert (latest[Status.RUNNING], latest[Status.COMPLETED]) == (1, 1)
    assert latest == counted.known
    assert store.asked == 2


async def test_many_are_counted_once_for_all_who_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last counts are given until they are too old; then they are counted anew."""
    monkeypatch.setattr(counts, "EXACT_MAX", 1)
    store, counted = await opened("a", "b")
    for _ in range(10):
        (await counted.latest()).clear()  # whose copy it is may do with it what they like
    assert store.asked == 1
    assert counted.known[Status.RUNNING] == 2
    monkeypatch.setattr(counts, "AGE_S", 0.0)
    monkeypatch.setattr(counts, "_SHARE", 0)
    store, counted = await opened("a", "b")
    await counted.latest()
    await store.commit([end("a")])
    assert (await counted.latest())[Status.COMPLETED] == 1
    assert store.asked == 2


async def test_a_store_that_cannot_count() -> None:
    """What cannot be counted is an error, and the last counts stay known."""
    store, counted = await opened("a")
    assert counted.known == {}
    await counted.latest()
    store.broken = True
    with pytest.raises(StoreError, match="the disk is gone"):
        await counted.latest()
    assert counted.known[Status.RUNNING] == 1
    store.broken = False
    assert (await counted.latest())[Status.RUNNING] == 1
