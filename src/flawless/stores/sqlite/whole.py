"""Whether a file and its log are whole and belong together: asked before anything is changed.

After a crash SQLite takes the log up to its first bad frame, and lays that over the file, whatever
the file is. That is right for a commit that was under way, and wrong for acknowledged ones, and for
a file and a log of different moments: pages of both would be mixed, each with a good checksum. So
several witnesses are heard:

- **The session row** says whether the store was closed, and how long its log was made. If it was
  not closed, the log must be there, that long, and have a sound header.
- **The commits behind.** Behind the last frame that SQLite accepts there must not be two commits
  more. (One there may be: when the power fails, the frames of the commit under way reach the disk
  in any order. It is wiped before the log goes on, so that it is not there beside another when the
  power fails again.)
- **Marks.** Before pages are moved from the log into the file, the session row gets a mark: which
  log it is (its salt, which SQLite counts up each time the log begins anew), a number that counts
  up, and that number at the end of the log before. The mark is moved with the pages. When all were
  moved, a log that holds nothing but another mark follows, and is moved as well: it seals the file.
  So the file by itself tells of which log it has what: the log must be that one, and have that
  mark, or the file must be sealed, and the log be the next one.
- **The index** of the log (`-shm`) is memory that outlives a killed process, though no power
  failure: it says how many frames were committed, and SQLite must find as many.
- **The length.** Pages that the file is too short for must be in the log.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Final, NamedTuple
from urllib.parse import quote

import apsw

from flawless.errors import StoreError
from flawless.stores.sqlite.errors import damaged, is_checksum_error, not_whole
from flawless.stores.sqlite.log import (
    commits_behind,
    frames_promised,
    log_bytes,
    log_path,
    log_salt,
    pages_in,
)
from flawless.stores.sqlite.sql import QUERIES, migrations

_OPEN: Final = "open"
_MARKS_SINCE: Final = 6
_SALTS: Final = 1 << 32
_LOCK_BYTE: Final = 1 << 30
"""SQLite locks bytes from here on, and so never writes the page that they are in."""


class _Marks(NamedTuple):
    closed: int
    log_salt: int | None
    mark: int
    mark_base: int
    version: int


class _Log(NamedTuple):
    """What the log is like before SQLite touches it."""

    size: int
    salt: int | None
    frames_promised: int


def check_whole(path: Path, vfs: str) -> list[int]:
    """Refuse a newer format, and a file or a log that is not what it was.

    Returns where in the log a commit ends that was under way, and of which frames are missing.
    Raises `StoreError` or `apsw.Error`, and changes nothing.
    """
    behind: list[int] = []
    log = _Log(log_bytes(path), log_salt(path), frames_promised(path))
    try:
        connection = apsw.Connection(str(path), vfs=vfs)
        try:
            _look_only(connection)
            version = connection.execute("PRAGMA user_version").get
            _check_version(path, version)
            if version > 0:  # else: whoever began to create it died, and it never held anything
                _check_session(connection, path, log)
            if log.salt is not None:
                pages, behind = _check_frames(connection, path, log)
                if version >= _MARKS_SINCE:
                    _check_marks(connection, path, vfs, log.salt, pages)
        finally:
            connection.close()
    except apsw.Error as error:
        if is_checksum_error(error) and (not log.size or was_being_accepted(path, vfs)):
            raise not_whole(_OPEN, path, "a page has no valid checksum") from None
        raise
    return behind


def was_being_accepted(path: Path, vfs: str) -> bool:
    """Tell whether `accept_without_log` has begun and not ended: the log is its own then."""
    session: Any = None
    with contextlib.suppress(apsw.Error):  # what cannot be read does not tell it
        connection = apsw.Connection(str(path), vfs=vfs)
        try:
            connection.execute("PRAGMA checksum_verification = off").fetchall()
            _look_only(connection)
            session = connection.execute(QUERIES["session"]).fetchone()
        finally:
            connection.close()
    return session is not None and not session[0] and bool(session[1] < 0)


def lacks_pages(file_pages: int, count: int, logged: set[int], page_bytes: int) -> bool:
    """Tell whether a file of `file_pages`, which should have `count`, lacks any that is not logged.

    The page of the lock byte never is.
    """
    lock_page = _LOCK_BYTE // page_bytes + 1
    return any(
        page not in logged and page != lock_page for page in range(file_pages + 1, count + 1)
    )


def _look_only(connection: apsw.Connection) -> None:
    """Let a connection neither move the log nor make its index anew."""
    connection.config(apsw.SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1)
    connection.execute("PRAGMA locking_mode = exclusive").fetchall()
    try:
        connection.execute("PRAGMA schema_version").fetchall()
    except apsw.BusyError:  # somebody looks into the file, and so the index is in use anyway
        connection.execute("PRAGMA locking_mode = normal").fetchall()


def _check_version(path: Path, version: int) -> None:
    newest = max(migrations())
    if version > newest:
        raise StoreError(
            _OPEN,
            f"{path} has format {version}, and this version of Flawless knows {newest} at most",
            "Upgrade Flawless (`pip install --upgrade flawless-engine`). Nothing was changed.",
            retriable=False,
        )


def _check_session(connection: apsw.Connection, path: Path, log: _Log) -> None:
    """Refuse a store that was not closed in order and whose log is not there as it was made."""
    session = connection.execute(QUERIES["session"]).fetchone()
    if session is None:
        raise damaged(_OPEN, f"{path} has lost its session row")
    closed, log_bytes_min = session
    if closed:
        return
    if log_bytes_min < 0:
        raise not_whole(_OPEN, path, "it was being accepted, and that has not ended")
    if not log.size:
        raise not_whole(
            _OPEN, path, f"it was not closed in order, and its log {log_path(path)} is missing"
        )
    if log.salt is None:
        raise _log_damaged(path, "has a damaged header")
    if log.size < log_bytes_min:
        raise _log_damaged(path, f"is cut off ({log.size:,} of at least {log_bytes_min:,} bytes)")


def _check_frames(connection: apsw.Connection, path: Path, log: _Log) -> tuple[set[int], list[int]]:
    """Refuse a log with damage before its end, and a file that lacks pages the log has not.

    Returns which pages the log has, and where a commit behind them ends.
    """
    frames, _ = connection.wal_checkpoint("main", apsw.SQLITE_CHECKPOINT_NOOP)
    page_bytes = connection.execute("PRAGMA page_size").get
    if frames < log.frames_promised:
        lost = log.frames_promised - frames
        raise _log_damaged(path, f"is damaged, with {lost} committed pages behind the damage")
    behind = commits_behind(path, frames, page_bytes)
    if len(behind) > 1:
        raise _log_damaged(path, f"is damaged, with {len(behind)} commits behind the damage")
    pages = pages_in(path, frames, page_bytes)
    count = connection.execute("PRAGMA page_count").get
    if lacks_pages(path.stat().st_size // page_bytes, count, pages, page_bytes):
        raise damaged(_OPEN, f"{path} is cut off")
    return pages, behind


def _check_marks(
    connection: apsw.Connection, path: Path, vfs: str, salt: int, pages: set[int]
) -> None:
    """Refuse a file and a log of different moments. `pages` are those that the log has."""
    own = _marks_of_file(path, vfs)
    if own is None or own.log_salt is None or (own.closed and not pages):
        return
    both = _marks(connection)
    marked = connection.execute(QUERIES["session_page"]).get in pages
    if not marked:
        # The log has begun anew just now. Or the file is brought up to date, before all else.
        fit = (salt - own.log_salt) % _SALTS == 1 or both.version > own.version
    elif both.log_salt != salt:
        fit = (both.log_salt, both.mark) == (own.log_salt, own.mark)
    elif own.log_salt != salt:
        fit = both.mark_base == own.mark
    else:
        fit = both.mark >= own.mark
    if fit:
        return
    if own.log_salt == salt:
        raise _log_damaged(path, "lacks commits that the file has in parts")
    raise StoreError(
        _OPEN,
        f"{path} and its log {log_path(path)} are of different moments: together they would be "
        "wrong",
        f"If you have put back a backup of {path.name}, remove the log that was left beside it, "
        "and open the store again. Else put back the file and the log that belong together. "
        "Nothing was changed.",
        retriable=False,
    )


def _marks_of_file(path: Path, vfs: str) -> _Marks | None:
    """Return the marks in the file, as it is without the log; None if it cannot be told."""
    name = f"file:{quote(str(path))}?immutable=1"
    flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
    # What cannot be read (the power failed while pages were moved, so they are in the log, too)
    # tells nothing.
    with contextlib.suppress(apsw.Error, TypeError):
        connection = apsw.Connection(name, flags, vfs)
        try:
            return _marks(connection)
        finally:
            connection.close()
    return None


def _marks(connection: apsw.Connection) -> _Marks:
    row: Any = connection.execute(QUERIES["marks"]).fetchone()
    version: int = connection.execute("PRAGMA user_version").get
    return _Marks._make((*row, version))


def _log_damaged(path: Path, problem: str) -> StoreError:
    return damaged(
        _OPEN,
        f"{path} was not closed in order, and its log {log_path(path)} {problem}: commits that "
        "were acknowledged would be lost",
    )
