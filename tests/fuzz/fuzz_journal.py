"""Journals as a store gives them back, where anything may have happened to the file.

The first byte says how the rest is meant:

    r  one chunk: its position and the number of its entries (a byte each), and then its bytes
    f  bodies of entries, each with its length (two bytes) before it, framed with checksums that fit

What must hold: the reader gives the entries, which are written and read again as the same, or says
`JournalDamaged` and where. It takes no more time and memory than the bytes are worth.
"""

from __future__ import annotations

import zlib

from readers import is_a_sentence

from flawless.core.encoding import decode_entries, encode_entries
from flawless.core.entries import Entry, Invoked
from flawless.core.history import history
from flawless.errors import JournalDamaged

ENTRIES_MAX = 50
WORDS = (
    "f", "r", "\x97", "\xca", "\xcb", "\xcf", "\xd9", "\xda", "\xdb\xff\xff\xff\xff", "\xdd",
    "\xdf\xff\xff\xff\xff", "\xc4", "\xc6\xff\xff\xff\xff", "\xc7", "\xc9", "\xc0", "\xc2", "\xc3",
    "\xff\xff\xff\xff\x0f",
)  # fmt: skip


def target(data: bytes) -> None:
    """Read a chunk, or a journal whose checksums fit."""
    if data[:1] == b"f":
        forged(data[1:])
    elif len(data) >= 3:
        read(data[1], data[3:], data[2] % ENTRIES_MAX)


def read(position: int, chunk: bytes, count: int) -> list[Entry] | None:
    """Read a chunk; what is read is what is written again."""
    try:
        entries = decode_entries("order-1", position, chunk, count)
    except JournalDamaged as error:
        is_a_sentence(error)
        if not position <= error.position <= position + count:
            raise AssertionError("the damage is elsewhere") from error
        return None
    assert len(entries) == count
    written = encode_entries(position, entries)
    again = decode_entries("order-1", position, written, count)
    assert encode_entries(position, again) == written
    return entries


def forged(data: bytes) -> None:
    """Read a journal whose frames are as they should be; what is in them is not."""
    bodies: list[bytes] = []
    while len(data) > 2 and len(bodies) < ENTRIES_MAX:
        size = int.from_bytes(data[:2], "big") % 2_048
        bodies.append(data[2 : 2 + size])
        data = data[2 + size :]
    chunk = b"".join(frame(place, body) for place, body in enumerate(bodies) if body)
    entries = read(0, chunk, sum(1 for body in bodies if body))
    if entries:
        assert isinstance(entries[0], Invoked)
        history(entries)


def frame(position: int, body: bytes) -> bytes:
    """Return an entry's frame, from the format's description."""
    length, size = bytearray(), len(body)
    while size >= 0x80:
        length.append(size & 0x7F | 0x80)
        size >>= 7
    length.append(size)
    return zlib.crc32(body, position).to_bytes(4, "big") + bytes(length) + body
