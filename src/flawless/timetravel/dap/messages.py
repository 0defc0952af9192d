"""Messages of the protocol on a stream: a header with a length, and an object in JSON.

What cannot be read costs its sender an error, and the stream goes on with the next message if its
beginning can be told.
"""

from __future__ import annotations

import json
from typing import Any, BinaryIO, Final

import msgspec

MESSAGE_BYTES_MAX: Final = 4_000_000
HEADER_BYTES_MAX: Final = 4_096
SKIPPED_BYTES_MAX: Final = 100_000_000
"""A message that says it is longer ends the stream."""
_CHUNK: Final = 65_536

Message = dict[str, Any]


class Unreadable(Exception):
    """A message that cannot be understood; the next one may be."""


class StreamBroken(Exception):
    """Nothing further can be read: nobody knows where the next message begins."""


def read_message(stream: BinaryIO) -> Message | None:
    """Return the next message; None at the stream's end. Raises `Unreadable`, `StreamBroken`."""
    length = _read_header(stream)
    if length is None:
        return None
    if length > MESSAGE_BYTES_MAX:
        _skip(stream, length)
        raise Unreadable(
            f"a message of {length:,} bytes is too long: {MESSAGE_BYTES_MAX:,} are the most"
        )
    data = stream.read(length)
    if len(data) < length:
        return None
    try:
        message = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(f"a message is not valid JSON: {error}") from None
    except RecursionError:
        raise Unreadable("a message is nested too deeply") from None
    if not isinstance(message, dict):
        raise Unreadable("a message is no JSON object")
    return message


def write_message(stream: BinaryIO, message: Message) -> None:
    """Write one message, all of it at once."""
    data = json.dumps(message).encode()  # any text, lone surrogates too
    stream.write(b"Content-Length: %d\r\n\r\n" % len(data) + data)
    stream.flush()


def _read_header(stream: BinaryIO) -> int | None:
    """Return the length that a header tells; None at the stream's end."""
    length: int | None = None
    read_bytes = 0
    while True:
        line = stream.readline(HEADER_BYTES_MAX)
        read_bytes += len(line)
        if not line:
            return None
        if not line.endswith(b"\n") or read_bytes > HEADER_BYTES_MAX:
            raise StreamBroken("a header without an end: messages begin with Content-Length: N")
        name, colon, value = line.partition(b":")
        if not line.strip():
            if length is None:
                raise Unreadable("a header without Content-Length")
            return length
        field = name.strip().lower() if colon else b""
        if field not in (b"content-length", b"content-type"):
            raise StreamBroken(
                "this is no message of the Debug Adapter Protocol: messages begin with "
                "Content-Length: N"
            )
        if field == b"content-length":
            text = value.strip()
            if not text.isdigit() or len(text) > 18:
                raise StreamBroken(f"Content-Length is no number: {text[:40]!r}")
            length = int(text)


def _skip(stream: BinaryIO, length: int) -> None:
    if length > SKIPPED_BYTES_MAX:
        raise StreamBroken(
            f"a message of {length:,} bytes is too long: {MESSAGE_BYTES_MAX:,} are the most"
        )
    while length > 0:
        piece = stream.read(min(length, _CHUNK))
        if not piece:
            return
        length -= len(piece)
