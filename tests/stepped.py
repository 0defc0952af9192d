"""Workflows that debuggers step through."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

from flawless import receive, step, workflow

LIMIT = 7


@step
def weigh(number: int) -> int:
    """Twice as much."""
    return 2 * number


def odd(numbers: list[int]) -> Iterator[int]:
    """Give the odd ones."""
    for number in numbers:
        if number % 2:
            yield number


def load(total: int, number: int) -> int:
    """Add what a thing weighs."""
    weight = weigh(number)
    return total + weight


@workflow
def tour(count: int) -> int:
    """Visit so many places."""
    total = 0
    seen: list[int] = []
    for number in range(count):
        total = load(total, number)
        seen.append(number)
    began = time.time()
    print("halfway")
    total += sum(odd(seen))
    return total if began else 0


async def carry(number: int) -> int:
    """Weigh, in a task."""
    found = await weigh.start(number)
    return found + 1


@workflow
async def relay(count: int) -> int:
    """Weigh all at once."""
    rows = await asyncio.gather(*(carry(number) for number in range(count)))
    return sum(rows)


class Crate:
    """Is shown without a call of anything it has."""

    def __init__(self, content: list[Any]) -> None:
        self.content = content

    def __repr__(self) -> str:
        raise RuntimeError("do not call me")


def stumble(crate: Crate) -> None:
    """Raise."""
    huge = 10**5_000
    raise ValueError(f"{len(crate.content)} are too many, {huge > 0}")


@workflow
def fall() -> None:
    """Fail, with odd things at hand."""
    crate = Crate(list(range(1_000)))
    crate.content[0] = crate
    weigh(1)
    stumble(crate)


@workflow
def hold() -> object:
    """Wait for a message that nobody sends."""
    weigh(1)
    return receive("go")
