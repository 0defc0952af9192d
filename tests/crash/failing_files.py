"""A file layer beneath SQLite that writes down what it does, and fails when it is told to.

It is registered as the process's default VFS, before a store is opened, so it stands below
SQLite's checksum layer, where the operating system would be. So it belongs into processes of its
own: see `damage_child`.
"""

from __future__ import annotations

import struct
import threading
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import apsw
import msgspec

LENGTH = struct.Struct("<I")
"""What stands before each operation in the record."""
CODES = {
    "write": apsw.SQLITE_IOERR_WRITE,
    "sync": apsw.SQLITE_IOERR_FSYNC,
    "truncate": apsw.SQLITE_IOERR_TRUNCATE,
    "read": apsw.SQLITE_IOERR_READ,
    "size": apsw.SQLITE_IOERR_FSTAT,
    "open": apsw.SQLITE_CANTOPEN,
    "delete": apsw.SQLITE_IOERR_DELETE,
}
"""What the operating system's failure of each kind of operation is to SQLite."""


@dataclass(slots=True)
class Fault:
    """Fail the `first`-th operation of a kind, and those after it: `times` in all.

    `short` writes half of the bytes before it fails. `full` says that no space is left.
    """

    kind: str
    first: int
    times: int = 1
    short: bool = False
    full: bool = False


@dataclass(slots=True)
class Files:
    """What all files of the layer share: counts, the faults that are planned, and the record."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    record: BinaryIO | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def meet(self, kind: str, name: str) -> Fault | None:
        """Count an operation, and return the fault that strikes it."""
        with self.lock:
            self.counts[kind] += 1
            number = self.counts[kind]
            for fault in self.faults:
                if fault.kind == kind and fault.first <= number < fault.first + fault.times:
                    self.failed.append(f"{kind} {number} of {name}")
                    return fault
        return None

    def check(self, kind: str, name: str) -> None:
        """Count an operation; raises what SQLite is to see if a fault strikes it."""
        fault = self.meet(kind, name)
        if fault is not None:
            raise _error(fault)

    def note(self, *what: Any) -> None:
        """Write down what has happened, in one write: whoever is killed has written it whole."""
        if self.record is not None:
            with self.lock:
                data = msgspec.msgpack.encode(what)
                self.record.write(LENGTH.pack(len(data)) + data)


def _error(fault: Fault) -> BaseException:
    found: BaseException = apsw.exception_for(apsw.SQLITE_FULL if fault.full else CODES[fault.kind])
    return found


class FailingFiles(apsw.VFS):
    """The layer. `files` may be changed at any time."""

    def __init__(self, files: Files) -> None:
        self.files = files
        self._base = apsw.vfs_names()[0]
        super().__init__("failing", base=self._base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> apsw.VFSFile:  # noqa: N802 (apsw's name)
        """Open a file."""
        path = name if isinstance(name, str) or name is None else name.filename()
        short = "" if path is None else Path(path).name
        self.files.check("open", short)
        opened = _File(self.files, self._base, short, name, flags)
        if path is not None and self.files.record is not None and not short.endswith("-shm"):
            self.files.note("file", short, Path(path).read_bytes())
        return opened

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802 (apsw's name)
        """Delete a file."""
        self.files.check("delete", Path(name).name)
        super().xDelete(name, sync)
        self.files.note("delete", Path(name).name)


class _File(apsw.VFSFile):
    def __init__(self, files: Files, base: str, short: str, name: Any, flags: list[int]) -> None:
        self._files = files
        self._name = short
        # SQLite shortens a log after a commit, and does not mind if that fails. apsw would make it
        # an error of the commit, which was made.
        self._ignored = short.endswith("-wal")
        super().__init__(base, name, flags)

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802 (apsw's name)
        self._files.check("read", self._name)
        return super().xRead(amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 (apsw's name)
        fault = self._files.meet("write", self._name)
        if fault is not None:
            if fault.short:
                super().xWrite(data[: len(data) // 2], offset)
                self._files.note("write", self._name, offset, bytes(data[: len(data) // 2]))
            raise _error(fault)
        super().xWrite(data, offset)
        self._files.note("write", self._name, offset, bytes(data))

    def xSync(self, flags: int) -> None:  # noqa: N802 (apsw's name)
        fault = self._files.meet("sync", self._name)
        if fault is not None:
            # The kernel marks pages as clean that it could not write: later syncs skip them.
            self._files.note("dropped", self._name)
            raise _error(fault)
        super().xSync(flags)
        self._files.note("sync", self._name)

    def xTruncate(self, size: int) -> None:  # noqa: N802 (apsw's name)
        if not self._ignored:
            self._files.check("truncate", self._name)
        super().xTruncate(size)
        self._files.note("truncate", self._name, size)

    def xFileSize(self) -> int:  # noqa: N802 (apsw's name)
        if not self._ignored:
            self._files.check("size", self._name)
        return super().xFileSize()
