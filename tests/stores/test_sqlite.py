"""How the SQLite store does its work: schema, query plans, log, threads, compression."""

from __future__ import annotations

import asyncio
import hashlib
import re
import threading
from pathlib import Path
from typing import Any

import apsw
import pytest

from flawless.core.status import Status
from flawless.errors import StoreConflict, StoreError
from flawless.ids import ExecutionId
from flawless.stores import MemoryStore, SQLiteStore, open_store
from flawless.stores.sqlite import committer
from flawless.stores.sqlite.sql import QUERIES, migrations, schema
from stores.writes import append, blob, create, status

pytestmark = pytest.mark.anyio

A = ExecutionId("a")

TEMPLATES = {"walk", "measure", "has_attribute", "insert_chunks"}
"""Completed by `search.py`, which `test_sqlite_lists.py` looks at, and the last by `writer.py`."""


def objects(sql: str) -> list[tuple[str, ...]]:
    """Return all that a script creates, as SQLite remembers it."""
    connection = apsw.Connection(":memory:")
    connection.execute(sql).fetchall()
    found: list[Any] = connection.execute(
        "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    ).fetchall()
    connection.close()
    return [
        (kind, name, re.sub(r"\s*([,()])\s*|\s+", r" \1", text or "")) for kind, name, text in found
    ]


def test_schema_is_the_sum_of_all_migrations() -> None:
    """`schema.sql` shows what a store really looks like."""
    assert objects(schema()) == objects("\n".join(migrations().values()))


COMPLETE = sorted(name for name in QUERIES if name not in TEMPLATES)


@pytest.mark.parametrize("query", COMPLETE)
def test_no_query_reads_a_whole_table(query: str) -> None:
    """Each statement finds its rows by a key or an index, or has a reason not to."""
    reasons = {
        "count_all": "counting everything counts everything",
        "records": "only the start of a query",
        "records_of_keys": "the keys, which are few, come from a parameter",
        "index_attributes": "the attributes of one execution come from JSON",
        "last_block_before": "a thousandth as long as the executions, and it stops at the first",
        "first_block_after": "a thousandth as long as the executions, and it stops at the first",
        "active": "all are wanted, and there are few",
        "forget_active": "all are wanted, and there are few",
        "count_earlier_runs": "all of an index that has only these",
        "session": "one row",
        "open_session": "one row",
        "close_session": "one row",
        "marks": "one row",
        "session_page": "the schema is read when a store is opened anyway",
        "set_mark": "one row",
        "touch_session": "one row",
        "forget_marks": "one row",
        "insert_opening": "one row",
        "openings": "the latest, and there are few",
        "session_noted": "one row",
    }
    connection = apsw.Connection(":memory:")
    connection.execute(schema()).fetchall()
    sql = QUERIES[query]
    if query == "records":
        sql += " WHERE e.status = ? AND e.status < 5 AND e.key < ? ORDER BY e.key DESC LIMIT 5"
    plan: list[Any] = connection.execute(
        f"EXPLAIN QUERY PLAN {sql}", (1,) * parameters(sql)
    ).fetchall()
    connection.close()
    steps = [step for *_, step in plan]
    if query not in reasons or query == "records":
        scans = [s for s in steps if s.startswith("SCAN") and "USING" not in s]
        assert not [s for s in scans if s != "SCAN (subquery-1)"], steps
        assert not [s for s in steps if "TEMP B-TREE" in s], steps


def parameters(sql: str) -> int:
    """Return how many values a statement takes."""
    return (
        max([sql.count("?"), 0]) if "?1" not in sql else max(int(p[0]) for p in sql.split("?")[1:])
    )


async def test_settings_of_every_connection(tmp_path: Path) -> None:
    """Commits are synced, pages are checked, and the file is marked as ours."""
    store = SQLiteStore(tmp_path / "app.db")
    await store.open()
    assert store._parts is not None
    for connection in (store._parts.writing, store._parts.reading):
        assert connection.execute("PRAGMA journal_mode").get == "wal"
        assert connection.execute("PRAGMA synchronous").get == 2
        assert connection.execute("PRAGMA page_size").get == 2048
        assert connection.execute("PRAGMA application_id").get == 0x464C5753
    assert apsw.vfs_names()[0] != "cksmvfs"  # other users of SQLite in this process are left alone
    await store.close()
    header = (tmp_path / "app.db").read_bytes()[:100]
    assert header[20] == 8  # bytes for the checksum of each page


async def test_the_log_stays_short_under_load(tmp_path: Path) -> None:
    """However many commits follow each other, the log begins anew again and again."""
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=100)
    await store.open()
    await store.commit([create("a"), create("b")])
    log = tmp_path / "app.db-wal"
    longest = 0
    for seq in range(1, 1500):
        await store.commit([append("a", seq), append("b", seq)], inline=seq % 2 == 0)
        longest = max(longest, log.stat().st_size)
    assert longest < 600 * 2072
    assert (tmp_path / "app.db").stat().st_size > 50_000  # so it was folded into the file
    await store.close()


async def test_writing_goes_on_while_somebody_reads(tmp_path: Path) -> None:
    """A long read of another program lets the log grow, and loses nothing; then it shrinks."""
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=50)
    await store.open()
    await store.commit([create("a")])
    other = apsw.Connection(str(tmp_path / "app.db"), vfs="cksmvfs")
    other.execute("BEGIN")
    assert other.execute("SELECT count(*) FROM journal").get == 1
    for seq in range(1, 400):
        await store.commit([append("a", seq)], inline=True)
    assert other.execute("SELECT count(*) FROM journal").get == 1
    other.execute("ROLLBACK")
    other.close()
    assert len(await store.journal(A)) == 400
    await store.close()


async def test_inline_is_declined_when_the_disk_is_slow(tmp_path: Path) -> None:
    """The loop is not blocked by a disk whose recent commits took long, or by large batches."""
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=50)
    await store.open()
    await store.commit([create("a")])
    assert store._parts is not None
    parts = store._parts

    async def turns_of_the_loop(*writes: object) -> int:
        """Return whether the loop turned during the commit."""
        turned = 0

        async def turn() -> None:
            nonlocal turned
            turned += 1

        task = asyncio.ensure_future(turn())
        await store.commit(list(writes), inline=True)  # type: ignore[arg-type]  # any writes
        before = turned
        await task
        return before

    parts.committer.recent_s = 0.0
    assert await turns_of_the_loop(append("a", 1)) == 0
    parts.committer.recent_s = 1.0
    assert await turns_of_the_loop(append("a", 2)) == 1
    parts.committer.recent_s = 0.0
    assert await turns_of_the_loop(append("a", 3, b"x" * committer.INLINE_BYTES_MAX + b"x")) == 1
    parts.committer.recent_s = 0.0
    many = [append("a", 4 + n) for n in range(committer.INLINE_WRITES_MAX + 1)]
    assert await turns_of_the_loop(*many) == 1
    await store.close()


async def test_a_pause_begins_only_while_the_loop_keeps_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What falls due when a result was handed to the loop waits: the loop may commit by then."""
    loop = asyncio.get_running_loop()
    hand_over = loop.call_soon_threadsafe
    due = False
    commits: list[object] = []
    pauses: list[int] = []

    def commit(writes: Any) -> list[Any]:
        commits.append(writes)
        return []

    def pause() -> None:
        nonlocal due
        pauses.append(len(commits))
        due = False

    def becomes_due(*arguments: Any) -> Any:
        nonlocal due
        if threading.current_thread().name == "flawless-store" and not pauses:
            due = True
        return hand_over(*arguments)

    monkeypatch.setattr(loop, "call_soon_threadsafe", becomes_due)
    work = committer.Committer(commit, wants_pause=lambda: due, pause=pause)
    await work.submit([append("a", 1)], inline=False)
    await work.submit([append("a", 2)], inline=True)
    await work.stop()
    assert pauses == [2], "after the next batch, which the loop left to the thread"


async def test_the_queue_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More waiting batches than the bound are refused, and may be tried again."""
    monkeypatch.setattr(committer, "QUEUED_BATCHES_MAX", 10)
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=50)
    await store.open()
    await store.commit([create("a")])
    begun = [store.commit([append("a", seq)]) for seq in range(1, 31)]
    results = await asyncio.gather(*begun, return_exceptions=True)
    assert results[:10] == [[None]] * 10
    refused = results[10]
    assert isinstance(refused, StoreError)
    assert refused.retriable
    await store.commit([append("a", 11)])
    await store.close()


async def test_another_writer_is_caught_by_the_primary_key(tmp_path: Path) -> None:
    """Should the lock fail, a row written by somebody else is a conflict, not an overwrite."""
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=50)
    await store.open()
    await store.commit([create("a")])
    other = apsw.Connection(str(tmp_path / "app.db"), vfs="cksmvfs")
    other.execute("INSERT INTO journal SELECT position + 1, 1, x'00' FROM journal")
    other.close()
    with pytest.raises(StoreConflict):
        await store.commit([append("a", 1)])
    await store.commit([append("a", 2)])
    await store.close()


async def test_blobs_are_compressed(tmp_path: Path) -> None:
    """A large component takes less room than it has bytes."""
    store = SQLiteStore(tmp_path / "app.db")
    await store.open()
    data = b"\x00asm" + b"instruction " * 500_000
    name = hashlib.sha256(data).hexdigest()
    await store.commit([blob(name, data)])
    assert await store.blob(name) == data
    await store.close()
    assert (tmp_path / "app.db").stat().st_size < len(data) / 10


async def test_executions_that_ended_leave_the_status_index(tmp_path: Path) -> None:
    """Completed executions cost no index entries beyond their id."""
    store = SQLiteStore(tmp_path / "app.db", log_pages_max=50)
    await store.open()
    await store.commit([create(f"x{n}") for n in range(50)])
    await store.commit([status(f"x{n}", Status.COMPLETED) for n in range(50)])
    assert store._parts is not None
    entries = store._parts.reading.execute(
        "SELECT sum(ncell) FROM dbstat WHERE name IN ('execution_status', 'execution_wake')"
    ).get
    assert entries == 0
    await store.close()


def test_addresses(tmp_path: Path) -> None:
    """A path is a file, `:memory:` is memory, and unknown schemes are refused."""
    assert isinstance(open_store(":memory:"), MemoryStore)
    assert isinstance(open_store("app.db"), SQLiteStore)
    assert isinstance(open_store(tmp_path / "app.db"), SQLiteStore)
    with pytest.raises(StoreError, match="mysql://"):
        open_store("mysql://here/there")
