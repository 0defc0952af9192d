"""Native steps that workflows in Rust call."""

from __future__ import annotations

from typing import Any

from flawless import idempotency_key, step


class Declined(Exception):
    """The card was declined."""


@step(name="app.charge")
def charge(*args: Any) -> list[Any]:
    """Give back what it is given."""
    return list(args)


@step(name="app.declined")
def declined(*_: Any) -> None:
    """Fail."""
    raise Declined("no money")


@step(name="app.book")
def book(number: int) -> int:
    """Give back what it is given."""
    return number


@step(name="app.key")
def key() -> str:
    """Return the key of this very step."""
    return idempotency_key()
