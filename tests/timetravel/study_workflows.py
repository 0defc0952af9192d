"""Workflows to look at from place to place."""

import time

from flawless import step, workflow


@step
def twice(number: int) -> int:
    """Double a number."""
    return 2 * number


def add(total: int, number: int) -> int:
    """Add, one call deeper."""
    return total + number


@workflow
def climb(count: int) -> int:
    """Look at the clock, do a step, compute; so many times."""
    total = 0
    for number in range(count):
        began = time.time()
        total = add(total, twice(number))
        assert began > 0
    return 10 // (total - 30)


@workflow
def turn(rounds: int) -> int:
    """Compute, line by line."""
    value = 1
    while rounds:
        rounds -= 1
        value = value * 31 % 1_000_003
    return value
