"""What can be told from the write-ahead log itself, beside what SQLite makes of it.

After a crash SQLite takes the log up to its first bad frame and forgets the rest without a word.
That is right for the last commit, which may have been under way, and wrong for all before it: they
were acknowledged. So the log of a store that was not closed in order is checked before it is used:

- it must be there, be as long as it was made, and have a sound header;
- behind the last frame SQLite accepts there must not be two commits more. (One there may be: when
  the power fails, the frames of the commit under way reach the disk in any order.)

The format: https://sqlite.org/fileformat2.html#walformat
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
_MAGICS: Final = {0x377F0682: "<", 0x377F0683: ">"}  # how its checksums read the bytes
_BLOCK_BYTES: Final = 4096


def log_path(path: Path) -> Path:
    """Return the path of the log of the database `path`."""
    return path.with_name(path.name + "-wal")


def log_bytes(path: Path) -> int:
    """Return the size of the log of the database `path`, 0 if there is none."""
    try:
        return log_path(path).stat().st_size
    except FileNotFoundError:
        return 0


def prepare_log(path: Path, size: int) -> None:
    """Write zeros where the log will be; SQLite takes such a log for an empty one.

    If that fails (the disk is full), SQLite lets the log grow as it always does.
    """
    fd = os.open(log_path(path), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # In small pieces: a large one becomes one large folio of the page cache, and Linux then
        # counts all of it as written whenever a part of it is (what reaches the disk is the same).
        zeros = bytes(_BLOCK_BYTES)
        for _ in range(-(-size // _BLOCK_BYTES)):
            os.write(fd, zeros)
        os.fsync(fd)
    except OSError:
        os.ftruncate(fd, 0)
    finally:
        os.close(fd)


def has_header(path: Path) -> bool:
    """Tell whether the log begins with a header whose checksum is right."""
    return _salts(path) is not None


def commits_behind(path: Path, frames: int, page_bytes: int) -> int:
    """Return how many commits of the present log follow its first `frames` frames."""
    salts = _salts(path)
    if salts is None:
        return 0
    commits = 0
    stride = FRAME_HEADER_BYTES + page_bytes
    with log_path(path).open("rb") as file:
        file.seek(HEADER_BYTES + frames * stride)
        while len(header := file.read(FRAME_HEADER_BYTES)) == FRAME_HEADER_BYTES:
            if header[8:16] == salts and header[4:8] != b"\x00\x00\x00\x00":
                commits += 1
            file.seek(page_bytes, os.SEEK_CUR)
    return commits


def _salts(path: Path) -> bytes | None:
    """Return the salts that mark the frames of the present log, or None without a sound header."""
    try:
        with log_path(path).open("rb") as file:
            header = file.read(HEADER_BYTES)
    except FileNotFoundError:
        return None
    if len(header) < HEADER_BYTES:
        return None
    order = _MAGICS.get(int.from_bytes(header[:4], "big"))
    if order is None:
        return None
    first = second = 0
    for a, b in struct.iter_unpack(f"{order}II", header[:24]):
        first = (first + a + second) & 0xFFFFFFFF
        second = (second + b + first) & 0xFFFFFFFF
    return header[16:24] if struct.pack(">II", first, second) == header[24:32] else None
