"""What a guest writes to its standard streams: turned into log effects, line by line."""

from __future__ import annotations

import codecs
import logging
from collections.abc import Iterator
from typing import Literal

import msgspec

LINE_CHARS_MAX = 8_192
"""A longer line is logged in pieces."""

Stream = Literal["stdout", "stderr"]
_LEVELS: dict[Stream, int] = {"stdout": logging.INFO, "stderr": logging.WARNING}
_UTF_8 = codecs.getincrementaldecoder("utf-8")


class RawOutput:
    """The two streams of one run of a guest; each run begins with a new one.

    A Python guest logs what is printed by itself: what it writes `past_print` (native code inside
    of it, say) is told apart. Other guests print by writing here.
    """

    def __init__(self, *, past_print: bool) -> None:
        self._past_print = past_print
        self._decoders: dict[Stream, codecs.IncrementalDecoder] = {}
        self._rest: dict[Stream, str] = {}

    def requests(self, stream: Stream, data: bytes) -> Iterator[bytes]:
        """Return a log request for each line that is complete now."""
        decoder = self._decoders.get(stream)
        if decoder is None:
            decoder = self._decoders[stream] = _UTF_8("replace")
        *lines, rest = (self._rest.get(stream, "") + decoder.decode(data)).split("\n")
        if len(rest) > LINE_CHARS_MAX:
            lines.append(rest)
            rest = ""
        self._rest[stream] = rest
        return (self._request(stream, line) for line in lines)

    def last_requests(self) -> list[bytes]:
        """Return log requests for the lines that never got an end."""
        rests = [(stream, self._rest.get(stream)) for stream in _LEVELS] if self._rest else ()
        return [self._request(stream, rest) for stream, rest in rests if rest]

    def _request(self, stream: Stream, line: str) -> bytes:
        request = {
            "op": "log",
            "level": _LEVELS[stream],
            "logger": "print" if stream == "stdout" and not self._past_print else stream,
            "message": line,
        }
        return msgspec.json.encode(request)
