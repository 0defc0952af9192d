"""What the points of a path are called, and what came of them, each in one line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from flawless import codec
from flawless.core.divergence import describe_request
from flawless.core.entries import (
    Arrived,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Elapsed,
    End,
    Entered,
    Entry,
    Failed,
    Logged,
    Observed,
    Polled,
    Published,
    Responded,
    Slept,
    Started,
    describe,
)
from flawless.core.protocol import EffectRequest, LogRequest, NextRequest, decode_request, label
from flawless.errors import GuestTrapped
from flawless.timetravel.model import Frame, Point

TEXT_CHARS_MAX: Final = 100
TEXT_BYTES_MAX: Final = 4 * TEXT_CHARS_MAX
_PAYLOAD_BYTES_MAX: Final = 100_000
"""A larger value is shown as it is written, from its beginning."""


class Labels:
    """Labels of the entries of one journal, and their outcomes."""

    def __init__(self, entries: Sequence[Entry], began_us: int) -> None:
        self._began_us = began_us
        self._arrived = {one.effect: one for one in entries if isinstance(one, Arrived)}
        self._names = {
            one.effect: one.label for one in entries if isinstance(one, Started | Entered | Called)
        }

    def label(self, point: Point) -> str:
        """Return what was asked for: `step app.charge`, `GET http://host/path`, `log`."""
        entry = point.entry
        if isinstance(entry, Called | Entered):
            return entry.label
        if isinstance(entry, Started):
            return f"start of {entry.label.removeprefix('start ')}"
        if isinstance(entry, Observed):
            return f"wait for {self._names.get(entry.effect, f'effect {entry.effect}')}"
        return "clock" if isinstance(entry, ClockRead) else _asked(point.request)

    def outcome(self, point: Point) -> str:
        """Return what the journal answers, shortened; what waits says so."""
        entry = point.entry
        match entry:
            case None:
                return "nothing is recorded yet: it waits here"
            case Called() | Observed():
                return self._result(entry)
            case ClockRead() | Slept() | Polled():
                return self.moment(entry.at)
            case Logged():
                return shortened(entry.message)
            case Started():
                return "begun"
            case Elapsed():
                return "nothing yet"
            case CancelObserved():
                return shortened(f"cancelled: {entry.reason}")
            case Published() | Responded():
                return "refused" if entry.refused is not None else "done"
            case _:
                return describe(entry)

    def moment(self, at_us: int) -> str:
        """Return a time of the journal as people write it, in UTC."""
        began = datetime.fromtimestamp(self._began_us / 1e6, UTC)
        try:
            return (began + timedelta(microseconds=at_us)).isoformat(" ", "milliseconds")
        except OverflowError:
            return f"{at_us / 1e6:.3f} s after the beginning"

    def _result(self, entry: Called | Observed) -> str:
        source: Called | Observed | Arrived = entry
        if entry.payload is None:
            source = self._arrived.get(entry.effect, entry)
        if source.payload is None:
            return "done"
        return _error(source.payload) if source.failed else value(source.payload)


def ending(end: End | None) -> str:
    """Return how a workflow ended: `returned 3`, `failed with ValueError: bad`."""
    match end:
        case None:
            return "has not ended"
        case Completed():
            return f"returned {value(end.payload)}"
        case Continued():
            return "went on as the next run"
        case Cancelled():
            return f"was cancelled with {_error(end.payload)}"
        case Failed():
            return f"failed with {_error(end.payload)}"


def value(payload: bytes) -> str:
    """Return a recorded value as JSON on one line."""
    if len(payload) > _PAYLOAD_BYTES_MAX:
        return shortened(payload[:TEXT_BYTES_MAX].decode("utf-8", "replace") + "…")
    try:
        plain = codec.plain(codec.read(payload, path="result"))
    except (codec.CodecError, RecursionError):
        return shortened(payload.decode("utf-8", "replace"))
    return shortened(json.dumps(plain, ensure_ascii=False))


def shortened(text: str, chars_max: int = TEXT_CHARS_MAX) -> str:
    """Return text on one line that steers no terminal, cut to a length."""
    shown = text[: chars_max + 1]
    shown = "".join(c if c.isprintable() else " " for c in shown)
    return shown if len(text) <= chars_max else f"{shown[: chars_max - 1]}…"


def users_line(frames: Sequence[Frame]) -> str:
    """Return the innermost line of the user's code, as `app.py:12`; empty if there is none."""
    return next((f"{one.file}:{one.line}" for one in frames if one.user), "")


def _error(payload: bytes) -> str:
    try:
        error: Any = codec.read(payload, path="error")
        kind, message = str(error.get("type", "error")), str(error.get("message", ""))
    except (codec.CodecError, RecursionError, AttributeError):
        return "an error"
    return shortened(f"{kind}: {message}" if message else kind)


def _asked(request: bytes) -> str:
    name, _, _rest = request.partition(b" ")
    if name in (b"clock", b"sleep", b"stdout", b"stderr"):
        return name.decode()
    try:
        question = decode_request(request)
    except GuestTrapped:
        return "a request"
    match question:
        case LogRequest():
            return "log"
        case NextRequest():
            return "wait"
    if isinstance(question, EffectRequest):
        return label(question)
    return describe_request(question)
