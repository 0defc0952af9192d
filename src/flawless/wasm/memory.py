"""Looking at a guest's linear memory from outside, and putting it back as it was.

wasmtime's C API does not tell where the memory of a component's instance is. A guest that helps can
be found all the same: it is given a mark, keeps it, and tells its address; the one mapping of this
process in which the mark stands at that address is its memory (`locate`).

What a guest has changed since then, the kernel knows: an instance's memory is a private mapping of
the compiled component and of zeros, and a page that was written to has become this process's own.
So memory is put back by copying those pages from a snapshot, some hundreds for a short run, without
a page fault. The guest must not run meanwhile; and what it has beside its memory, its globals and
tables, is the same again only after a call that has returned.

Sources: Linux, `Documentation/admin-guide/mm/pagemap.rst` (PAGEMAP_SCAN since 6.7, the file's bits
61 and 63), `pwrite(2)` (EFAULT).
"""

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import functools
import mmap
import os
import re
import struct
import threading
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = mmap.PAGESIZE
BYTES_MAX: Final = 256 << 20
"""Memory that is larger is not put back: copying it would take longer than a new instance."""

_LINE: Final = re.compile(rb"([0-9a-f]+)-([0-9a-f]+) (....) ")
_IMAGE: Final = re.compile(rb"^([0-9a-f]+)-[0-9a-f]+ (rw-p [0-9a-f]+ \S+ [1-9].*)$", re.MULTILINE)
_FILE, _PRESENT, _SWAPPED, _ZERO = 1 << 2, 1 << 3, 1 << 4, 1 << 5
_REGIONS_MAX: Final = 1024
_ARGUMENTS: Final = struct.Struct("12Q")
_PAGEMAP_SCAN: Final = 3 << 30 | _ARGUMENTS.size << 16 | ord("f") << 8 | 16
_libc: Final = ctypes.PyDLL(None, use_errno=True)  # the calls are short: the GIL stays held
_pwrite: Final = _libc.pwrite
_pwrite.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_long]
_pwrite.restype = ctypes.c_ssize_t
_mmap: Final = _libc.mmap
_mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long
]  # fmt: skip
_mmap.restype = ctypes.c_void_p


class Pages:
    """What the kernel tells of this process's pages; made anew in a child process."""

    def __init__(self) -> None:
        self._pagemap = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        self._scratch = os.memfd_create("flawless-probe")
        self._own = threading.local()  # guests are driven in several threads
        self._scans = True

    def written(self, start: int, end: int) -> list[tuple[int, int]]:
        """Return the ranges in which pages were written to since they were mapped."""
        if self._scans:
            try:
                return self._scanned(start, end)
            except OSError as error:
                if error.errno not in (errno.ENOTTY, errno.EINVAL):
                    raise
                self._scans = False  # an older kernel
        return list(self._read(start, end))

    def is_mapped(self, address: int) -> bool:
        """Tell whether this process may read there."""
        return bool(_pwrite(self._scratch, address, 1, 0) == 1)

    def _scanned(self, start: int, end: int) -> list[tuple[int, int]]:
        regions = getattr(self._own, "regions", None)
        if regions is None:
            regions = self._own.regions = (ctypes.c_uint64 * (3 * _REGIONS_MAX))()
        ranges = []
        while start < end:
            arguments = bytearray(
                _ARGUMENTS.pack(
                    _ARGUMENTS.size, 0, start, end, 0, ctypes.addressof(regions), _REGIONS_MAX, 0,
                    _FILE | _ZERO,  # these are wanted to be absent
                    _FILE | _ZERO, _PRESENT | _SWAPPED, _PRESENT | _SWAPPED,
                )
            )  # fmt: skip
            found = fcntl.ioctl(self._pagemap, _PAGEMAP_SCAN, arguments)
            start = _ARGUMENTS.unpack(arguments)[4]
            ranges += [(regions[n], regions[n + 1]) for n in range(0, 3 * found, 3)]
        return ranges

    def _read(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        count = (end - start) // PAGE
        entries = array.array("Q", os.pread(self._pagemap, 8 * count, start // PAGE * 8))
        begun = None
        for n, entry in enumerate(entries):
            own = entry >> 62 and not entry >> 61 & 1  # present or swapped, and of no file
            if own and begun is None:
                begun = n
            elif not own and begun is not None:
                yield start + begun * PAGE, start + n * PAGE
                begun = None
        if begun is not None:
            yield start + begun * PAGE, end


@functools.cache
def pages() -> Pages | None:
    """Return what tells of this process's pages; None where the kernel does not."""
    try:
        known = Pages()
        own = mmap.mmap(-1, 3 * PAGE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        own[PAGE] = 1
        address = address_of(own)
        seen = known.written(address, address + 3 * PAGE)
    except OSError:
        return None
    return known if seen == [(address + PAGE, address + 2 * PAGE)] else None


os.register_at_fork(after_in_child=pages.cache_clear)


def address_of(mapped: mmap.mmap) -> int:
    """Return where a mapping that may be written to begins."""
    return ctypes.addressof(ctypes.c_char.from_buffer(mapped))


class Place(NamedTuple):
    """Where a memory is. `image` names what it was mapped from, `into` bytes behind its start."""

    start: int
    end: int
    image: bytes
    into: int


KNOWN: Final[set[int]] = set()
"""Where the memories begin that were found and are in use."""


def locate(mark: bytes, offset: int, reach: int, image: str) -> Place | None:
    """Return where the memory is that holds `mark` within `reach` bytes of `offset`.

    It was mapped from the file `image`, at least in part: what a guest says of itself is not
    believed of anything else. None if there is no such memory, or more than one.
    """
    if not 0 <= offset < BYTES_MAX:
        return None
    found = []
    maps = _maps()
    with Path("/proc/self/mem").open("rb", buffering=0) as memory:
        for start, end in _writable(maps):
            if start + offset + reach > end:
                continue
            try:
                window = os.pread(memory.fileno(), reach, start + offset)
            except OSError:
                continue
            if mark in window:
                found.append((start, end))
    if len(found) != 1:
        return None
    start, end = found[0]
    if end - start > BYTES_MAX:
        return None
    for line in _IMAGE.finditer(maps):
        if start <= int(line[1], 16) < end and line[2].endswith(b" " + os.fsencode(image)):
            return Place(start, end, line[2], int(line[1], 16) - start)
    return None


def locate_fresh(like: Place) -> int | None:
    """Return where the memory begins that was mapped as `like` was and is not known; None if
    there is no such memory, or more than one.

    All memories but one being known, it is the one of the instance that was just made.
    """
    maps = _maps()
    found = []
    at = maps.find(like.image)
    while at >= 0:
        line = maps.rindex(b"\n", 0, at) + 1
        start = int(maps[line : maps.index(b"-", line)], 16) - like.into
        if start not in KNOWN:
            found.append(start)
        at = maps.find(like.image, at + 1)
    return found[0] if len(found) == 1 else None


def _maps() -> bytes:
    return Path("/proc/self/maps").read_bytes()


def _writable(maps: bytes) -> Iterator[tuple[int, int]]:
    """Yield the stretches of this process's memory that can be written to without a gap."""
    begun = last = 0
    for line in maps.splitlines():
        match = _LINE.match(line)
        assert match is not None, "the kernel writes it so"
        start, end = int(match[1], 16), int(match[2], 16)
        writable = match[3][:2] == b"rw"
        if begun and (start != last or not writable):
            yield begun, last
            begun = 0
        if writable:
            begun, last = begun or start, end
    if begun:
        yield begun, last


class Snapshot:
    """What stood in a memory, in a file that is in memory, too, without its zeros.

    Memories are made of it: their pages are then shared until they are written to. What cannot be
    had of the system is an `OSError`.
    """

    def __init__(self, start: int, end: int) -> None:
        self.size = end - start
        self._descriptor = descriptor = os.memfd_create("flawless-snapshot")
        weakref.finalize(self, os.close, descriptor)
        os.ftruncate(descriptor, self.size)
        for begin in range(0, self.size, _CHUNK):
            data = ctypes.string_at(start + begin, min(_CHUNK, self.size - begin))
            if data.count(0) != len(data):  # else it is a hole
                os.pwrite(descriptor, data, begin)
        self._map = mmap.mmap(descriptor, self.size, flags=mmap.MAP_PRIVATE)
        self._address = address_of(self._map)

    def replace(self, start: int) -> None:
        """Put this in the place of a memory of that size, which nobody uses at the moment."""
        kind = mmap.MAP_PRIVATE | _MAP_FIXED
        access = mmap.PROT_READ | mmap.PROT_WRITE
        if _mmap(start, self.size, access, kind, self._descriptor, 0) != start:
            raise OSError(ctypes.get_errno(), "a guest's memory could not be mapped")

    def restore(self, start: int, known: Pages) -> int:
        """Put such a memory back as this one was; return how many bytes were copied."""
        copied = 0
        away = self._address - start
        for begin, end in known.written(start, start + self.size):
            ctypes.memmove(begin, begin + away, end - begin)
            copied += end - begin
        return copied


_CHUNK: Final = 16 * PAGE
_MAP_FIXED: Final = 0x10  # Python has no name for it
