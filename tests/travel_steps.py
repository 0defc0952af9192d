"""Native steps of the orders in tests/rust/programs/src/travel.rs."""

from __future__ import annotations

from flawless import step


@step
def charge(item: str, cents: int) -> str:
    """Take money."""
    return f"{cents} for {item}"


@step
def weigh(item: str, round_: int) -> int:
    """Weigh an item, a little more each time."""
    return len(item) * 100 + round_


@step
def pack(item: str) -> int:
    """Return how many boxes an item takes."""
    return len(item) // 2 + 1
