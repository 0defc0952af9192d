"""A shop's order as a workflow. Nothing here deals with crashes; that is the point."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from datetime import datetime
from urllib.request import Request, urlopen

from flawless import http, idempotency_key, sleep, step, workflow


@dataclass
class Receipt:
    """What the customer gets in the end."""

    number: int
    placed: datetime
    payment: str
    parcel: str


def post(url: str, body: dict[str, int], key: str | None = None) -> str:
    """Send a request and return the reference in the answer. Steps run outside WebAssembly."""
    headers = {"Content-Type": "application/json"} | ({"Idempotency-Key": key} if key else {})
    with urlopen(Request(url, json.dumps(body).encode(), headers), timeout=30) as answer:
        return str(json.load(answer)["reference"])


@step
def charge(service: str, number: int, cents: int) -> str:
    """Take the money. The key lets the bank notice a repeated request."""
    return post(f"{service}/charge", {"order": number, "cents": cents}, idempotency_key())


@step
def reserve(service: str, number: int) -> str:
    """Set the goods aside."""
    return post(f"{service}/reserve", {"order": number}, idempotency_key())


@step(at_most_once=True)
def ship(service: str, number: int) -> str:
    """Call the courier, who knows no keys: twice would be two parcels."""
    return post(f"{service}/ship", {"order": number})


@workflow
def order(service: str, cents: int) -> Receipt:
    """One order, from the payment to the parcel."""
    number = random.randrange(100_000, 1_000_000)
    placed = datetime.now()
    print(f"order {number}, placed at {placed:%H:%M:%S.%f}")

    payment = charge(service, number, cents)
    reserve(service, number)
    http.post(service + "/invoice", json={"order": number, "paid": payment})
    sleep(seconds=3)  # it could as well be days=30
    parcel = ship(service, number)
    return Receipt(number, placed, payment, parcel)
