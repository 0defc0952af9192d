"""Repetitions in a long row of numbers, found so that loops can be shown once.

Pure. A trace of executed lines is such a row: the same lines have the same number.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import Final, NamedTuple

PERIOD_MAX: Final = 64
"""The longest piece whose repetitions are found."""
TIMES_MIN: Final = 3
"""A piece that comes fewer times is shown each time."""


class Fold(NamedTuple):
    """A piece of the row, from `start` on, that comes `times` times, one after the other."""

    start: int
    length: int
    times: int


def folded(row: array[int], start: int = 0, end: int | None = None) -> Iterator[Fold]:
    """Yield the pieces of a row in order: those that come once, and those that are repeated."""
    at, end = start, len(row) if end is None else end
    single = at
    while at < end:
        fold = _best(row, at, end)
        if fold is None:
            at += 1
            continue
        if single < at:
            yield Fold(single, at - single, 1)
        yield fold
        at = single = fold.start + fold.length * fold.times
    if single < end:
        yield Fold(single, end - single, 1)


def _best(row: array[int], at: int, end: int) -> Fold | None:
    """Return the repetition from `at` on that covers most, the shortest piece of several."""
    best: Fold | None = None
    for length in range(1, min(PERIOD_MAX, (end - at) // TIMES_MIN) + 1):
        if row[at] != row[at + length]:
            continue
        times = _times(row, at, length, end)
        covers = 0 if best is None else best.length * best.times
        if times >= TIMES_MIN and times * length > covers:
            best = Fold(at, length, times)
    return best


def _times(row: array[int], at: int, length: int, end: int) -> int:
    piece, times, after = row[at : at + length], 1, at + length
    while after + length <= end and row[after : after + length] == piece:
        times += 1
        after += length
    return times
