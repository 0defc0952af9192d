"""Moments as people type them: `2026-01-31 12:00`, `2026-01-31T12:00:00Z`, or `2h` from now."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flawless.durations import wait_seconds
from flawless.engine.clock import SystemClock
from flawless.errors import UsageError


def parse_moment(text: str | None, option: str, *, ago: bool = False) -> datetime | None:
    """Return the moment an option names; None if it was not given.

    Without a zone it is meant in that of this machine. With `ago` it may also be a length of time
    before now.
    """
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo is not None else moment.astimezone()
    except (ValueError, OverflowError, OSError):
        pass  # no time of day, then
    if ago:
        try:
            now = datetime.fromtimestamp(SystemClock().now_us() / 1_000_000, UTC)
            return now - timedelta(seconds=wait_seconds(text))
        except ValueError:
            pass
    lengths = ", or how long ago it was: 90m, 2d" if ago else ""
    raise UsageError(
        f"{option} {text}: write a time such as 2026-01-31T12:00 or 2026-01-31T12:00Z{lengths}"
    )
