"""The workflows that the tests of the web UI start."""

import time
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from pathlib import Path

from flawless import compensation, receive, step, workflow


class Speed(Enum):
    """How fast a parcel travels."""

    STANDARD = "standard"
    EXPRESS = "express"


@dataclass
class Address:
    """Where a parcel goes."""

    street: str
    city: str
    country: str = "AT"


@dataclass
class Line:
    """So many of one article."""

    article: str
    count: int = 1


@dataclass
class Order:
    """What a customer wants."""

    customer: str
    lines: list[Line]
    address: Address
    speed: Speed = Speed.STANDARD
    note: str | None = None
    deliver_on: date | None = None
    gift: bool = False
    weights: dict[str, float] = field(default_factory=dict)


@workflow
def greet(name: str = "world", *, loud: bool = False) -> str:
    """Say hello."""
    return f"HELLO, {name.upper()}" if loud else f"Hello, {name}"


@workflow
def place(order: Order) -> Order:
    """Return the order as it was understood.

    Nothing is sent anywhere.
    """
    return order


@workflow
def total(prices: list[int], tax: float, label: str | int = "sum") -> str:
    """Add up."""
    return f"{label}: {sum(prices) * (1 + tax):g}"


@workflow
def wait(name: str = "go") -> object:
    """Wait for a message."""
    return receive(name)


@workflow
def nap(seconds: float) -> str:
    """Sleep."""
    time.sleep(seconds)
    return "rested"


@step
def read(file: str) -> str:
    """Read a file that may not be there."""
    return Path(file).read_text()


@workflow
def report(file: str) -> str:
    """Read a file."""
    return read(file)


@step(on_interrupt="park")
def transfer(pipe: str) -> str:
    """Read a pipe: that lasts until somebody writes to it."""
    return Path(pipe).read_text()


@workflow
def pay(pipe: str) -> str:
    """Transfer money; nobody may do it twice."""
    return transfer(pipe)


@step
def refund(gate: str) -> None:
    """Give money back once the bank is open."""
    if not Path(gate).exists():
        raise ConnectionError("the bank is closed")


@workflow
def sell(gate: str) -> None:
    """Sell, and give the money back."""
    with compensation() as undo:
        undo(refund, gate)
        raise ValueError("sold out")
