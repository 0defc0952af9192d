"""Workflows to step through; the comment at the end of a line is how the tests call it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

from flawless import continue_as_new, receive, sleep, step, workflow


@step
def add(a: int, b: int) -> int:
    """Add."""
    return a + b


@step
def add_unless(a: int, marker: str) -> int:
    """Add one once the marker file is there; fail until then."""
    if not Path(marker).exists():
        raise LookupError("not yet")
    return a + 1


@step(on_interrupt="park")
def risky() -> int:
    """Be interrupted, if the engine dies."""
    return 1


@workflow
def loop(count: int) -> int:
    """Go round."""
    total = 0  # begin
    for number in range(count):  # head
        total = add(total, number)  # effect
        total += helper(number)  # call
    return total  # end


def helper(number: int) -> int:
    """Do a little."""
    doubled = number * 2  # helper
    return doubled - number  # helper end


@workflow
def recursion(depth: int) -> int:
    """Go down and come back."""
    found = down(depth)  # top
    return found + 0  # top end


def down(depth: int) -> int:
    """Go down."""
    if depth == 0:  # down
        return add(0, 0)  # bottom
    below = down(depth - 1)  # deeper
    return below + 1  # up


def numbers(count: int) -> Iterator[int]:
    """Yield some."""
    for number in range(count):  # each
        yield number + 0  # yield


@workflow
def generators(count: int) -> int:
    """Use a generator."""
    total = 0
    for number in numbers(count):  # next
        total += number  # got
    return total  # sum


def failing(number: int) -> int:
    """Fail, below the one who catches it."""
    return deeper(number) + 1  # passing


def deeper(number: int) -> int:
    """Fail."""
    local = number * 2
    raise ValueError(f"no {local}")  # raise


@workflow
def exceptions(number: int) -> int:
    """Catch one error; let another one out."""
    try:
        failing(number)  # try
    except ValueError:  # except
        number += add(number, 1)  # handler
    return failing(number)  # last


async def part(number: int) -> int:
    """Wait for a step."""
    first = await add.start(number, 1)  # first
    return await add.start(first, 1)  # second


@workflow
async def tasks(count: int) -> int:
    """Do things at the same time."""
    jobs = [asyncio.create_task(part(n)) for n in range(count)]  # jobs
    alone = await part(10)  # alone
    found = await asyncio.gather(*jobs)  # gather
    return sum(found) + alone  # all


@workflow
def waits() -> str:
    """Wait for a message."""
    add(1, 2)
    local = "before"
    got = receive("go")  # receive
    return f"{local} {got}"


@workflow
def parks() -> int:
    """Do something risky."""
    total = add(1, 1)
    return total + risky()  # risky


@workflow
def sleeps() -> int:
    """Sleep for long."""
    sleep(days=1)  # sleep
    return 1


@workflow
def endless() -> None:
    """Never end."""
    number = add(1, 1)
    while True:
        number += 1  # spin


@workflow
def hungry() -> int:
    """Use more memory than there is."""
    add(1, 1)
    pieces = []
    while True:
        pieces.append(bytes(20_000_000))  # eat


@workflow
def runs(left: int) -> str:
    """Begin again and again."""
    add(left, left)
    if left:
        continue_as_new(left - 1)  # again
    return "done"


@workflow
def retried(marker: str) -> int:
    """Fail until the marker is there."""
    total = add(1, 1)  # before
    total += add_unless(total, marker)  # fails
    return total  # after


@workflow
def looks_at_the_clock() -> float:
    """Ask what time it is, below any Python code."""
    before = time.time()  # clock
    add(1, 1)  # between
    return time.time() - before  # clock again
