"""Restate's workflows: handlers of a service, served by hypercorn."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import restate

from benchmarks.peers.marks import marker

FOREVER_S = 3_600.0
bench = restate.Service("Bench")


async def noop_step(number: int) -> int:
    """Return what it is given."""
    return number


async def mark(tag: str, execution: str) -> int:
    """Leave a mark; `s1` blocks while the gate is shut."""
    own = marker()
    own.add(tag, execution)
    if tag == "s1" and own.blocked:
        await asyncio.sleep(FOREVER_S)
    return 1


@bench.handler()
async def noop(ctx: restate.Context, given: list[int]) -> int:
    """See `benchmarks.peers.peer`, here and below."""
    return 0


@bench.handler()
async def steps(ctx: restate.Context, given: list[int]) -> int:
    """Make steps."""
    total = 0
    for number in range(given[0]):
        total += await ctx.run_typed("step", noop_step, number=number)
    return total


@bench.handler()
async def sleeper(ctx: restate.Context, given: list[float]) -> int:
    """Sleep."""
    await ctx.sleep(timedelta(seconds=given[0]))
    return 1


@bench.handler()
async def nap(ctx: restate.Context, given: list) -> int:
    """Mark, sleep, mark."""
    execution, seconds = given
    await ctx.run_typed("a", mark, tag="a", execution=execution)
    await ctx.sleep(timedelta(seconds=seconds))
    return await ctx.run_typed("b", mark, tag="b", execution=execution)


@bench.handler()
async def blocked(ctx: restate.Context, given: list) -> int:
    """Mark, and block in the second step."""
    execution, count = given
    total = 0
    for number in range(count):
        total += await ctx.run_typed("mark", mark, tag=f"s{number}", execution=execution)
    return total


@bench.handler()
async def long(ctx: restate.Context, given: list) -> int:
    """Make steps, and block in the last."""
    execution, count = given
    total = 0
    for number in range(count):
        total += await ctx.run_typed("step", noop_step, number=number)
    return total + await ctx.run_typed("mark", mark, tag="s1", execution=execution)


app = restate.app(services=[bench])
