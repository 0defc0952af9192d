"""The workflows that the tests of the web UI start."""

import time
from pathlib import Path

from parcels import Order

from flawless import Cancelled, compensation, receive, step, workflow


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
def leave() -> str:
    """Wait, and clean up when told to end."""
    try:
        receive("never")
    except Cancelled:
        receive("cleaned")
        raise
    return "stayed"


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
