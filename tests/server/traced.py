"""Workflows whose paths are worth looking at."""

import asyncio
import time
from dataclasses import dataclass

from flawless import receive, step, workflow


@dataclass
class Line:
    """Some of an item, and what one of it costs."""

    item: str
    count: int
    cents: int


@step
def reserve(item: str) -> str:
    """Set an item aside."""
    return f"shelf of {item}"


def cost(line: Line) -> int:
    """Return what a line costs."""
    if line.count > 100:
        return line.count * line.cents * 9 // 10
    return line.count * line.cents


@workflow
def invoice(lines: list[Line]) -> int:
    """Reserve all, and sum up."""
    total = 0
    shelves: list[str] = []
    for line in lines:
        shelves.append(reserve(line.item))
        total += cost(line)
    return total // len(lines)


@workflow
def patient(count: int) -> list[str]:
    """Wait for messages, some of them."""
    heard: list[str] = []
    while len(heard) < count:
        heard.append(receive("word"))
    return heard


@workflow
async def together(names: list[str]) -> list[str]:
    """Reserve several items at once."""
    began = time.time()
    found = await asyncio.gather(*(fetch(name) for name in names))
    return [f"{began:.0f} {one}" for one in found]


async def fetch(name: str) -> str:
    """Reserve one item."""
    shelf = await reserve.start(name)
    return shelf.upper()


@workflow
def many(count: int) -> int:
    """Do many steps."""
    total = 0
    for number in range(count):
        total += len(reserve(f"seat {number}"))
    return total


@workflow
def compute(rounds: int) -> int:
    """Compute, line by line."""
    value = 1
    for _ in range(rounds):
        value = value * 31 % 1_000_003
    reserve("a rest")
    return value
