"""A checkout of several pages. All its state is local variables of one function.

There is no session table, no cart in a cookie, no "resume" code. A visitor is an execution of
`checkout`; the pages show what it publishes, and what somebody does on them are messages.
"""

from __future__ import annotations

import json
import os
import random
import time
from datetime import datetime, timedelta
from pathlib import Path

from visit import (
    COUNT_MAX,
    DELIVERIES,
    FIELDS,
    ITEMS,
    PAGES,
    TEXT_CHARS_MAX,
    Add,
    Choose,
    Fill,
    Go,
    Order,
    Pay,
    View,
)

from flawless import idempotency_key, messages, publish, step, workflow

A_MONTH = timedelta(days=30)


class Declined(Exception):
    """The bank does not pay."""


@step(retries=3, give_up_on=Declined)
def charge(card: str, cents: int) -> str:
    """Take the money: a bank that thinks for a while, and knows a repeated request by its key."""
    if card == "empty":
        raise Declined("your bank has declined the card")
    book = Path(os.environ.get("CHECKOUT_BOOK", "payments.jsonl"))
    key = idempotency_key()
    time.sleep(float(os.environ.get("CHECKOUT_BANK_S", "2")))
    payments = [json.loads(line) for line in book.read_text().splitlines()] if book.exists() else []
    if all(payment["key"] != key for payment in payments):
        with book.open("a") as file:
            file.write(json.dumps({"key": key, "card": card, "cents": cents}) + "\n")
    return f"payment {key[:8]}"


@workflow(messages=[Add, Fill, Choose, Go, Pay])
def checkout() -> Order | None:
    """One visit to the shop, from the empty cart to the confirmation; None if nothing is bought."""
    cart: dict[str, int] = {}
    address = dict.fromkeys(FIELDS, "")
    delivery = "post"
    page = "cart"

    def total() -> int:
        return DELIVERIES[delivery].cents + sum(ITEMS[i].cents * n for i, n in cart.items())

    def show(problem: str = "", order: Order | None = None) -> None:
        publish(View(page, cart, address, delivery, total(), problem, order))

    show()
    for message in messages(Add, Fill, Choose, Go, Pay, timeout=A_MONTH):
        problem = ""
        match message.payload:
            case Add(item, count) if item in ITEMS:
                cart[item] = min(max(0, cart.get(item, 0) + count), COUNT_MAX)
                cart = {item: count for item, count in cart.items() if count}
            case Fill(name, text) if name in address:
                address[name] = text[:TEXT_CHARS_MAX]
            case Choose(way) if way in DELIVERIES:
                delivery = way
            case Go(to) if to in PAGES:
                page, problem = turn(to, cart, address)
            case Pay(card) if page == "payment":
                page = "paying"
                show()
                try:
                    payment = charge(card, total())
                except Declined as error:
                    page, problem = "payment", f"Sorry, {error}. Nothing was paid."
                else:
                    number = random.randrange(100_000, 1_000_000)
                    expected = datetime.now().date() + timedelta(days=DELIVERIES[delivery].days)
                    order = Order(number, total(), payment, expected)
                    page = "confirmation"
                    show(order=order)
                    return order
        show(problem)
    return None


def turn(to: str, cart: dict[str, int], address: dict[str, str]) -> tuple[str, str]:
    """Return the page that may be turned to on the way to `to`, and what is missing for more."""
    if to != "cart" and not cart:
        return "cart", "Put something into your cart first."
    missing = [name for name in FIELDS if not address[name].strip()]
    if to in ("delivery", "payment") and missing:
        return "address", f"Please fill in your {' and '.join(missing)}."
    return to, ""
