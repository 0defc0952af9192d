"""The database file: how it is created, recognised, opened and checked.

Choices, each measured (docs/internals/stores.md):

- **WAL, synchronous=FULL**: a commit is one append to the log and one `fdatasync`.
- **The log's space is written beforehand.** Appending to a growing file makes the file system
  commit its own journal with each `fdatasync`; overwriting does not, and takes a third less time.
- **Pages of 2,048 bytes.** A step changes one page, and the log gets the whole page: small pages
  write less, larger ones waste a little less space between the rows.
- **A checksum on every page** (SQLite's own `cksumvfs`): a flipped bit is an error, never a value.
  The price: what another program wrote into the file (it folded the log after a crash, or made a
  copy of an open store) has no checksums, and must be accepted once (`__main__`).
- **A session row** says in the database file itself whether the last engine closed it, and up to
  where the file has the log. Both are checked against the log (see `whole`): else acknowledged
  commits could be missing, or pages of different moments be mixed.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from pathlib import Path
from threading import Lock
from typing import Final

import apsw
import apsw.sqlite_extra

from flawless.errors import StoreError
from flawless.stores.sqlite.errors import damaged, not_a_store
from flawless.stores.sqlite.log import (
    FRAME_HEADER_BYTES,
    checksum,
    log_bytes,
    log_path,
    log_salt,
    prepare_log,
    wipe_frames,
)
from flawless.stores.sqlite.sql import QUERIES, migrations
from flawless.stores.sqlite.whole import check_whole, was_being_accepted

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
_MAGIC = b"SQLite format 3\x00"
_CHECKSUM_BYTES = 8
_CHECKSUM_VFS = "cksmvfs"
_vfs_lock = Lock()


def prepare(path: Path, *, log_pages_max: int) -> apsw.Connection:
    """Open or create the store's file, bring it up to date, and return the writer's connection.

    The caller holds the lock. `log_pages_max` is where checkpoints begin. Raises `StoreError`,
    `OSError` or `apsw.Error`.
    """
    header = _read(path, _HEADER_BYTES)
    vfs = _check_header(path, header)
    if header:
        if behind := check_whole(path, vfs):
            wipe_frames(path, behind)
    else:
        _create(path, vfs)
    if not log_bytes(path):
        prepare_log(path, log_pages_max * 3 // 2 * (PAGE_BYTES + FRAME_HEADER_BYTES))
        _sync_folder(path)
    connection = connect(path, vfs, cache_kib=CACHE_KIB_WRITER)
    try:
        _migrate(connection)
        connection.execute(QUERIES["open_session"], (min(log_bytes(path), LOG_KEPT_BYTES),))
        set_mark(connection, path)
        # From here on the database file itself says that a log belongs to it, and which one.
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_FULL)
        seal(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def connect(path: Path, vfs: str, *, cache_kib: int, check_pages: bool = True) -> apsw.Connection:
    """Open a connection to the file, with the settings all connections share.

    Unlike SQLite's own, they leave the log alone when the last of them is closed (`end_session`
    changes that): where something failed, nothing is to be moved or deleted.
    """
    connection = apsw.Connection(str(path), vfs=vfs)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.set_busy_timeout(BUSY_MS_MAX)
    if not check_pages:  # before anything reads a page
        connection.execute("PRAGMA checksum_verification = off").fetchall()
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


def set_mark(connection: apsw.Connection, path: Path) -> None:
    """Mark the session row, as the last commit before pages are moved into the file: see `whole`.

    The commit before begins the log anew, if it is to: only then does it have its salt.
    """
    connection.execute(QUERIES["touch_session"])
    connection.execute(QUERIES["set_mark"], (log_salt(path),))


def seal(connection: apsw.Connection, path: Path) -> None:
    """Mark the session row in the file, when all pages of the log were moved, and that is durable.

    Pages are moved in the order of their numbers, so the mark before says only that they were
    being moved.
    """
    set_mark(connection, path)
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)


def end_session(connection: apsw.Connection, path: Path) -> None:
    """Note that the store was closed in order, and let closing `connection` fold the log.

    The file gets the note when it has everything else.
    """
    set_mark(connection, path)
    connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_PASSIVE)
    connection.execute(QUERIES["close_session"])
    set_mark(connection, path)
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0)


def accept_without_log(path: Path) -> None:
    """Declare that nothing is missing from a store that lacks its log; see `__main__`.

    The caller holds the lock. Raises `StoreError` when the file itself is not whole.
    """
    header = _read(path, _HEADER_BYTES)
    if not header:
        raise not_a_store(_OPEN, path, "it is missing or empty")
    vfs = _check_header(path, header)
    if log_bytes(path) and not was_being_accepted(path, vfs):
        raise StoreError(
            "do without its log",
            f"{log_path(path)} exists",
            "Open the store as usual: the log is used, or the error says what is wrong with it.",
            retriable=False,
        )
    # Other programs do not know the checksums: what they wrote has none.
    connection = connect(path, vfs, cache_kib=CACHE_KIB_WRITER, check_pages=False)
    try:
        connection.execute("PRAGMA temp_store = file").fetchall()
        findings = connection.execute("PRAGMA integrity_check").get
        if findings != "ok":
            raise damaged("do without its log", f"{path} is damaged ({findings})")
        with connection:  # at once: whatever is in the log, it says that it is this one
            _migrate(connection)
            connection.execute(QUERIES["forget_marks"])  # they are of the log that is not there
        connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_FULL)
        connection.execute("VACUUM")  # writes every page anew, with its checksum
        end_session(connection, path)
    finally:
        connection.close()


def _check_header(path: Path, header: bytes) -> str:
    """Refuse what is not ours by its first bytes; return the SQLite VFS to open it with."""
    if not header:
        if log_salt(path) is not None:
            raise damaged(_OPEN, f"{path} is missing or empty, but its log {log_path(path)} exists")
        return _CHECKSUM_VFS if _load_checksums() else apsw.vfs_names()[0]
    if not os.access(path, os.W_OK):
        raise PermissionError(errno.EACCES, "not writable", str(path))
    if not header.startswith(_MAGIC):
        raise not_a_store(_OPEN, path, "it is not an SQLite database")
    if len(header) < _HEADER_BYTES:
        raise damaged(_OPEN, f"{path} is cut off")
    if int.from_bytes(header[68:72], "big") != APPLICATION_ID:
        raise not_a_store(_OPEN, path, "it is the SQLite database of another program")
    if header[20] != _CHECKSUM_BYTES:
        if header[20] or _has_checksum(path):
            raise damaged(_OPEN, f"{path} is damaged (its header is wrong)")
        return apsw.vfs_names()[0]
    if not _load_checksums():
        raise StoreError(
            _OPEN,
            f"{path} has page checksums, and this installation of apsw cannot check them",
            "Install apsw from its official wheel (`pip install --force-reinstall apsw`).",
            retriable=False,
        )
    return _CHECKSUM_VFS


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


def _create(path: Path, vfs: str) -> None:
    """Make a file with our page size and mark in its header, durable before anything else."""
    connection = connect(path, vfs, cache_kib=CACHE_KIB_WRITER)
    try:
        if vfs == _CHECKSUM_VFS:
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


def _migrate(connection: apsw.Connection) -> None:
    version = connection.execute("PRAGMA user_version").get
    for number, sql in migrations().items():
        if number > version:
            with connection:
                connection.execute(sql).fetchall()
                connection.execute(f"PRAGMA user_version = {number}").fetchall()


def _has_checksum(path: Path) -> bool:
    """Tell whether the first page has a checksum, although its header says that pages have none."""
    page = bytearray(_read(path, PAGE_BYTES))
    page[20] = _CHECKSUM_BYTES
    if len(page) < PAGE_BYTES:
        return False
    written = struct.unpack("<II", page[-_CHECKSUM_BYTES:])
    return checksum("<", bytes(page[:-_CHECKSUM_BYTES])) == written


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
