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


class RawOutput:
    """The two streams of one run of a guest; each run begins with a new one.

    A Python guest logs what is printed by itself: what it writes `past_print` (native code inside
    of it, say) is told apart. Other guests print by writing here.
    """

    def __init__(self, *, past_print: bool) -> None:
        self._loggers = {"stdout": "stdout" if past_print else "print", "stderr": "stderr"}
        decoder = codecs.getincrementaldecoder("utf-8")
        self._decoders = {stream: decoder("replace") for stream in _LEVELS}
        self._rest = dict.fromkeys(_LEVELS, "")

    def requests(self, stream: Stream, data: bytes) -> Iterator[bytes]:
        """Return a log request for each line that is complete now."""
        *lines, rest = (self._rest[stream] + self._decoders[stream].decode(data)).split("\n")
        if len(rest) > LINE_CHARS_MAX:
            lines.append(rest)
            rest = ""
        self._rest[stream] = rest
        return (self._request(stream, line) for line in lines)

    def last_requests(self) -> list[bytes]:
        """Return log requests for the lines that never got an end."""
        return [self._request(stream, rest) for stream, rest in self._rest.items() if rest]

    def _request(self, stream: Stream, line: str) -> bytes:
        request = {
            "op": "log",
            "level": _LEVELS[stream],
            "logger": self._loggers[stream],
            "message": line,
        }
        return msgspec.json.encode(request)
