"""How lists walk an SQLite file: along indexes, and past blocks that cannot matter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import apsw
import pytest

from flawless.core.status import Status
from flawless.stores import Selection, SQLiteStore
from flawless.stores.sqlite import file, search
from flawless.stores.sqlite.sql import QUERIES, migrations, schema
from stores.writes import create, ids, listed, next_run

pytestmark = pytest.mark.anyio

SELECTIONS = {
    "all": Selection(),
    "status": Selection(status=Status.FAILED),
    "completed": Selection(status=Status.COMPLETED),
    "runs": Selection(status=Status.FAILED, runs=True),
    "attributes": Selection(attributes={"a": "1", "b": "2"}, status=Status.PARKED),
    "prefix": Selection(prefix="order-"),
    "everything": Selection(
        Status.WAITING, "app.w", "order-", 1, 1 << 60, {"a": "1", "b": "2"}, False
    ),
}


@pytest.mark.parametrize("name", SELECTIONS)
def test_every_way_is_along_an_index(name: str) -> None:
    """No list reads a table from its beginning, and only ids that begin alike are sorted."""
    connection = apsw.Connection(":memory:")
    connection.execute(schema()).fetchall()
    selection = SELECTIONS[name]
    conditions, values = search._conditions(selection, 1)
    ids_alike = search._ids_alike("x")
    for way in [search._ALL, *search._ways(selection), ids_alike]:
        for query in ("walk", "measure"):
            sql = search._written(query, way, conditions=conditions)
            more = values if query == "walk" else []
            plan: list[Any] = connection.execute(
                f"EXPLAIN QUERY PLAN {sql}", (*way.values, 1, 9, *more, 5)
            ).fetchall()
            steps = [step for *_, step in plan]
            scans = [s for s in steps if s.startswith("SCAN") and s != "SCAN (subquery-1)"]
            assert not scans, steps
            assert way is ids_alike or not [s for s in steps if "TEMP" in s], steps
    connection.close()


async def filled(path: Path, blocks: int) -> SQLiteStore:
    """Return a store of small blocks, created at 0, 10, 20, ..."""
    store = SQLiteStore(path)
    await store.open()
    count = blocks * search.BLOCK_KEYS + 5
    await store.commit([create(f"x{n}", at_us=10 * n) for n in range(1, count)])
    return store


def blocks_of(path: Path) -> list[tuple[int, ...]]:
    """Return what the file says of its blocks."""
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
    found: Any = connection.execute("SELECT * FROM creation ORDER BY block").fetchall()
    connection.close()
    return [*found]


async def test_full_blocks_are_noted(tmp_path: Path) -> None:
    """With the first execution of a block, also a next run, the one before it is complete."""
    store = await filled(tmp_path / "a.db", 2)
    size = search.BLOCK_KEYS
    assert blocks_of(tmp_path / "a.db") == [(0, 10, 10 * size - 10), (1, 10 * size, 20 * size - 10)]
    await store.commit([create(f"y{n}", at_us=7) for n in range(size - 5)])
    assert len(blocks_of(tmp_path / "a.db")) == 2
    await store.commit([next_run("x1")])
    assert blocks_of(tmp_path / "a.db")[2] == (2, 7, 20 * size + 40)
    await store.close()


async def test_blocks_that_cannot_matter_are_not_walked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stretch of time long ago is one page, however much came after and before it."""
    store = await filled(tmp_path / "a.db", 4)
    size = search.BLOCK_KEYS
    monkeypatch.setattr(search, "SCANNED_MAX", size)
    for n in (3, size, 2 * size + 7, 4 * size + 2):
        page = await store.list(Selection(created_after_us=10 * n, created_before_us=10 * n + 20))
        assert (ids(page.records), page.next) == ([f"x{n + 1}", f"x{n}"], None)
    page = await store.list(Selection(created_before_us=10))
    assert (page.records, page.next) == ([], None)
    page = await store.list(Selection(created_after_us=10 * (4 * size + 4)))
    assert (ids(page.records), page.next) == ([f"x{4 * size + 4}"], None)
    await store.close()


async def test_a_clock_set_back_hides_nobody(tmp_path: Path) -> None:
    """Blocks are left out by what they hold, not by where they stand."""
    store = await filled(tmp_path / "a.db", 1)
    size = search.BLOCK_KEYS
    await store.commit([create("late", at_us=10**9)])
    await store.commit([create(f"y{n}", at_us=5) for n in range(3 * size)])
    assert ids(await listed(store, created_after_us=10**8)) == ["late"]
    found = await listed(store, created_after_us=10, created_before_us=30)
    assert ids(found) == ["x2", "x1"]
    assert len(await listed(store, created_before_us=6, limit=9999)) == 3 * size
    await store.close()


async def test_an_old_file_learns_of_its_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bringing a file of the version before up to date gives what writing it anew would give."""
    path = tmp_path / "old.db"
    count = 2 * search.BLOCK_KEYS + 5
    with monkeypatch.context() as patch:
        patch.setattr(file, "migrations", lambda: {n: migrations()[n] for n in (1, 2)})
        patch.setitem(QUERIES, "open_session", "UPDATE session SET closed = 0, log_bytes = ?1")
        patch.setitem(QUERIES, "set_mark", "SELECT ?1")
        patch.setitem(QUERIES, "touch_session", "SELECT 1")
        connection = file.prepare(path, log_pages_max=1000)
        connection.execute("INSERT INTO name (key, text) VALUES (1, 'app.w'), (2, 'd1')")
        connection.cursor().executemany(
            "INSERT INTO execution (key, id, workflow, deployment, status, created_us, updated_us, "
            "digest) VALUES (?1, 'x' || ?1, 1, 2, 5, ?1 * 10, ?1 * 10, x'00')",
            ((key,) for key in range(1, count)),
        )
        file.end_session(connection, path)
    connection.close()
    store = SQLiteStore(path)
    await store.open()
    new = await filled(tmp_path / "new.db", 2)
    assert blocks_of(path) == blocks_of(tmp_path / "new.db")
    assert len(blocks_of(path)) == 2
    assert ids(await listed(store, created_before_us=21)) == ["x2", "x1"]
    await store.close()
    await new.close()
