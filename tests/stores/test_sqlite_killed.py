"""`kill -9`: nothing that was acknowledged is lost, and the lock does not outlive its holder."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest

from flawless.errors import EngineLocked, StoreError
from flawless.ids import ExecutionId
from flawless.stores import SQLiteStore
from stores.processes import (
    LOG_PAGES_MAX,
    commit_for_ever,
    entry,
    hold,
    kill,
    start,
)

pytestmark = pytest.mark.anyio

ROUNDS = 20
SEED = 7


async def lengths(path: Path) -> dict[str, int]:
    """Open a store, check every journal entry by entry, and return the journals' lengths."""
    store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
    await store.open()
    found = {}
    for record in await store.list(limit=100_000):
        chunks = await store.journal(record.id)
        assert [c.data for c in chunks] == [entry(record.id, c.first_seq) for c in chunks]
        found[str(record.id)] = sum(c.count for c in chunks)
    await store.close()
    return found


async def test_kill_during_commits_loses_nothing(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    """In round after round on one file, what was acknowledged is there, and batches are whole."""
    seed = pytestconfig.getoption("--seed")
    rng = random.Random(seed := SEED if seed is None else seed)
    print(f"repeat with --seed={seed}")
    path = tmp_path / "app.db"
    known: dict[str, int] = {}
    for _ in range(ROUNDS):
        process, connection = start(commit_for_ever, path, rng.randrange(1 << 30))
        batches = rng.choice([0, 1, 3, 50, 200])
        received = -1  # the first message says that the store is open
        try:
            while True:
                touched = connection.recv()
                received += 1
                known |= touched
                if received == batches:
                    process.kill()  # and then read what was acknowledged until it died
        except EOFError:
            kill(process)
        found = await lengths(path)
        beyond = {id_: n - known.get(id_, 0) for id_, n in found.items()}
        assert all(n >= 0 for n in beyond.values()), "acknowledged entries are missing"
        assert known.keys() <= found.keys()
        assert sum(beyond.values()) <= 40, "at most the one batch that was under way"
        known = found
    assert sum(known.values()) > 100


async def test_a_second_store_on_the_same_file_is_refused(tmp_path: Path) -> None:
    """The error names the process that has the file open; after `close` it is free."""
    first, second = SQLiteStore(tmp_path / "app.db"), SQLiteStore(tmp_path / "app.db")
    await first.open()
    with pytest.raises(EngineLocked, match=rf"app\.db.*process {os.getpid()} since 2\d\d\d-"):
        await second.open()
    await first.close()
    await second.open()
    await second.close()


@pytest.mark.parametrize("forks", [False, True])
async def test_a_dead_process_does_not_keep_the_lock(tmp_path: Path, forks: bool) -> None:
    """A living holder is respected; a killed one is not, even if a forked child lives on."""
    path = tmp_path / "app.db"
    process, connection = start(hold, path, forks)
    child = connection.recv()
    try:
        store = SQLiteStore(path)
        with pytest.raises(EngineLocked, match=f"process {process.pid}"):
            await store.open()
        kill(process)
        await store.open()
        assert await store.get(ExecutionId("held")) is not None
        await store.close()
    finally:
        kill(process)
        if child is not None:
            os.kill(child, signal.SIGKILL)


async def test_a_lost_log_is_noticed(tmp_path: Path) -> None:
    """After a crash the log holds acknowledged commits: without it the store is not opened."""
    path = tmp_path / "app.db"
    process, connection = start(hold, path, False)
    connection.recv()
    kill(process)
    log = tmp_path / "app.db-wal"
    kept = log.read_bytes()
    for damage in (lambda: log.unlink(), lambda: log.write_bytes(b"")):
        damage()
        with pytest.raises(StoreError, match=r"log .* is missing or damaged") as caught:
            await SQLiteStore(path).open()
        assert not caught.value.retriable
    log.write_bytes(kept)
    store = SQLiteStore(path)
    await store.open()
    assert await store.get(ExecutionId("held")) is not None
    await store.close()


async def test_a_lost_database_is_noticed(tmp_path: Path) -> None:
    """A log without its database is not taken for an empty store."""
    path = tmp_path / "app.db"
    process, connection = start(hold, path, False)
    connection.recv()
    kill(process)
    path.unlink()
    with pytest.raises(StoreError, match="missing or empty, but its log"):
        await SQLiteStore(path).open()
    assert (tmp_path / "app.db-wal").stat().st_size > 0
