"""Sound stores that look unusual are not taken for damaged ones."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import apsw
import pytest

from flawless.errors import StoreError
from flawless.stores import SQLiteStore
from flawless.stores.sqlite.file import accept_without_log
from flawless.stores.sqlite.whole import lacks_pages
from stores.processes import LOG_PAGES_MAX, commit_for_ever, kill, start
from stores.writes import listed

pytestmark = pytest.mark.anyio

SEED = 7
LOCK_PAGE = 524_289
"""The page of the byte 2^30, with pages of 2,048 bytes."""


@pytest.mark.parametrize(
    ("file_pages", "count", "logged", "lacks"),
    [
        (10, 10, set(), False),
        (10, 12, {11, 12}, False),
        (10, 12, {12}, True),
        (12, 10, set(), False),
        (LOCK_PAGE - 1, LOCK_PAGE + 1, {LOCK_PAGE + 1}, False),
        (LOCK_PAGE - 2, LOCK_PAGE + 1, {LOCK_PAGE + 1}, True),
        (LOCK_PAGE - 1, LOCK_PAGE + 2, {LOCK_PAGE + 2}, True),
    ],
)
def test_a_store_of_more_than_a_gibibyte(
    file_pages: int, count: int, logged: set[int], lacks: bool
) -> None:
    """The page that SQLite never writes is not missed, and any other page is."""
    assert lacks_pages(file_pages, count, logged, 2048) is lacks


class Killed(Exception):
    """What ends a command here and now."""


class DiesBeforeItMovesPages(apsw.Connection):
    """A connection of a process that is killed before its first checkpoint."""

    def wal_checkpoint(self, *_: Any, **__: Any) -> tuple[int, int]:
        """End."""
        raise Killed


def killed_while_accepting(path: Path) -> None:
    """Begin to accept a store."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apsw, "Connection", DiesBeforeItMovesPages)
        with pytest.raises(Killed):
            accept_without_log(path)
    assert path.with_name(path.name + "-wal").stat().st_size > 0


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of an open store by SQLite's own means: it has no log, and not all checksums."""
    process, connection = start(commit_for_ever, tmp_path / "app.db", SEED, LOG_PAGES_MAX)
    for _ in range(10):
        connection.recv()
    path = tmp_path / "copy.db"
    with (
        closing(sqlite3.connect(tmp_path / "app.db", timeout=20)) as shell,
        closing(sqlite3.connect(path)) as copy,
    ):
        shell.backup(copy)
    kill(process)
    return path


async def opens(path: Path) -> bool:
    """Open a store; return whether it holds anything."""
    store = SQLiteStore(path)
    await store.open()
    found = await listed(store)
    await store.close()
    return len(found) > 0


async def test_accepting_that_was_killed_is_done_again(copied: Path) -> None:
    """Until the command has ended, the store is refused, and the log is known to be its own."""
    for _ in range(2):
        killed_while_accepting(copied)
        with pytest.raises(StoreError, match=r"not whole.*python -m flawless\.stores\.sqlite"):
            await opens(copied)
    accept_without_log(copied)
    assert not copied.with_name("copy.db-wal").exists()
    assert await opens(copied)
