"""Bytes of a journal: entries framed with a checksum.

A frame is

    crc32 (4 bytes, big endian) | length of the body (varint, LEB128) | body (msgpack array)

The checksum covers the entry's position in the journal and the body, so that a flipped bit, a
truncated frame, and a frame moved to another position are all noticed. Entries written in one go
stand in one chunk, frame after frame.

CRC-32 is zlib's (polynomial of IEEE 802.3): it detects every error burst of up to 32 bits. It is
no protection against an attacker; exported journals are hash-chained for that.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import msgspec

from flawless.core.entries import FORMAT, Entry, Invoked
from flawless.errors import JournalDamaged

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Entry] = msgspec.msgpack.Decoder(Entry)

_CRC_BYTES = 4
_VARINT_BYTES_MAX = 5


def encode_entry(position: int, entry: Entry) -> bytes:
    """Return the frame of `entry` at `position` (counted from 0)."""
    body = _encoder.encode(entry)
    return _checksum(position, body) + _varint(len(body)) + body


def encode_entries(position: int, entries: Iterable[Entry]) -> bytes:
    """Return the frames of consecutive entries, the first of them at `position`."""
    return b"".join(encode_entry(position + n, entry) for n, entry in enumerate(entries))


def decode_entries(execution: str, position: int, data: bytes, count: int) -> list[Entry]:
    """Return the `count` entries of one chunk, the first of which stands at `position`.

    Raises `JournalDamaged`, naming the position, when anything is not as it was written.
    """
    entries: list[Entry] = []
    offset = 0
    for here in range(position, position + count):
        length, start = _read_varint(data, offset + _CRC_BYTES)
        end = start + length
        body = data[start:end]
        if length == 0 or len(body) != length:
            raise JournalDamaged(execution, here, "the entry is cut short")
        if data[offset : offset + _CRC_BYTES] != _checksum(here, body):
            raise JournalDamaged(execution, here, "the checksum does not fit")
        entries.append(_decode_body(execution, here, body))
        offset = end
    if offset != len(data):
        raise JournalDamaged(execution, position + count, "there are bytes behind the last entry")
    return entries


def _decode_body(execution: str, position: int, body: bytes) -> Entry:
    try:
        entry = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeError) as error:
        reason = f"it cannot be read ({error}); was it written by a newer engine?"
        raise JournalDamaged(execution, position, reason) from error
    if (type(entry) is Invoked) != (position == 0):
        raise JournalDamaged(execution, position, "an entry of this kind cannot stand here")
    if type(entry) is Invoked and entry.format > FORMAT:
        reason = f"it has format {entry.format}, this engine reads up to {FORMAT}: use a newer one"
        raise JournalDamaged(execution, position, reason)
    return entry


def _checksum(position: int, body: bytes) -> bytes:
    return zlib.crc32(body, position & 0xFFFFFFFF).to_bytes(_CRC_BYTES, "big")


def _varint(number: int) -> bytes:
    if number < 0x80:
        return bytes((number,))
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytes, offset: int) -> tuple[int, int]:
    """Return the number at `offset` and where it ends; 0 if there is no whole number."""
    number = 0
    for n, byte in enumerate(data[offset : offset + _VARINT_BYTES_MAX]):
        number |= (byte & 0x7F) << (7 * n)
        if byte < 0x80:
            return number, offset + n + 1
    return 0, offset
