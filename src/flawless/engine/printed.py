"""What a guest writes past its own `print`: turned into log effects, line by line."""

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
    """The two streams of one run of a guest; each run begins with a new one."""

    def __init__(self) -> None:
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
        return (_request(stream, line) for line in lines)

    def last_requests(self) -> list[bytes]:
        """Return log requests for the lines that never got an end."""
        return [_request(stream, rest) for stream, rest in self._rest.items() if rest]


def _request(stream: Stream, line: str) -> bytes:
    request = {"op": "log", "level": _LEVELS[stream], "logger": stream, "message": line}
    return msgspec.json.encode(request)
