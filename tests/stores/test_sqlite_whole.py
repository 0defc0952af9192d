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
from flawless.stores.sqlite import file
from flawless.stores.sqlite.file import PAGE_BYTES, accept_without_log, prepare
from flawless.stores.sqlite.log import FRAME_HEADER_BYTES, HEADER_BYTES
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


def killed(*_: Any) -> None:
    """Stand in for what a process does not get to."""
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


def test_the_power_fails_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The end of a commit that was torn is not counted beside the next one that is torn."""
    path, log = tmp_path / "app.db", tmp_path / "app.db-wal"
    connection = prepare(path, log_pages_max=LOG_PAGES_MAX)
    frames, _ = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)
    connection.close()
    stride = FRAME_HEADER_BYTES + PAGE_BYTES
    next_frame = HEADER_BYTES + frames * stride
    salts = log.read_bytes()[16:24]
    # Of a large commit, only the last frame has reached the disk.
    write(log, next_frame + 5 * stride, bytes(3) + b"\x02" + bytes(3) + b"\x1e" + salts)
    with monkeypatch.context() as patch:
        patch.setattr(file, "set_mark", killed)  # what follows the first commit
        with pytest.raises(Killed):
            prepare(path, log_pages_max=LOG_PAGES_MAX)
    assert log.read_bytes()[next_frame + 8 : next_frame + 16] == salts, "the same log goes on"
    write(log, next_frame + FRAME_HEADER_BYTES + 512, bytes(512))  # of this one, not each sector
    write(log, next_frame + FRAME_HEADER_BYTES + 1536, bytes(512))
    prepare(path, log_pages_max=LOG_PAGES_MAX).close()


def write(path: Path, offset: int, data: bytes) -> None:
    """Overwrite a part of a file, as a power failure does: there is no index of a log then."""
    path.with_name("app.db-shm").unlink(missing_ok=True)
    with path.open("r+b") as changed:
        changed.seek(offset)
        changed.write(data)
