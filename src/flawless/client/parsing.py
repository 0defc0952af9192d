"""Server-sent events out of bytes (https://html.spec.whatwg.org/multipage/server-sent-events.html)."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import Final

from flawless.client.answers import AnswerBroken

EVENT_CHARS_MAX: Final = 64 * 1024 * 1024

_LINE_END: Final = re.compile(r"\r\n|\n|\r(?!\Z)")


@dataclass(frozen=True, slots=True)
class RawEvent:
    """An event as it came: its data is a text."""

    type: str
    data: str
    id: str


class EventParser:
    """Takes a stream apart, however its bytes were cut."""

    def __init__(self, last_id: str = "") -> None:
        self.last_id = last_id
        """Behind which event to go on: an id counts once the event it came with is whole."""
        self.retry_s: float | None = None
        """How long the server wants a client to wait before it connects again."""
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")("replace")
        self._rest: list[str] = []
        self._rest_chars = 0
        self._id = last_id
        self._type = ""
        self._data: list[str] = []
        self._data_chars = 0

    def push(self, piece: bytes) -> list[RawEvent]:
        """Return the events that this piece completes; raises `AnswerBroken` for one too large."""
        text = self._decoder.decode(piece)
        self._rest.append(text)
        self._rest_chars += len(text)
        if self._rest_chars + self._data_chars > EVENT_CHARS_MAX:
            raise AnswerBroken(
                f"an event of the stream has more than {EVENT_CHARS_MAX:,} characters"
            )
        if "\n" not in text and "\r" not in text:
            return []
        *lines, rest = _LINE_END.split("".join(self._rest))
        self._rest, self._rest_chars = [rest], len(rest)
        return [event for line in lines if (event := self._take(line)) is not None]

    def _take(self, line: str) -> RawEvent | None:
        if not line:
            self.last_id = self._id
            data, type_ = self._data, self._type
            self._data, self._type, self._data_chars = [], "", 0
            return RawEvent(type_ or "message", "\n".join(data), self._id) if data else None
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            self._type = value
        elif field == "data":
            self._data.append(value)
            self._data_chars += len(value)
        elif field == "id" and "\0" not in value:
            self._id = value
        elif field == "retry" and value.isascii() and value.isdigit():
            self.retry_s = int(value) / 1000
        return None
