"""Journals and logs, a page at a time."""

from __future__ import annotations

from typing import Any

import msgspec


class JournalPage(msgspec.Struct):
    """Entries from some position on. `next` is the `from` of the next page, or null.

    `length` is the number of entries of the whole journal now, `run` the run whose journal it is.
    """

    entries: list[dict[str, Any]]
    length: int
    next: int | None = None
    run: int = 1


class LogLine(msgspec.Struct):
    """One message an execution logged or printed, and its position in the journal."""

    position: int
    at: str
    elapsed_us: int
    level: int
    level_name: str
    logger: str
    message: str


class LogPage(msgspec.Struct):
    """The messages in a stretch of the journal; `length`, `next` and `run` as in `JournalPage`."""

    logs: list[LogLine]
    length: int
    next: int | None = None
    run: int = 1
