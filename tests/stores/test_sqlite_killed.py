"""`kill -9`: nothing that was acknowledged is lost, and the lock does not outlive its holder."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from flawless.errors import EngineLocked, StoreError
from flawless.ids import ExecutionId
from flawless.stores import SQLiteStore
from flawless.stores.sqlite.__main__ import main as accept
from stores.processes import (
    LOG_PAGES_MAX,
    commit_for_ever,
    entry,
    hold,
    kill,
    start,
)
from stores.writes import listed

pytestmark = pytest.mark.anyio

ROUNDS = 20
SEED = 7


async def lengths(path: Path) -> dict[str, int]:
    """Open a store, check every journal entry by entry, and return the journals' lengths."""
    store = SQLiteStore(path, log_pages_max=LOG_PAGES_MAX)
    await store.open()
    found = {}
    for record in await listed(store, limit=100_000):
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
        process, connection = start(commit_for_ever, path, rng.randrange(1 << 30), LOG_PAGES_MAX)
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


@pytest.fixture
def crashed(tmp_path: Path) -> Path:
    """A store whose engine was killed after a number of commits, with all of them in the log."""
    path = tmp_path / "app.db"
    process, connection = start(commit_for_ever, path, SEED, 1000)
    for _ in range(30):
        connection.recv()
    kill(process)
    return path


async def test_an_undamaged_log_is_used(crashed: Path) -> None:
    """After a crash the log holds acknowledged commits, and they are found."""
    assert sum((await lengths(crashed)).values()) >= 30


def remove(log: Path) -> None:
    """Delete the log."""
    log.unlink()


def empty(log: Path) -> None:
    """Cut off the whole log."""
    os.truncate(log, 0)


def cut_a_byte(log: Path) -> None:
    """Cut off the last byte of the log."""
    os.truncate(log, log.stat().st_size - 1)


def overwrite(log: Path, offset: int) -> None:
    """Change one byte of the log."""
    data = bytearray(log.read_bytes())
    data[offset] ^= 0x10
    log.write_bytes(data)


@pytest.mark.parametrize(
    "damage",
    [
        remove,
        empty,
        cut_a_byte,
        *(partial(overwrite, offset=n) for n in range(32)),  # the header
        *(partial(overwrite, offset=32 + n) for n in (0, 4, 8, 16, 24, 500, 2071, 2072, 9000)),
    ],
)
async def test_a_damaged_log_is_noticed(crashed: Path, damage: Callable[[Path], None]) -> None:
    """Without its whole log the store is not opened nor changed, and the whole log mends it."""
    log = crashed.with_name("app.db-wal")
    whole, file = log.read_bytes(), crashed.read_bytes()
    damage(log)
    damaged = log.read_bytes() if log.exists() else b""
    for _ in range(2):
        with pytest.raises(StoreError, match="not closed in order, and its log") as caught:
            await SQLiteStore(crashed).open()
        assert not caught.value.retriable
    assert crashed.read_bytes() == file
    assert log.read_bytes() == damaged
    log.write_bytes(whole)
    assert sum((await lengths(crashed)).values()) >= 30


async def test_a_log_that_another_program_folded_in(
    crashed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """After an SQLite shell took the log away, a command accepts the file as it is."""
    with sqlite3.connect(crashed) as shell:
        assert shell.execute("SELECT count(*) FROM journal").fetchone()[0] >= 30
    shell.close()
    assert not crashed.with_name("app.db-wal").exists()
    with pytest.raises(StoreError, match=r"python -m flawless\.stores\.sqlite"):
        await SQLiteStore(crashed).open()
    crashed.with_name("app.db-wal").unlink(missing_ok=True)
    assert accept([str(crashed)]) == 0
    assert "is whole" in capsys.readouterr().out
    assert sum((await lengths(crashed)).values()) >= 30


@pytest.mark.parametrize("copy", ["backup", "VACUUM INTO"])
async def test_a_copy_by_another_program_is_accepted_once(tmp_path: Path, copy: str) -> None:
    """A copy of an open store by SQLite's own means can be used, after the command accepted it."""
    process, connection = start(commit_for_ever, tmp_path / "app.db", SEED, LOG_PAGES_MAX)
    acknowledged = sum(len(connection.recv()) for _ in range(30))
    target = tmp_path / "copy.db"
    with closing(sqlite3.connect(tmp_path / "app.db", timeout=20)) as shell:
        if copy == "backup":
            with closing(sqlite3.connect(target)) as other:
                shell.backup(other)
        else:
            shell.execute("VACUUM INTO ?", (str(target),))
    kill(process)
    with pytest.raises(StoreError, match=r"python -m flawless\.stores\.sqlite"):
        await SQLiteStore(target).open()
    assert accept([str(target)]) == 0
    assert sum((await lengths(target)).values()) >= acknowledged


async def test_only_a_whole_file_without_log_is_accepted(
    crashed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command refuses to do away with a log, and a file that is damaged or in use."""
    assert accept([str(crashed)]) == 1
    assert "exists" in capsys.readouterr().err
    assert accept([str(tmp_path / "missing.db")]) == 1
    assert accept([]) == 2
    with sqlite3.connect(crashed) as shell:
        shell.execute("SELECT count(*) FROM journal")
    shell.close()
    data = bytearray(crashed.read_bytes())
    data[4 * 2048] ^= 1  # what kind of page this is
    crashed.write_bytes(data)
    assert accept([str(crashed)]) == 1
    assert "damaged" in capsys.readouterr().err


async def test_a_lost_database_is_noticed(crashed: Path) -> None:
    """A log without its database is not taken for an empty store."""
    crashed.unlink()
    with pytest.raises(StoreError, match="missing or empty, but its log"):
        await SQLiteStore(crashed).open()
    assert crashed.with_name("app.db-wal").stat().st_size > 0
