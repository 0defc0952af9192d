"""Trouble with the file: each is a clear error, loses nothing, and leaves the store usable."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from flawless.core.status import Status
from flawless.errors import FlawlessError, StoreError
from flawless.ids import ExecutionId
from flawless.stores import SQLiteStore
from flawless.stores.sqlite.sql import migrations
from stores.processes import open_as_nobody, start
from stores.writes import append, attempts, create, deployment, ids, journal, listed, send, status

pytestmark = pytest.mark.anyio

A = ExecutionId("a")
SMALL_LOG = 60


def small(path: Path) -> SQLiteStore:
    """Return a store that is quick to open."""
    return SQLiteStore(path, log_pages_max=SMALL_LOG)


async def fails_to_open(path: Path, match: str) -> StoreError:
    """Check that opening fails with a message, twice, and return the error."""
    store = small(path)
    for _ in range(2):
        with pytest.raises(StoreError, match=match) as caught:
            await store.open()
    return caught.value


async def test_a_folder_is_created(tmp_path: Path) -> None:
    """The store makes its folder, and leaves one file beside its lock when it is closed."""
    store = small(tmp_path / "deep" / "down" / "app.db")
    await store.open()
    await store.commit([create("a")])
    await store.close()
    assert sorted(p.name for p in (tmp_path / "deep" / "down").iterdir()) == [
        "app.db",
        "app.db.lock",
    ]


async def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """A path below a file is an error that names the file."""
    (tmp_path / "file").write_text("")
    error = await fails_to_open(tmp_path / "file" / "app.db", "file: (File exists|Not a directory)")
    assert "folder" in error.hint


async def test_a_folder_where_the_file_should_be(tmp_path: Path) -> None:
    """A path that is a folder is an error."""
    (tmp_path / "app.db").mkdir()
    await fails_to_open(tmp_path / "app.db", "Is a directory")


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="flawless-test-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode", "hint"),
    [
        (0o555, None, "this user may write"),
        (0o000, None, "this user may"),
        (0o777, 0o444, "this user may write"),
    ],
)
async def test_no_permission(
    public_folder: Path, tmp_path: Path, folder_mode: int, file_mode: int | None, hint: str
) -> None:
    """A folder or file that this user may not write to or read is a clear error."""
    folder = public_folder / "data"
    folder.mkdir()
    path = folder / "app.db"
    if file_mode is not None:
        store = small(path)
        await store.open()
        await store.close()
        path.chmod(file_mode)
        (folder / "app.db.lock").unlink()
    folder.chmod(folder_mode)
    process, connection = start(open_as_nobody, path, tmp_path / "warm.db")
    outcome = connection.recv()
    process.join()
    folder.chmod(0o755)
    assert outcome is not None
    assert outcome[0] == "StoreError"
    assert hint in outcome[1]


async def test_not_a_database(tmp_path: Path) -> None:
    """Some other file is refused, and not changed."""
    path = tmp_path / "app.db"
    path.write_text("my notes\n" * 1000)
    error = await fails_to_open(path, "not a Flawless store: it is not an SQLite database")
    assert "Nothing was changed" in error.hint
    assert path.read_text() == "my notes\n" * 1000
    assert not (tmp_path / "app.db-wal").exists()


async def test_a_database_of_another_program(tmp_path: Path) -> None:
    """Somebody else's SQLite database is refused, and not changed."""
    path = tmp_path / "app.db"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    other.close()
    before = path.read_bytes()
    await fails_to_open(path, "database of another program")
    assert path.read_bytes() == before
    assert not (tmp_path / "app.db-wal").exists()


async def test_an_empty_file_is_a_new_store(tmp_path: Path) -> None:
    """A file of zero bytes (`touch`, or a crash at the very beginning) becomes a store."""
    path = tmp_path / "app.db"
    path.touch()
    store = small(path)
    await store.open()
    await store.commit([create("a")])
    await store.close()


async def test_a_newer_format_is_refused(tmp_path: Path) -> None:
    """A store written by a later version says which formats are known and what to do."""
    path = tmp_path / "app.db"
    store = small(path)
    await store.open()
    assert store._parts is not None
    store._parts.writing.execute("PRAGMA user_version = 99")
    await store.close()
    error = await fails_to_open(path, f"has format 99.*knows {max(migrations())} at most")
    assert "Upgrade" in error.hint


async def test_a_cut_off_file(tmp_path: Path) -> None:
    """Truncated anywhere, the file is refused or its pages are missed when they are read."""
    path = tmp_path / "app.db"
    whole = await filled(path)
    for size in [50, 99, 100, 600, 2048, *range(4096, len(whole), 4096)]:
        path.write_bytes(whole[:size])
        with pytest.raises(FlawlessError, match=r"damaged|cut off|not whole"):
            await everything(path)
        remove_log(path)


async def test_flipped_bits_are_noticed(tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """Whatever bit flips in the file, reading everything gives the same or an error."""
    seed = pytestconfig.getoption("--seed") or 11
    print(f"repeat with --seed={seed}")
    rng = random.Random(seed)
    path = tmp_path / "app.db"
    whole = await filled(path)
    expected = await everything(path)
    noticed = 0
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        path.write_bytes(damaged)
        try:
            found = await everything(path)
        except FlawlessError:
            noticed += 1
        else:
            assert found == expected
        remove_log(path)
    assert noticed > 50  # the others hit bytes that nothing depends on


async def test_a_damaged_list_is_told_as_such(tmp_path: Path) -> None:
    """The error is the one of the page, not what follows from it."""
    path = tmp_path / "app.db"
    data = bytearray(await filled(path))
    store = small(path)
    await store.open()
    assert store._parts is not None
    query = "SELECT rootpage FROM sqlite_schema WHERE name = 'execution'"
    page = store._parts.reading.execute(query).get
    await store.close()
    data[page * 2048 - 100] ^= 1
    path.write_bytes(data)
    await store.open()
    with pytest.raises(StoreError, match=r"list executions: .*checksum is wrong"):
        await store.list()
    with contextlib.suppress(StoreError):
        await store.close()


async def filled(path: Path) -> bytes:
    """Make a store with a bit of everything, and return its file."""
    store = small(path)
    await store.open()
    for n in range(40):
        id_ = f"execution-{n}"
        await store.commit(
            [create(id_, data=b"%d" % n * 30), append(id_, 1, b"x" * n * 100), deployment(id_)]
        )
        await store.commit([status(id_, [*Status][n % 6], n if n % 6 == 1 else None)])
        await store.commit([attempts(id_, 1, b"tried"), send(id_, payload=b"y" * n)])
    await store.close()
    return path.read_bytes()


async def everything(path: Path) -> list[object]:
    """Open a store, read all there is, and close it."""
    store = small(path)
    await store.open()
    try:
        records = await listed(store, limit=1000)
        found: list[object] = [records]
        for record in records:
            found += await store.journal(record.id)
            found += [await store.attempts(record.id), await store.get(record.id)]
            found += [await store.messages(record.id), await store.children(record.id)]
            found += [await store.state(record.id), await store.response(record.id)]
        found += [await store.counts(), await store.running(), await store.due(1000)]
        found += [await store.deployments(), await store.next_wake_us()]
        found += [await store.openings(), await store.active()]
        return found
    finally:
        with contextlib.suppress(StoreError):
            await store.close()


def remove_log(path: Path) -> None:
    """Make room for the next damaged file."""
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


async def test_a_full_database_is_retriable(tmp_path: Path) -> None:
    """SQLite's own "full" undoes the batch; with room again the same commit succeeds."""
    store = small(tmp_path / "app.db")
    await store.open()
    await store.commit([create("a")])
    assert store._parts is not None
    writing = store._parts.writing
    pages = writing.execute("PRAGMA page_count").get
    writing.execute(f"PRAGMA max_page_count = {pages + 10}").fetchall()
    for inline in (True, False):
        with pytest.raises(StoreError, match="no space is left") as caught:
            await store.commit(
                [append("a", 1), create("b"), append("b", 1, b"x" * 60_000)], inline=inline
            )
        assert caught.value.retriable
        with pytest.raises(StoreError, match="no space is left"):
            await store.commit([append("a", 1, b"x" * 60_000)], inline=inline)
    assert ids(await listed(store)) == ["a"]
    await store.commit([append("a", 1, b"small")])  # fits
    writing.execute("PRAGMA max_page_count = 1000000").fetchall()
    await store.commit([create("b"), append("b", 1, b"x" * 60_000), append("a", 2)])
    assert [seq for seq, _, _ in await journal(store, "a")] == [0, 1, 2]
    await store.close()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 4 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_full_disk(small_disk: Path) -> None:
    """On a disk that fills up, nothing acknowledged is lost, and room made later is used."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(2_500_000))
    store = SQLiteStore(small_disk / "app.db")  # its log cannot be prepared: the disk is too small
    await store.open()
    await store.commit([create("a")])
    length = 1
    full: StoreError | None = None
    while full is None and length < 1000:
        try:
            await store.commit([append("a", length, b"x" * 5000)])
            length += 1
        except StoreError as error:
            full = error
    assert full is not None
    assert full.retriable
    assert "space" in str(full)
    assert 1 < length < 1000
    assert len(await store.journal(A)) == length
    ballast.unlink()
    await store.commit([append("a", length, b"x" * 5000)])
    await store.close()
    again = SQLiteStore(small_disk / "app.db")
    await again.open()
    assert len(await again.journal(A)) == length + 1
    await again.close()


async def test_a_read_only_file_system(small_disk: Path) -> None:
    """A file system mounted read-only is named as such."""
    store = small(small_disk / "app.db")
    await store.open()
    await store.close()
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    await fails_to_open(small_disk / "app.db", "Read-only file system.*choose another folder")


async def test_another_program_reads_meanwhile(tmp_path: Path) -> None:
    """An SQLite shell may look into the open file; a lock it holds too long is retriable."""
    store = small(tmp_path / "app.db")
    await store.open()
    await store.commit([create("a")])
    other = apsw.Connection(str(tmp_path / "app.db"), vfs="cksmvfs")
    assert other.execute("SELECT count(*) FROM journal").get == 1
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="another program holds a lock") as caught:
        await store.commit([append("a", 1)])
    assert caught.value.retriable
    other.execute("ROLLBACK")
    await store.commit([append("a", 1)])
    other.close()
    await store.close()


async def test_a_copy_of_an_open_file_is_refused(tmp_path: Path) -> None:
    """A plain copy lacks the log, so it would lack commits: it is not opened."""
    store = small(tmp_path / "app.db")
    await store.open()
    await store.commit([create("a")])
    shutil.copy(tmp_path / "app.db", tmp_path / "copy.db")
    await fails_to_open(tmp_path / "copy.db", "not whole")
    await store.close()
