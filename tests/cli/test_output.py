"""How lengths, sizes and values are written for people."""

from __future__ import annotations

import pytest

from flawless import api
from flawless.cli.output import length, parse_seconds, printable, short, size
from flawless.errors import UsageError


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0, "0 s"),
        (7, "7 us"),
        (12_345, "12.3 ms"),
        (999_400, "999 ms"),
        (999_999, "1.00 s"),
        (2_314_000, "2.31 s"),
        (59_900_000, "59.9 s"),
        (245_000_000, "4m 05s"),
        (3_725_000_000, "1h 02m"),
        (187_200_000_000, "2d 04h"),
    ],
)
def test_lengths_are_short(us: int, text: str) -> None:
    """A length of time shows what matters of it."""
    assert length(us) == text


@pytest.mark.parametrize(
    ("given", "seconds"),
    [(None, None), ("30", 30.0), ("0.5", 0.5), ("1h30m", 5400.0), ("2d", 172_800.0)],
)
def test_times_are_numbers_or_words(given: str | None, seconds: float | None) -> None:
    """Options take plain seconds and texts with units."""
    assert parse_seconds(given, "--timeout") == seconds


@pytest.mark.parametrize("given", ["", "soon", "-1", "nan", "inf", "1y"])
def test_times_that_are_none(given: str) -> None:
    """What is no length of time names the option."""
    with pytest.raises(UsageError, match="--timeout"):
        parse_seconds(given, "--timeout")


def test_values_are_cut_to_a_line() -> None:
    """A value takes one line, says when it was cut, and cannot steer the terminal."""
    assert short({"a": [1, "é"]}) == '{"a": [1, "é"]}'
    assert short("x" * 500, 10) == '"xxxxxxxx…'
    assert "\x1b" not in short("\x1b[2J")
    assert printable("a\x1b[2J\x9bb\n\tc") == "a\ufffd[2J\ufffdb\n\tc"
    assert (size(7), size(36_400_000)) == ("7 bytes", "36.4 MB")


def test_moments_survive_the_way_there_and_back() -> None:
    """Timestamps are exact to the microsecond, and have an end rather than an error."""
    for us in (0, 1, 1_795_383_842_123_456, -1):
        assert api.microseconds(api.timestamp(us)) == us
    assert api.timestamp(2**62) == "9999-12-31T23:59:59.999999Z"
    assert api.timestamp(1_000_000) == "1970-01-01T00:00:01.000000Z"
