"""Workflows that start others, which are in components, and are started by those."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import flawless
from flawless import InputInvalid, workflow


@dataclass
class Line:
    """A line of an order."""

    price: float


@dataclass
class Order:
    """What `hand.order` takes, as Python has it."""

    id: int
    lines: list[Line]


@dataclass
class Number:
    """What `double` takes."""

    n: int


@workflow
def double(number: Number) -> int:
    """Compute something for whoever starts it."""
    return 2 * number.n


@workflow
def order(id: int, price: float = 2.5, child: str | None = None) -> Any:  # noqa: A002 (a field's name)
    """Start a child that is written in something else, with a value of Python's."""
    given = Order(id, [Line(price)])
    return flawless.start("hand.order", given, express=True, id=child).result()


@workflow
def refused() -> list[Any]:
    """Start what cannot be started."""
    found: list[Any] = []
    for call in ((1,), (Order(0, []),), ()):
        try:
            flawless.start("hand.order", *call).result()
        except InputInvalid as error:
            found.append([str(error), error.path])
    try:
        flawless.start("what.ever").result()
    except flawless.UsageError as error:
        found.append(str(error))
    found.append(flawless.start(double.name, Number(4)).result())
    return found
