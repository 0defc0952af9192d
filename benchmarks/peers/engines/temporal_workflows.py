"""Temporal's workflows and activities; see `benchmarks.peers.peer` for what they do."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from temporalio import activity, workflow

with workflow.unsafe.imports_passed_through():
    from benchmarks.peers.marks import marker

BEAT_S = 1.0
LOST = timedelta(seconds=3)
"""An activity that blocks and was not heard of for so long is begun again."""
LIMIT = timedelta(hours=2)


@activity.defn
async def noop_step(number: int) -> int:
    """Return what it is given."""
    return number


@activity.defn
async def mark(tag: str, execution: str) -> int:
    """Leave a mark; `s1` blocks while the gate is shut."""
    own = marker()
    own.add(tag, execution)
    while tag == "s1" and own.blocked:
        activity.heartbeat()
        await asyncio.sleep(BEAT_S)
    return 1


async def _mark(tag: str, execution: str) -> int:
    return await workflow.execute_activity(
        mark, args=[tag, execution], start_to_close_timeout=LIMIT, heartbeat_timeout=LOST
    )


async def _sum(count: int) -> int:
    total = 0
    for number in range(count):
        total += await workflow.execute_activity(
            noop_step, number, start_to_close_timeout=timedelta(seconds=60)
        )
    return total


@workflow.defn(name="noop")
class Noop:
    """See `benchmarks.peers.peer`, here and below."""

    @workflow.run
    async def run(self) -> int:
        """Return."""
        return 0


@workflow.defn(name="steps")
class Steps:
    """Steps."""

    @workflow.run
    async def run(self, count: int) -> int:
        """Make steps."""
        return await _sum(count)


@workflow.defn(name="sleeper")
class Sleeper:
    """A sleep."""

    @workflow.run
    async def run(self, seconds: float) -> int:
        """Sleep."""
        await workflow.sleep(seconds)
        return 1


@workflow.defn(name="nap")
class Nap:
    """A sleep between marks."""

    @workflow.run
    async def run(self, execution: str, seconds: float) -> int:
        """Mark, sleep, mark."""
        await _mark("a", execution)
        await workflow.sleep(seconds)
        return await _mark("b", execution)


@workflow.defn(name="blocked")
class Blocked:
    """Marks, the second of which blocks."""

    @workflow.run
    async def run(self, execution: str, count: int) -> int:
        """Mark."""
        total = 0
        for number in range(count):
            total += await _mark(f"s{number}", execution)
        return total


@workflow.defn(name="long")
class Long:
    """Steps, and a mark that blocks."""

    @workflow.run
    async def run(self, execution: str, count: int) -> int:
        """Make steps, and mark."""
        return await _sum(count) + await _mark("s1", execution)


WORKFLOWS = [Noop, Steps, Sleeper, Nap, Blocked, Long]
ACTIVITIES = [noop_step, mark]
