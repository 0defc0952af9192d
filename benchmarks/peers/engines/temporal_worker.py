"""Temporal's worker in a process of its own: `python -m ... ADDRESS QUEUE`."""

from __future__ import annotations

import asyncio
import sys

from temporalio.client import Client
from temporalio.worker import Worker

from benchmarks.peers.engines.temporal_workflows import ACTIVITIES, WORKFLOWS

ACTIVITIES_AT_ONCE = 2_000
"""The default of 100 would let only so many executions be in mid-step at the kill."""
CONNECT_S = 60


async def main() -> None:
    """Work until the end comes."""
    address, queue = sys.argv[1:]
    for _ in range(CONNECT_S * 10):
        try:
            client = await Client.connect(address)
            break
        except RuntimeError:
            await asyncio.sleep(0.1)
    await Worker(
        client,
        task_queue=queue,
        workflows=WORKFLOWS,
        activities=ACTIVITIES,
        max_concurrent_activities=ACTIVITIES_AT_ONCE,
    ).run()


if __name__ == "__main__":
    asyncio.run(main())
