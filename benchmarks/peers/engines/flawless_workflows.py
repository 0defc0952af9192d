"""Flawless's workflows in Python; see `benchmarks.peers.peer` for what they do."""

import asyncio

from benchmarks.peers.engines.flawless_steps import mark, noop_step
from flawless import sleep, workflow


@workflow
def noop() -> int:
    return 0


@workflow
def steps(count: int) -> int:
    return sum(noop_step(number) for number in range(count))


@workflow
def sleeper(seconds: float) -> int:
    sleep(seconds)
    return 1


@workflow
async def nap(execution: str, seconds: float) -> int:
    await mark("a", execution)
    await asyncio.sleep(seconds)
    return await mark("b", execution)


@workflow
async def blocked(execution: str, count: int) -> int:
    total = 0
    for number in range(count):
        total += await mark(f"s{number}", execution)
    return total


@workflow
async def long(execution: str, count: int) -> int:
    total = sum(noop_step(number) for number in range(count))
    return total + await mark("s1", execution)
