"""What customers of the office want."""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum


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
