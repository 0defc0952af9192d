"""An order as a saga: when one service fails, what the others did is undone."""

from __future__ import annotations

from dataclasses import dataclass

from flawless import compensation, http, publish, workflow


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer wants."""

    number: int
    item: str
    cents: int
    city: str


@dataclass(frozen=True, slots=True)
class Receipt:
    """What the customer gets in the end."""

    payment: str
    parcel: str


class Refused(Exception):
    """A service of the shop does not do what it was asked for."""


def ask(service: str, **details: str | int) -> str:
    """Ask a service to do something; return its reference.

    `idempotent` says that the service knows a repetition by its key. So if the engine dies before
    the answer is recorded, the request is sent again, and is still carried out once.
    """
    answer = http.post(service, json=details, idempotent=True)
    if answer.status == 409:
        raise Refused(answer.json()["reason"])
    return str(answer.raise_for_status().json()["reference"])


@workflow
def place(order: Order, shop: str) -> Receipt:
    """Take the money, set the goods aside, send them: all of it, or nothing."""
    with compensation() as undo:
        publish("paying")
        payment = ask(f"{shop}/pay", order=order.number, cents=order.cents)
        undo(ask, f"{shop}/refund", payment=payment)

        publish("looking for the goods")
        reserved = ask(f"{shop}/reserve", order=order.number, item=order.item)
        undo(ask, f"{shop}/release", reserved=reserved)

        publish("calling the courier")
        parcel = ask(f"{shop}/ship", order=order.number, city=order.city)
    publish("on its way")
    return Receipt(payment, parcel)
