"""The place a replay has reached."""

from __future__ import annotations

import pytest

from flawless.core.cursor import ReplayCursor
from flawless.core.entries import Arrived, ClockRead


def test_walk() -> None:
    """A cursor gives each entry once and knows its number."""
    cursor = ReplayCursor([ClockRead(1), ClockRead(2)], 5)
    assert (cursor.position, cursor.next) == (5, ClockRead(1))
    cursor.advance()
    assert (cursor.position, cursor.next) == (6, ClockRead(2))
    cursor.advance()
    assert (cursor.position, cursor.next) == (7, None)
    with pytest.raises(AssertionError):
        cursor.advance()


def test_extend() -> None:
    """What arrives during a replay comes behind what is recorded, also at the end."""
    cursor = ReplayCursor([ClockRead(1)])
    cursor.extend(Arrived(2, 1, False, b"1"))
    assert cursor.next == ClockRead(1)
    cursor.advance()
    assert cursor.next == Arrived(2, 1, False, b"1")
    cursor.advance()
    cursor.extend(Arrived(3, 2, False, b"2"))
    assert cursor.next == Arrived(3, 2, False, b"2")
    assert cursor.position == 2


def test_only_asides_left() -> None:
    """Outcomes the guest did not look at tell nothing about where it stood."""
    one, clock = Arrived(2, 1, False, b"1"), ClockRead(3)
    assert ReplayCursor([]).only_asides_left()
    assert ReplayCursor([one, one]).only_asides_left()
    assert not ReplayCursor([clock]).only_asides_left()
    assert not ReplayCursor([one, one, clock]).only_asides_left()
    assert not ReplayCursor([clock, one]).only_asides_left()
