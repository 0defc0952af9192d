"""Lengths of time as people write them: numbers of seconds, timedeltas, `"1h30m"`, `days=2`.

Standard library only: the same file serves host and guest.
"""

from __future__ import annotations

import re
from datetime import timedelta

Duration = float | int | str | timedelta
"""Seconds as a number, a `timedelta`, or a text such as `"90s"`, `"1h30m"`, `"2d"`, `"500ms"`."""

LONGEST_S = 100 * 365.25 * 86_400.0
"""The longest sleep or timeout: 100 years."""

_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d|w)\s*")


def seconds(value: Duration) -> float:
    """Return `value` in seconds.

    Raises `ValueError` for a text it cannot read and for a negative, endless or absurd length,
    `TypeError` for anything else.

    Example: `seconds("1h30m") == 5400.0`.
    """
    if isinstance(value, timedelta):
        result = value.total_seconds()
    elif isinstance(value, str):
        result = _parse(value)
    elif isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"a length of time is seconds, a timedelta or a text, not {value!r}")
    else:
        try:
            result = float(value)
        except OverflowError:  # an integer beyond all floats
            result = float("inf")
    if not 0 <= result < float("inf"):
        raise ValueError(
            f"a length of time cannot be {value!r}: it must be finite and not negative"
        )
    return result


def wait_seconds(value: Duration, what: str = "a timeout") -> float:
    """Return `value` in seconds, as the length of a wait: at most 100 years.

    Raises `ValueError` and `TypeError` as `seconds` does, and `ValueError` for a longer one.
    """
    length_s = seconds(value)
    if length_s > LONGEST_S:
        raise ValueError(f"{what} lasts at most 100 years, not {length_s:g} seconds")
    return length_s


def _parse(text: str) -> float:
    total, position = 0.0, 0
    stripped = text.strip()
    while position < len(stripped):
        part = _PART.match(stripped, position)
        if part is None:
            break
        total += float(part[1]) * _UNIT_S[part[2]]
        position = part.end()
    if not stripped or position != len(stripped):
        raise ValueError(f'cannot read {text!r} as a length of time: write "90s", "1h30m" or "2d"')
    return total
