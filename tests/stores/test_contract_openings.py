"""The contract of openings: what a store remembers of those who opened it."""

from __future__ import annotations

from pathlib import Path

import pytest

from flawless.errors import ExecutionNotFound
from flawless.stores import MemoryStore, NoteOpening, Opening, SQLiteStore, Store
from flawless.stores.base import OPENINGS_MAX
from stores.conftest import Place
from stores.processes import hold, kill, start
from stores.writes import append

pytestmark = pytest.mark.anyio


async def test_openings_are_found_last_first(place: Place) -> None:
    """Each is there with time and version; a store that was closed in between is clean."""
    store = await place.open()
    assert await store.openings() == []
    await store.commit([NoteOpening(10, "1.0")])
    assert await store.openings() == [Opening(10, "1.0", True)]
    await store.close()
    store = await place.open()
    await store.commit([NoteOpening(20, "1.1")])
    assert await store.openings() == [Opening(20, "1.1", True), Opening(10, "1.0", True)]
    assert await store.openings(limit=1) == [Opening(20, "1.1", True)]
    assert await store.openings(limit=0) == []


async def test_only_the_latest_are_kept(store: Store) -> None:
    """However often a store is opened, it remembers no more than its bound."""
    await store.commit([NoteOpening(n, "1.0") for n in range(OPENINGS_MAX + 5)])
    await store.commit([NoteOpening(5_000, "1.0")])
    found = await store.openings(limit=2 * OPENINGS_MAX)
    assert len(found) == OPENINGS_MAX
    assert found[0].at_us == 5_000
    assert found[-1].at_us == 6


async def test_a_failed_batch_notes_nothing(store: Store) -> None:
    """An opening is a write like any other."""
    await store.commit([NoteOpening(1, "1.0")])
    with pytest.raises(ExecutionNotFound):
        await store.commit([NoteOpening(2, "1.0"), append("nobody", 1)])
    assert await store.openings() == [Opening(1, "1.0", True)]


async def test_a_memory_store_that_was_not_closed_is_not_clean() -> None:
    """The opening after that says so, and the one after that is clean again."""
    store = MemoryStore()
    await store.open()
    await store.open()
    await store.commit([NoteOpening(1, "1.0")])
    await store.close()
    await store.open()
    await store.commit([NoteOpening(2, "1.0")])
    assert [one.clean for one in await store.openings()] == [True, False]


async def test_a_killed_process_leaves_a_file_that_is_not_clean(tmp_path: Path) -> None:
    """It is known after `kill -9`, and not forgotten by who opens the file and notes nothing."""
    path = tmp_path / "app.db"
    process, connection = start(hold, path, False)
    connection.recv()
    kill(process)
    for _ in range(2):
        store = SQLiteStore(path)
        await store.open()
        assert await store.openings() == []
        await store.close()
    await store.open()
    await store.commit([NoteOpening(1, "1.0")])
    await store.close()
    await store.open()
    await store.commit([NoteOpening(2, "1.0")])
    assert [one.clean for one in await store.openings()] == [True, False]
    await store.close()
