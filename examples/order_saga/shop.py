"""The services of the shop, as far as an order sees them."""

from __future__ import annotations

from world import Body, Refused, Service


def pay(body: Body) -> Body:
    """Take the money."""
    return {"reference": f"payment-{body['order']}"}


def refund(body: Body) -> Body:
    """Give it back."""
    return {"reference": f"refund of {body['payment']}"}


def reserve(body: Body) -> Body:
    """Set the goods aside, if there are any."""
    if body["item"] == "unicorn":
        raise Refused("no unicorn in stock")
    return {"reference": f"shelf-{body['order']}"}


def release(body: Body) -> Body:
    """Put them back."""
    return {"reference": f"{body['reserved']} is free"}


def ship(body: Body) -> Body:
    """Send a parcel, if somebody goes there."""
    if body["city"] == "Atlantis":
        raise Refused("no courier goes to Atlantis")
    return {"reference": f"parcel-{body['order']}"}


SERVICES: dict[str, Service] = {
    "pay": pay,
    "refund": refund,
    "reserve": reserve,
    "release": release,
    "ship": ship,
}
