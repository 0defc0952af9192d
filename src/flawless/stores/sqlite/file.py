"""The database file: how it is created, recognised, opened and checked.

Choices, each measured (docs/internals/stores.md):

- **WAL, synchronous=FULL**: a commit is one append to the log and one `fdatasync`.
- **The log's space is written beforehand.** Appending to a growing file makes the file system
  commit its own journal with each `fdatasync`; overwriting does not, and takes a third less time.
- **Pages of 2,048 bytes.** A step changes one page, and the log gets the whole page: small pages
  write less, larger ones waste a little less space between the rows.
- **A checksum on every page** (SQLite's own `cksumvfs`): a flipped bit is an error, never a value.
- **A session row** says in the database file itself whether the last engine closed it. If it did
  not, the log must still be there: without it, acknowledged commits would be missing silently.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from threading import Lock
from typing import Final

import apsw
import apsw.sqlite_extra

from flawless.errors import StoreError
from flawless.stores.sqlite.errors import damaged, not_a_store
from flawless.stores.sqlite.sql import QUERIES, migrations

APPLICATION_ID: Final = 0x464C5753  # "FLWS"
PAGE_BYTES: Final = 2048
LOG_KEPT_BYTES: Final = 16 * 1024 * 1024
"""To what size the log shrinks again after a very large commit."""
CACHE_KIB_WRITER: Final = 8192
CACHE_KIB_READER: Final = 2048
BUSY_MS_MAX: Final = 1000
"""How long to wait for another program's lock (an SQLite shell, a backup)."""

_OPEN = "open"
_HEADER_BYTES = 100
_BLOCK_BYTES = 4096
_FRAME_HEADER_BYTES = 24
_MAGIC = b"SQLite format 3\x00"
_LOG_MAGICS = (b"\x37\x7f\x06\x82", b"\x37\x7f\x06\x83")
_CHECKSUM_BYTES = 8
_CHECKSUM_VFS = "cksmvfs"
_vfs_lock = Lock()


def log_path(path: Path) -> Path:
    """Return the path of the write-ahead log of the database `path`."""
    return path.with_name(path.name + "-wal")


def prepare(path: Path, *, log_pages_max: int) -> apsw.Connection:
    """Open or create the store's file, bring it up to date, and return the writer's connection.

    The caller holds the lock. `log_pages_max` is where checkpoints begin. Raises `StoreError`,
    `OSError` or `apsw.Error`.
    """
    header = _read(path, _HEADER_BYTES)
    log_header = _read(log_path(path), 4)
    checksums = _check_header(path, header, log_header)
    log_lost = bool(header) and log_header not in _LOG_MAGICS
    if not header:
        _create(path, checksums=checksums)
    if not log_header:
        _prepare_log(path, log_pages_max * 3 // 2)
    connection = connect(path, cache_kib=CACHE_KIB_WRITER, checksums=checksums)
    try:
        _migrate(connection, path)
        _begin_session(connection, path, log_lost=log_lost)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path, *, cache_kib: int, checksums: bool | None = None) -> apsw.Connection:
    """Open one more connection to the file, with the settings all connections share."""
    if checksums is None:
        checksums = _read(path, _HEADER_BYTES)[20:21] == bytes([_CHECKSUM_BYTES])
    vfs = _CHECKSUM_VFS if checksums else None
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.set_busy_timeout(BUSY_MS_MAX)
    for pragma, value in (
        ("synchronous", "full"),
        ("cache_size", -cache_kib),
        ("journal_size_limit", LOG_KEPT_BYTES),
        ("wal_autocheckpoint", 0),
        ("cell_size_check", "on"),
        ("trusted_schema", "off"),
        ("temp_store", "memory"),
    ):
        connection.execute(f"PRAGMA {pragma} = {value}").fetchall()
    return connection


def end_session(connection: apsw.Connection) -> None:
    """Note that the store was closed in order; closing the last connection then folds the log."""
    connection.execute(QUERIES["close_session"])


def _check_header(path: Path, header: bytes, log_header: bytes) -> bool:
    """Refuse what is not ours by its first bytes; return whether pages have checksums."""
    if not header:
        if log_header in _LOG_MAGICS:
            raise damaged(_OPEN, f"{path} is missing or empty, but its log {log_path(path)} exists")
        return _load_checksums()
    if not header.startswith(_MAGIC):
        raise not_a_store(_OPEN, path, "it is not an SQLite database")
    if len(header) < _HEADER_BYTES:
        raise damaged(_OPEN, f"{path} is cut off")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise not_a_store(_OPEN, path, "it is the SQLite database of another program")
    if header[20] != _CHECKSUM_BYTES:
        return False
    if not _load_checksums():
        raise StoreError(
            _OPEN,
            f"{path} has page checksums, and this installation of apsw cannot check them",
            "Install apsw from its official wheel (`pip install --force-reinstall apsw`).",
            retriable=False,
        )
    return True


def _load_checksums() -> bool:
    """Make SQLite's checksum layer available, without imposing it on others in this process."""
    with _vfs_lock:
        if _CHECKSUM_VFS in apsw.vfs_names():
            return True
        if apsw.sqlite_extra.has("cksumvfs") is None:
            return False
        default = apsw.vfs_names()[0]
        loader = apsw.Connection(":memory:")
        try:
            apsw.sqlite_extra.load(loader, "cksumvfs")
        finally:
            loader.close()
        apsw.set_default_vfs(default)
        return True


def _prepare_log(path: Path, pages: int) -> None:
    """Write zeros where the log will be; SQLite takes such a log for an empty one.

    If that fails (the disk is full), SQLite lets the log grow as it always does.
    """
    log = log_path(path)
    fd = os.open(log, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # In small pieces: a large one becomes one large folio of the page cache, and Linux then
        # counts all of it as written whenever a part of it is (device writes are the same).
        zeros = bytes(_BLOCK_BYTES)
        for _ in range(pages * (PAGE_BYTES + _FRAME_HEADER_BYTES) // _BLOCK_BYTES + 1):
            os.write(fd, zeros)
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)
    _sync_folder(path)


def _create(path: Path, *, checksums: bool) -> None:
    """Make a file with our page size and mark in its header, durable before anything else."""
    connection = connect(path, cache_kib=CACHE_KIB_WRITER, checksums=checksums)
    try:
        if checksums:
            reserved = ctypes.c_int(_CHECKSUM_BYTES)
            connection.file_control(
                "main", apsw.SQLITE_FCNTL_RESERVE_BYTES, ctypes.addressof(reserved)
            )
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}").fetchall()
        connection.execute("PRAGMA auto_vacuum = none").fetchall()
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}").fetchall()
        if connection.execute("PRAGMA journal_mode = wal").get != "wal":
            raise StoreError(
                _OPEN,
                f"the file system of {path} does not support SQLite's write-ahead log",
                "Choose a folder on a local disk.",
                retriable=False,
            )
    finally:
        connection.close()
    _sync_folder(path)


def _migrate(connection: apsw.Connection, path: Path) -> None:
    version = connection.execute("PRAGMA user_version").get
    known = migrations()
    newest = max(known)
    if version > newest:
        raise StoreError(
            _OPEN,
            f"{path} has format {version}, and this version of Flawless knows {newest} at most",
            "Upgrade Flawless (`pip install --upgrade flawless-engine`). Nothing was changed.",
            retriable=False,
        )
    for number in range(version + 1, newest + 1):
        with connection:
            connection.execute(known[number]).fetchall()
            connection.execute(f"PRAGMA user_version = {number}").fetchall()


def _begin_session(connection: apsw.Connection, path: Path, *, log_lost: bool) -> None:
    session = connection.execute(QUERIES["session"]).fetchone()
    if session is None:
        raise damaged(_OPEN, f"{path} has lost its session row")
    if not session[1] and log_lost:
        raise damaged(
            _OPEN,
            f"{path} was not closed in order, and its log {log_path(path)} is missing or damaged: "
            "the last commits would be lost",
        )
    connection.execute(QUERIES["open_session"])
    # From here on the database file itself says that a log belongs to it.
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_FULL)


def _read(path: Path, size: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError:
        return b""


def _sync_folder(path: Path) -> None:
    """Make the names of new files durable."""
    fd = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
