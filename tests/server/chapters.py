"""Workflows whose lives have many parts, for those who follow them."""

import random

from flawless import continue_as_new, publish, receive, step, workflow


@step
def work(number: int) -> int:
    """Do something that can be seen."""
    return number * number


@workflow
def chapters(count: int, seed: int) -> int:
    """Tell, publish and work in some order, once the word is given; then go on as the next run."""
    receive("go")
    chance = random.Random(seed)
    for number in range(chance.randrange(2, 12)):
        chance.choice([print, publish, work])(number)
    if count > 1:
        continue_as_new(count - 1, seed + 1)
    return seed


@workflow
def flood(steps: int, lines: int, chars: int) -> int:
    """Write a journal of steps and lines that is much longer than any buffer."""
    for number in range(steps):
        work(number)
        for line in range(lines):
            print(f"{line}:{'x' * chars}")
    return steps
