"""A folder of large files that can be made again: compiled code and built components.

Every entry is one file whose name holds its key and the SHA-256 of its content. So publishing is
one atomic rename, several processes need no common index, and an entry is checked against its own
name before a process first uses it, and again once it has changed: a damaged one is deleted and
made again. While an entry is made, a lock keyed by the entry makes other processes (and threads)
wait for it instead of making it twice; the kernel gives the lock back when its process dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from flawless.errors import ToolchainError

from .writing import put_in_place

BYTES_MAX: Final = 4 << 30
"""Default bound of a cache folder; a compiled Python component takes some 60 MB."""

_PARTIAL: Final = ".partial-"
_READ_BYTES: Final = 1 << 20

_checked: dict[Path, tuple[int, int, int]] = {}
"""What this process has checked, and how it was then: hashing the large files takes 0.1 s each."""


def default_folder() -> Path:
    """Return `$FLAWLESS_CACHE`, else `$XDG_CACHE_HOME/flawless`, else `~/.cache/flawless`."""
    if named := os.environ.get("FLAWLESS_CACHE"):
        return Path(named).absolute()
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base).absolute() / "flawless"
    return Path.home() / ".cache" / "flawless"


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb", buffering=0) as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


class CacheFolder:
    """Entries by `(kind, key)`; safe with several processes; bounded; self-mending.

    Args:
        path: the folder; made when something is first stored, readable by its owner only (what it
            holds is executed).
        bytes_max: once stored entries exceed this, the least recently used are deleted.
    """

    def __init__(self, path: Path | None = None, *, bytes_max: int = BYTES_MAX) -> None:
        self.path = default_folder() if path is None else path
        self.bytes_max = bytes_max

    def get(self, kind: str, key: str) -> Path | None:
        """Return the file of an entry, or None. Its content was checked since it last changed."""
        for path in self._entries(f"{kind}-{key}-"):
            try:
                if self._is_sound(path):
                    return path
                path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise self._unusable("read", error) from error
        return None

    def find(self, sha256: str) -> Path | None:
        """Return the file of any entry with that content, or None. It was checked just now."""
        for path in self._entries():
            if self.sha256_of(path) == sha256:
                with contextlib.suppress(OSError):  # another process may delete it meanwhile
                    if file_sha256(path) == sha256:
                        return path
        return None

    def get_or_make(self, kind: str, key: str, make: Callable[[], bytes]) -> Path:
        """Return the file of an entry; `make` gives its content if it is missing or damaged.

        One process makes an entry, the others wait for it.

        Raises:
            ToolchainError: the folder cannot be read or written.
        """
        if path := self.get(kind, key):
            return path
        with self._locked(kind, key):
            if path := self.get(kind, key):
                return path
            return self.put(kind, key, make())

    def put(self, kind: str, key: str, data: bytes | bytearray) -> Path:
        """Store an entry durably (temporary file, fsync, rename) and delete the oldest beyond
        the bound.

        Raises:
            ToolchainError: the folder cannot be written.
        """
        final = self.path / f"{kind}-{key}-{hashlib.sha256(data).hexdigest()}"
        try:
            self._make_folder()
            put_in_place(final, data, partial=_PARTIAL)
        except OSError as error:
            raise self._unusable("write", error) from error
        self._evict(keep=final)
        return final

    @staticmethod
    def sha256_of(path: Path) -> str:
        """Return the SHA-256 that an entry's content had when it was stored."""
        return path.name.rpartition("-")[2]

    def _is_sound(self, path: Path) -> bool:
        """Check an entry, and note that it is used: the time of its last change stays as it is."""
        status = path.stat()
        os.utime(path)
        os.utime(path, ns=(path.stat().st_atime_ns, status.st_mtime_ns))
        state = (status.st_ino, status.st_size, status.st_mtime_ns)
        if _checked.get(path) == state:
            return True
        sound = file_sha256(path) == self.sha256_of(path)
        if sound:
            _checked[path] = state
        return sound

    def _make_folder(self) -> None:
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _entries(self, prefix: str = "") -> list[Path]:
        try:
            return [path for path in self.path.iterdir() if path.name.startswith(prefix)]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise self._unusable("read", error) from error

    @contextlib.contextmanager
    def _locked(self, kind: str, key: str) -> Iterator[None]:
        # A few lock files serve all keys, and stay: deleting a lock file would open a race.
        name = hashlib.sha256(f"{kind}-{key}".encode()).hexdigest()[:2]
        try:
            self._make_folder()
            descriptor = os.open(
                self.path / f"lock-{name}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600
            )
        except OSError as error:
            raise self._unusable("write", error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _evict(self, keep: Path) -> None:
        found: list[tuple[float, int, Path]] = []
        with contextlib.suppress(FileNotFoundError):
            for entry in os.scandir(self.path):
                if entry.name.startswith("lock-"):
                    continue
                with contextlib.suppress(FileNotFoundError):
                    status = entry.stat()
                    found.append((status.st_atime, status.st_size, Path(entry.path)))
        total = sum(size for _, size, _ in found)
        # Unlinking a file that a process has mapped is safe: it keeps the content until it ends.
        for _, size, path in sorted(found):
            if total <= self.bytes_max:
                break
            if path != keep:
                path.unlink(missing_ok=True)
                total -= size

    def _unusable(self, operation: str, error: OSError) -> ToolchainError:
        return ToolchainError(
            f"cannot {operation} the cache folder {self.path}: {error.strerror or error}. "
            "Free some space or mend its permissions, or name another folder in FLAWLESS_CACHE"
        )
