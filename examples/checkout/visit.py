"""What the shop sells, what can be done on its pages, and what they show."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

COUNT_MAX = 20
TEXT_CHARS_MAX = 200

PAGES = ("cart", "address", "delivery", "payment")


@dataclass(frozen=True, slots=True)
class Item:
    """Something one can buy."""

    name: str
    cents: int


ITEMS = {
    "lamp": Item("A lamp for reading", 4_900),
    "chair": Item("A chair that fits", 18_900),
    "tea": Item("Tea, a tin of it", 1_250),
    "pen": Item("A pen for life", 3_200),
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """A way to bring it."""

    name: str
    cents: int
    days: int


DELIVERIES = {
    "post": Delivery("By post", 490, days=3),
    "courier": Delivery("By courier", 1_490, days=1),
    "pickup": Delivery("I pick it up", 0, days=0),
}

FIELDS = ("name", "street", "city", "email")


# --- what somebody can do on a page -----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Add:
    """Put some more of an item into the cart, or take some out."""

    item: str
    count: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Write something into a field of the address."""

    field: str
    text: str


@dataclass(frozen=True, slots=True)
class Choose:
    """Choose a delivery."""

    delivery: str


@dataclass(frozen=True, slots=True)
class Go:
    """Turn to a page."""

    page: str


@dataclass(frozen=True, slots=True)
class Pay:
    """Buy it. `card` is what the bank gave the page in place of the card's number."""

    card: str


# --- what the pages show ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Order:
    """What somebody has bought, in the end."""

    number: int
    cents: int
    payment: str
    expected: date


@dataclass(frozen=True, slots=True)
class View:
    """The visit as it stands: enough to draw each page in each tab."""

    page: str
    cart: dict[str, int]
    address: dict[str, str]
    delivery: str
    total_cents: int
    problem: str = ""
    order: Order | None = None
    items: dict[str, Item] = field(default_factory=lambda: ITEMS)
    deliveries: dict[str, Delivery] = field(default_factory=lambda: DELIVERIES)
