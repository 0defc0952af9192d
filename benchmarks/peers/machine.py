"""What the machine can do at most, measured in the same rounds: syncs and bare commits."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks import bare_commit
from benchmarks.peers import postgres
from benchmarks.peers.figures import Figure

NAME: Final = "machine"
SECONDS: Final = 1.5
ROWS: Final = 100
PAGE: Final = bytes(4096)
CLIENTS: Final = (1, 20)


def measure(folder: Path, *, with_postgres: bool) -> Iterator[Figure]:
    """Measure all that this machine has."""
    folder.mkdir(parents=True, exist_ok=True)
    seconds = _syncs(folder / "bare.data")
    yield Figure("bare_sync_us", seconds * 1e6, "us", 1)
    commits = bare_commit.measure(folder, SECONDS)
    yield Figure("bare_commit_us", commits.p50_us, "us", commits.count)
    yield Figure("bare_commits_per_s", commits.per_s, "/s", commits.count)
    per_s = _commits_of_many(folder)
    yield Figure("bare_commits_of_100_per_s", per_s, "/s", ROWS)
    if with_postgres:
        for clients in CLIENTS:
            per_s = postgres.commits_per_s(folder, clients, round(SECONDS + 0.5))
            yield Figure(f"postgresql_commits_{clients}_per_s", per_s, "/s", clients)


def _syncs(path: Path) -> float:
    """Append pages and sync each; return the seconds of one, the middle one."""
    file, taken = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), []
    end = perf_counter() + SECONDS
    while (began := perf_counter()) < end:
        os.write(file, PAGE)
        os.fdatasync(file)
        taken.append(perf_counter() - began)
    os.close(file)
    path.unlink()
    return sorted(taken)[len(taken) // 2]


def _commits_of_many(folder: Path) -> float:
    """Commit rows by the hundred, in WAL mode with synchronous=FULL; return commits/s."""
    path = folder / "rows.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = wal")
    connection.execute("PRAGMA synchronous = full")
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)")
    rows, count = [(bytes(bare_commit.ROW_BYTES),)] * ROWS, 0
    began = perf_counter()
    while perf_counter() - began < SECONDS:
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT INTO t (data) VALUES (?)", rows)
        connection.execute("COMMIT")
        count += 1
    per_s = count / (perf_counter() - began)
    connection.close()
    path.unlink()
    return per_s
