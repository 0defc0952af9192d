"""What SQLite and the operating system report, in the terms of `StoreError`."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import apsw

from flawless.errors import StoreError

_RESTORE = (
    "Stop the engine, keep a copy of the file and its `-wal` neighbour, and restore a backup."
)


def store_error(operation: str, error: BaseException, path: Path) -> StoreError:
    """Return the `StoreError` for an error of SQLite or the operating system on `path`."""
    if isinstance(error, apsw.Error):
        return _sqlite_error(operation, error, path)
    if isinstance(error, OSError):
        return _os_error(operation, error, path)
    return StoreError(
        operation, f"{type(error).__name__}: {error}", "Please report this.", retriable=False
    )


def damaged(operation: str, cause: str) -> StoreError:
    """Return the error for a store whose content cannot be trusted."""
    return StoreError(operation, cause, _RESTORE, retriable=False)


def not_whole(operation: str, path: Path, reason: str) -> StoreError:
    """Return the error for a file that lacks commits, or was written by another program."""
    return StoreError(
        operation,
        f"{path} is not whole: {reason}, so commits that were acknowledged may be missing",
        "Put the log back, or restore a backup. Only if this is a copy made by SQLite's backup, or "
        "if an SQLite shell has opened the file since, nothing is missing: then "
        f"`python -m flawless.stores.sqlite {path}` checks the file and accepts it.",
        retriable=False,
    )


def is_checksum_error(error: apsw.Error) -> bool:
    """Tell whether a page was read whose checksum is wrong."""
    return getattr(error, "extendedresult", None) == apsw.SQLITE_IOERR_DATA


def _sqlite_error(operation: str, error: apsw.Error, path: Path) -> StoreError:
    code = getattr(error, "result", apsw.SQLITE_ERROR)
    extended = getattr(error, "extendedresult", code)
    text = str(error)
    if extended in (apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS):
        return damaged(operation, f"a page of {path} is damaged (its checksum is wrong)")
    match code:
        case apsw.SQLITE_CORRUPT:
            return damaged(operation, f"{path} is damaged ({text})")
        case apsw.SQLITE_NOTADB:
            return not_a_store(operation, path, "it is not an SQLite database")
        case apsw.SQLITE_FULL:
            return StoreError(
                operation,
                f"no space is left for {path} ({text})",
                "Nothing was written. Free some space; what was asked for can then be repeated.",
                retriable=True,
            )
        case apsw.SQLITE_READONLY:
            return StoreError(
                operation,
                f"{path} cannot be written ({text})",
                "Check owner and permissions of the file and its folder, and that the file system "
                "is not mounted read-only.",
                retriable=True,
            )
        case apsw.SQLITE_CANTOPEN:
            return StoreError(
                operation,
                f"{path} cannot be opened ({text})",
                "Check that the folder exists and that this user may write to it.",
                retriable=True,
            )
        case apsw.SQLITE_BUSY | apsw.SQLITE_LOCKED:
            return StoreError(
                operation,
                f"another program holds a lock on {path}",
                "Close other programs that have the file open (an SQLite shell, a backup).",
                retriable=True,
            )
        case apsw.SQLITE_NOMEM:
            return StoreError(operation, "memory is exhausted", "Free some memory.", retriable=True)
        case apsw.SQLITE_IOERR:
            return StoreError(
                operation,
                f"the disk failed on {path} ({_io_name(extended)})",
                "Check the system's log for disk errors, and that the file system is mounted.",
                retriable=True,
            )
        case apsw.SQLITE_TOOBIG:
            return StoreError(
                operation, f"a value is too large ({text})", "Store it elsewhere.", retriable=False
            )
        case _:
            return StoreError(
                operation,
                f"{type(error).__name__}: {text} ({path})",
                "If the file is intact, please report this.",
                retriable=False,
            )


def _os_error(operation: str, error: OSError, path: Path) -> StoreError:
    place = error.filename or path
    reason = os.strerror(error.errno) if error.errno else str(error)
    hint = "Check that the folder exists, is a folder, and that this user may write to it."
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        hint = "Free some space and try again."
    elif error.errno == errno.EROFS:
        hint = "The file system is mounted read-only: choose another folder."
    return StoreError(
        operation,
        f"{place}: {reason}",
        hint,
        retriable=error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE),
    )


def not_a_store(operation: str, path: Path, reason: str) -> StoreError:
    """Return the error for a file that holds something else."""
    return StoreError(
        operation,
        f"{path} is not a Flawless store: {reason}",
        "Nothing was changed. Name another file; a store is created where there is none.",
        retriable=False,
    )


def _io_name(extended: int) -> str:
    name = apsw.mapping_extended_result_codes.get(extended, "SQLITE_IOERR")
    return str(name)
