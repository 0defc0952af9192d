"""One engine per file: a lock that a dead process cannot keep.

`flock` on a neighbour of the database (`app.db.lock`), because the database itself must stay open
to SQLite's own locks and to people with an SQLite shell. The kernel drops the lock when the last
descriptor of the open file is closed, so `kill -9` releases it. The file stays: deleting it would
race with another engine that has just opened it. Descriptors are not passed on to programs that
are started (Python opens files so), and a forked child closes its copy at once, so that a step's
worker process that outlives its engine does not keep the lock.
"""

from __future__ import annotations

import fcntl
import os
import weakref
from datetime import UTC, datetime
from pathlib import Path

from flawless.errors import EngineLocked

_NOTE_BYTES_MAX = 500


class FileLock:
    """An exclusive lock on `path`, held from `acquire` to `release` or the end of the process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd: int | None = None

    def acquire(self) -> None:
        """Take the lock without waiting.

        Raises `EngineLocked`, with process id and start time of the holder, or `OSError` when the
        file cannot be created.
        """
        assert self._fd is None, "a lock is taken once"
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, _NOTE_BYTES_MAX, 0).decode(errors="replace").strip()
            os.close(fd)
            raise EngineLocked(
                f"another engine has {self.path.with_suffix('')} open "
                f"({holder or 'it has just started'}). Stop it, or use another data folder"
            ) from None
        except BaseException:
            os.close(fd)
            raise
        self._fd = fd
        _held.add(self)
        self._write_note(fd)

    def release(self) -> None:
        """Let go of the lock; harmless if it is not held."""
        self._close()

    def _write_note(self, fd: int) -> None:
        """Write who holds the lock. Only for people: a full disk must not prevent locking."""
        try:
            os.ftruncate(fd, 0)
            os.utime(fd)  # the file's time is the moment of locking; no clock is read here
            since = datetime.fromtimestamp(os.fstat(fd).st_mtime, UTC)
            os.pwrite(
                fd, f"process {os.getpid()} since {since:%Y-%m-%d %H:%M:%S} UTC\n".encode(), 0
            )
        except OSError:
            return

    def _close(self) -> None:
        fd, self._fd = self._fd, None
        _held.discard(self)
        if fd is not None:
            os.close(fd)


_held: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_in_child() -> None:
    for lock in [*_held]:
        lock._close()  # closing a copy does not unlock


os.register_at_fork(after_in_child=_forget_in_child)
