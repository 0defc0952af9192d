"""The workflows of a shop, made to be looked at: what `tools/screenshots.py` takes pictures of."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from flawless import gather, publish, receive, sleep, step, step_info, workflow

log = logging.getLogger("shop")


class Delivery(StrEnum):
    """How a parcel travels."""

    POST = "post"
    COURIER = "courier"
    PICKUP = "pickup"


@dataclass(frozen=True, slots=True)
class Line:
    """Some of an item."""

    item: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer wants, and where it goes."""

    number: int
    customer: str
    lines: list[Line]
    delivery: Delivery = Delivery.POST
    gift: bool = False


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The customer has confirmed the order."""

    by: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the customer gets."""

    order: int
    payment: str
    parcel: str


@step(retries=4, backoff="150ms", backoff_factor=1.5)
def charge(customer: str, cents: int) -> str:
    """Take the money; the bank is busy twice."""
    time.sleep(0.12)
    if step_info().attempt < 3:
        raise ConnectionError("the bank did not answer: 503 Service Unavailable")
    return f"payment of {cents} cents by {customer}"


@step
def reserve(item: str, count: int) -> str:
    """Set goods aside."""
    time.sleep(0.08 + 0.05 * count)
    return f"{count} x {item}, shelf {len(item)}"


@step
def label(number: int, delivery: str) -> str:
    """Print the parcel's label."""
    time.sleep(0.2)
    return f"{delivery}-{number}"


@step(at_most_once=True, on_interrupt="park")
def transfer(gate: str, account: str, cents: int) -> str:
    """Send money, by a bank that knows no keys: if this breaks off, a person has to look."""
    while not Path(gate).exists():
        time.sleep(0.05)
    return f"{cents} cents to {account}"


@workflow(messages=[Confirmed])
def order(order: Order) -> Receipt:
    """Take an order from the payment to the parcel."""
    log.info("order %d of %s: %d lines", order.number, order.customer, len(order.lines))
    publish({"stage": "payment", "order": order.number})
    payment = charge(order.customer, 1_950 * sum(line.count for line in order.lines))
    publish({"stage": "packing", "order": order.number, "paid": True})
    shelves = gather(*(reserve.start(line.item, line.count) for line in order.lines))
    log.info("reserved: %s", ", ".join(shelves))
    if order.gift:
        publish({"stage": "waiting for the customer", "order": order.number, "paid": True})
        confirmed = receive(Confirmed, timeout=timedelta(days=3))
        log.warning("confirmed by %s", confirmed.by if confirmed else "nobody")
    sleep(seconds=0.3)
    parcel = ship.start(order.number, order.delivery).result()
    publish({"stage": "on its way", "order": order.number, "paid": True, "parcel": parcel})
    return Receipt(order.number, payment, parcel)


@workflow
def ship(number: int, delivery: Delivery) -> str:
    """Bring a parcel on its way."""
    return label(number, delivery)


@workflow
def refund(gate: str, number: int, account: str, cents: int) -> str:
    """Pay money back."""
    log.info("refund for order %d", number)
    return transfer(gate, account, cents)


@workflow
def statement(month: str, customers: dict[str, list[int]]) -> dict[str, float]:
    """Write the monthly statements: the average of what each customer has paid."""
    log.info("statements for %s", month)
    return {name: average(cents) for name, cents in customers.items()}


def average(cents: list[int]) -> float:
    """Return the mean in whole currency."""
    total = sum(cents)
    return total / len(cents) / 100


@workflow
def subscription(customer: str, plan: str = "monthly") -> None:
    """Renew, month by month, until somebody ends it."""
    months = 0
    while receive("end", timeout=timedelta(days=30)) is None:
        months += 1
        publish({"customer": customer, "plan": plan, "months": months})


@workflow
def catalogue(pages: int) -> int:
    """Import the catalogue, one child a page."""
    return sum(gather(*(page.start(number) for number in range(1, pages + 1))))


@workflow
def page(number: int) -> int:
    """Import one page of the catalogue."""
    sleep(seconds=0.05 * number)
    return 20 * number
