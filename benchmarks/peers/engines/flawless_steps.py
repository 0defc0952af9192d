"""The steps of Flawless's workflows; components in Rust call them by name."""

import asyncio

from benchmarks.peers.marks import marker
from flawless import step

FOREVER_S = 3_600.0


@step
def noop_step(number: int) -> int:
    """Return what it is given."""
    return number


@step
async def mark(tag: str, execution: str) -> int:
    """Leave a mark; `s1` blocks while the gate is shut."""
    own = marker()
    own.add(tag, execution)
    if tag == "s1" and own.blocked:
        await asyncio.sleep(FOREVER_S)
    return 1
