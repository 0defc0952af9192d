"""Workflows that are replayed on changed versions of themselves."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from flawless import compensation, http, publish, receive, send, sleep, step, workflow

SOMETHING = 1


@dataclass
class Order:
    """What is bought."""

    item: str
    cents: int


@step
def charge(order: Order) -> str:
    """Take the money."""
    return f"charged {order.cents}"


@step
def ship(item: str) -> str:
    """Send it."""
    if item == "piano":
        raise ValueError("too heavy")
    return f"shipped {item}"


@workflow
def buy(item: str, cents: int) -> list[str]:
    """Two steps and a look at the clock."""
    order = Order(item, cents)
    receipt = charge(order)
    time.time()
    parcel = ship(order.item)
    return [receipt, parcel]


@workflow
def wait_for(name: str) -> str:
    """Sleep, hear a message, then a step."""
    sleep("2d")
    heard = receive("word", timeout="1h")
    return ship(f"{name} {heard}")


@workflow
async def together(count: int) -> int:
    """Steps side by side."""
    rows = await asyncio.gather(*(ship.start(f"item {n}") for n in range(count)))
    return len(rows)


@workflow
def ask(url: str) -> int:
    """One request, then a state."""
    status = http.get(url).status
    publish({"status": status})
    return status


@workflow
def family(name: str) -> str:
    """A message to somebody, and a child."""
    send("somebody", "news", name)
    heard = wait_for.start(name).result()
    return f"child: {heard}"


@workflow
def undone(item: str) -> str:
    """Undo a step, which fails: then a person decides."""
    try:
        with compensation() as undo:
            undo(ship, "piano")
            sleep("1h")
            raise LookupError(item)
    except LookupError as error:
        return f"undone: {error}"


@workflow
def watch_for_ever() -> None:
    """Never end."""
    while True:
        sleep("1h")


@workflow
def rest() -> str:
    """Sleep twice, and return then."""
    sleep("1ms")
    time.sleep(0.001)
    return "rested"
