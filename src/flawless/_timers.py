"""Durable sleep: costs nothing while it lasts, and goes on after a crash.

Outside of a workflow (in a unit test, say) it simply sleeps.
"""

from __future__ import annotations

from typing import Any

from flawless._futures import Future, effect
from flawless.durations import LONGEST_S, Duration
from flawless.durations import seconds as seconds_of


def _nothing(_: Any) -> None:
    return None


def body(length_s: float) -> str:
    """Return the request's fields for a sleep, or raise `ValueError` when it is too long."""
    if length_s > LONGEST_S:
        raise ValueError(f"a sleep lasts at most 100 years, not {length_s:g} seconds")
    return f'"seconds":{length_s!r}'


class Sleep:
    """The type of `flawless.sleep`."""

    def __call__(
        self,
        duration: Duration | None = None,
        /,
        *,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        weeks: float = 0,
    ) -> None:
        """Sleep for a duration (seconds, timedelta, `"1h30m"`) or for the sum of the keywords."""
        effect("sleep", body(_length_s(duration, seconds, minutes, hours, days, weeks)), _nothing)

    def start(
        self,
        duration: Duration | None = None,
        /,
        *,
        seconds: float = 0,
        minutes: float = 0,
        hours: float = 0,
        days: float = 0,
        weeks: float = 0,
    ) -> Future[None]:
        """Start a timer and return at once with a future that is done when it ends."""
        length_s = _length_s(duration, seconds, minutes, hours, days, weeks)
        return Future("sleep", body(length_s), _nothing, f"sleep of {length_s:g} s")

    def __repr__(self) -> str:
        return "<function flawless.sleep>"


def _length_s(
    duration: Duration | None,
    seconds: float,
    minutes: float,
    hours: float,
    days: float,
    weeks: float,
) -> float:
    total = seconds + 60 * (minutes + 60 * (hours + 24 * (days + 7 * weeks)))
    if duration is not None:
        return seconds_of(duration) + seconds_of(total)
    return seconds_of(total)


sleep = Sleep()


def time_sleep(seconds: float, /) -> None:
    """Stand in for `time.sleep`."""
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    effect("sleep", body(seconds_of(float(seconds))), _nothing)
