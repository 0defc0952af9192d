"""What can be told from the write-ahead log itself and its index, beside what SQLite makes of it.

What follows from that is in `whole`. The formats: https://sqlite.org/fileformat2.html#walformat
and https://sqlite.org/walformat.html#walidxfmt
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Final

HEADER_BYTES: Final = 32
FRAME_HEADER_BYTES: Final = 24
INDEX_HEADER_BYTES: Final = 48
_INDEX_VERSION: Final = 3007000
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


def log_salt(path: Path) -> int | None:
    """Return the number of the present log, or None without a sound header.

    It is random in a new file, and SQLite counts it up each time the log begins anew.
    """
    salts = _salts(path)
    return None if salts is None else int.from_bytes(salts[:4], "big")


def frames_promised(path: Path) -> int:
    """Return how many frames of the present log were committed, by its index; 0 if it is silent.

    The index has a header twice, with a checksum, in the machine's byte order. SQLite writes it
    when the frames are durable.
    """
    salts = _salts(path)
    try:
        with path.with_name(path.name + "-shm").open("rb") as file:
            data = file.read(2 * INDEX_HEADER_BYTES)
    except OSError:
        return 0
    header = data[:INDEX_HEADER_BYTES]
    if salts is None or len(header) < INDEX_HEADER_BYTES or data != header * 2:
        return 0
    version, *_, frames, _, _, _ = struct.unpack("=IIIBBHIIII", header[:32])
    sound = checksum("=", header[:40]) == struct.unpack("=II", header[40:])
    return frames if sound and version == _INDEX_VERSION and header[32:40] == salts else 0


def pages_in(path: Path, frames: int, page_bytes: int) -> set[int]:
    """Return the numbers of the pages in the first `frames` frames of the log."""
    pages = set()
    with log_path(path).open("rb") as file:
        for n in range(frames):
            file.seek(HEADER_BYTES + n * (FRAME_HEADER_BYTES + page_bytes))
            pages.add(int.from_bytes(file.read(4), "big"))
    return pages


def commits_behind(path: Path, frames: int, page_bytes: int) -> list[int]:
    """Return where in the file those commits of the present log end that follow `frames` frames."""
    salts = _salts(path)
    if salts is None:
        return []
    ends = []
    stride = FRAME_HEADER_BYTES + page_bytes
    with log_path(path).open("rb") as file:
        offset = HEADER_BYTES + frames * stride
        file.seek(offset)
        while len(header := file.read(FRAME_HEADER_BYTES)) == FRAME_HEADER_BYTES:
            if header[8:16] == salts and header[4:8] != b"\x00\x00\x00\x00":
                ends.append(offset)
            offset = file.seek(page_bytes, os.SEEK_CUR)
    return ends


def wipe_frames(path: Path, offsets: list[int]) -> None:
    """Overwrite the headers of frames that SQLite does not accept."""
    fd = os.open(log_path(path), os.O_WRONLY | os.O_CLOEXEC)
    try:
        for offset in offsets:
            os.pwrite(fd, bytes(FRAME_HEADER_BYTES), offset)
        os.fsync(fd)
    finally:
        os.close(fd)


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
    sound = checksum(order, header[:24]) == struct.unpack(">II", header[24:32])
    return header[16:24] if sound else None


def checksum(order: str, data: bytes) -> tuple[int, int]:
    """Return SQLite's checksum of some bytes, which it uses everywhere; `order` as in `struct`."""
    first = second = 0
    for a, b in struct.iter_unpack(f"{order}II", data):
        first = (first + a + second) & 0xFFFFFFFF
        second = (second + b + first) & 0xFFFFFFFF
    return first, second
