"""Workflows whose timelines have something to tell."""

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawless import Cancelled, gather, publish, receive, sleep, step, workflow


@dataclass
class Approval:
    """What a person says to an order."""

    by: str
    approved: bool = True
    remark: str = ""


@step
def reserve(item: str) -> str:
    """Set an item aside."""
    return f"shelf of {item}"


@step(retries=5, backoff=0.05)
def charge(tries: str, cents: int) -> dict[str, int]:
    """Succeed in the third try; the file counts them."""
    file = Path(tries)
    number = len(file.read_text()) if file.exists() else 0
    file.write_text("x" * (number + 1))
    if number < 2:
        raise ConnectionError(f"the bank is closed, {number + 1}")
    return {"cents": cents}


@workflow
def deliver(city: str) -> str:
    """Bring something to a city."""
    publish({"stage": "on its way"})
    return f"delivered in {city}"


@workflow(messages=[Approval])
def order(tries: str, items: list[str], cents: int = 990) -> dict[str, Any]:
    """Reserve, charge, wait for an approval, deliver."""
    log = logging.getLogger("story.orders")
    publish({"stage": "reserving", "items": len(items)})
    log.info("%s items", len(items))
    shelves = gather(*[reserve.start(item) for item in items])
    paid = charge(tries, cents)
    log.warning("paid %s cents", paid["cents"])
    publish({"stage": "waiting", "items": len(items)})
    approval = receive(Approval)
    place = deliver.start("Lisbon").result()
    sleep(0.02)
    publish({"stage": "done", "items": len(items)})
    return {"shelves": shelves, "by": approval.by, "place": place}


@workflow
def clock_in(days: int) -> None:
    """Sleep for days, with some work before."""
    reserve("a bed")
    sleep(days=days)


def rate_of(customer: str) -> int:
    """Return the rate of a customer; only one is known."""
    return {"gold": 80}[customer]


@workflow
def bill(customer: str) -> int:
    """Fail deep inside for customers without a rate."""
    reserve("paper")
    return 10 * rate_of(customer)


@step
def read(file: str) -> str:
    """Read a file that may not be there yet."""
    return Path(file).read_text()


@workflow
def press(file: str) -> str:
    """Read a file, between two other steps."""
    first = reserve("ink")
    return f"{first}, {read(file)}"


@workflow
def steady(count: int) -> int:
    """Do a step, and wait for the next word, that many times."""
    for n in range(count):
        publish({"round": n})
        print(f"round {n}")
        reserve(f"seat {n}")
        receive("next")
    return count


@workflow
def leave() -> None:
    """Wait for what never comes; clean up when told to end."""
    try:
        receive("never")
    except Cancelled:
        reserve("a broom")
        raise
