"""Workflows whose paths are shown, and held against changed versions of this file."""

from __future__ import annotations

import asyncio
import time

from flawless import _compensation, compensation, receive, sleep, step, workflow


@step
def charge(cents: int) -> str:
    """Take the money."""
    return f"receipt {cents}"


@step
def ship(item: str) -> str:
    """Send it."""
    if item == "piano":
        raise ValueError("too heavy")
    return f"parcel with {item}"


@step
def ponder(path: str) -> str:
    """Read from a pipe that nobody writes to."""
    with open(path) as pipe:  # noqa: PTH123 (as steps do)
        return pipe.read()


def double(number: int) -> int:
    """Twice as much."""
    if number % 2:
        number += 0
    return 2 * number


@workflow
def buy(item: str, count: int) -> list[str]:
    """A loop, two steps, a look at the clock."""
    cents = 0
    for number in range(count):
        cents += double(number)
    receipt = charge(cents)
    time.time()
    parcel = ship(item)
    return [receipt, parcel]


@workflow
def tally(count: int) -> int:
    """A step in a loop."""
    total = 0
    for number in range(count):
        total += len(charge(number))
    return total


@workflow
async def together(count: int) -> int:
    """Steps side by side."""
    parcels = await asyncio.gather(*(ship.start(f"{n}") for n in range(count)))
    return len(parcels)


@workflow
def nap() -> str:
    """Sleep for long."""
    sleep("30d")
    return charge(1)


@workflow
def listen() -> object:
    """Wait for a message."""
    return receive("word")


@workflow
def work(path: str) -> str:
    """A step that goes on."""
    return ponder(path)


@workflow
def undo_it() -> None:
    """Fail, and fail to undo: then a person decides, at once."""
    setattr(_compensation, "PAUSES_S", ())  # noqa: B010 (it is no tuple of any length)
    with compensation() as undo:
        undo(ship, "piano")
        raise LookupError("nothing to buy")
