"""Classes of the kinds that travel, in a module where a tag can find them."""

from __future__ import annotations

import datetime as dt
import enum
import typing
from collections import namedtuple
from dataclasses import InitVar, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Generic, NamedTuple, NewType, TypedDict, TypeVar

import attrs

if TYPE_CHECKING:
    from nowhere import Missing  # exists for type checkers only

T = TypeVar("T")
K = TypeVar("K")
Cents = NewType("Cents", int)


class Color(enum.Enum):
    """A plain enum."""

    RED = "red"
    GREEN = "green"
    DARK = (1, 2)


class Level(enum.IntEnum):
    """An integer enum; `WARN` is an alias."""

    LOW = 1
    HIGH = 2
    WARN = 2


class Word(enum.StrEnum):
    """A string enum."""

    YES = "yes"
    NO = "no"


class Right(enum.Flag):
    """A flag."""

    READ = 1
    WRITE = 2


@dataclass
class Item:
    """One line of an order."""

    sku: str
    price: float = 0.0
    count: int = 1


@dataclass(frozen=True, slots=True)
class Order:
    """What a customer wants."""

    id: int
    items: list[Item]
    color: Color = Color.RED
    due: dt.datetime | None = None
    labels: dict[str, Decimal] = field(default_factory=dict)


@dataclass
class Node:
    """A class that refers to itself."""

    name: str
    children: list[Node] = field(default_factory=list)
    parent: Node | None = None


@dataclass
class Derived:
    """A class whose constructor computes and changes fields."""

    net: int
    gross: int = field(init=False)

    def __post_init__(self) -> None:
        if self.net < 0:
            raise ValueError("net must not be negative")
        self.gross = self.net * 2
        self.net += 0


@dataclass
class Doubling:
    """A class whose constructor would double its field again."""

    amount: int

    def __post_init__(self) -> None:
        self.amount *= 2


@dataclass
class Seeded:
    """A class whose constructor needs more than its fields."""

    value: int = field(init=False)
    seed: InitVar[int]

    def __post_init__(self, seed: int) -> None:
        self.value = seed + 1


@dataclass
class Box(Generic[T]):
    """A generic class."""

    content: T
    more: list[T] = field(default_factory=list)


@dataclass
class ItemBox(Box[Item]):
    """A generic class with its argument given by a subclass."""

    label: str = ""


@dataclass
class Pair(Generic[K, T]):
    """A generic class of two arguments."""

    key: K
    value: Box[T]


@dataclass
class Partly:
    """A class with one annotation that cannot be resolved."""

    known: Item
    unknown: Missing


@dataclass
class Unset:
    """A class whose second field may never be set."""

    name: str
    later: int = field(init=False)


class Point(NamedTuple):
    """A typed named tuple."""

    x: int
    y: int = 0


Old = namedtuple("Old", "a b")  # the untyped kind


class Address(TypedDict):
    """A typed dictionary."""

    street: str
    zip: typing.NotRequired[int]


class Loose(TypedDict, total=False):
    """A typed dictionary of optional keys, one of them required."""

    name: typing.Required[str]
    size: Annotated[int, "in cm"]


@attrs.define
class Bag:
    """An attrs class with a private field."""

    size: int
    _secret: str = "s"


@attrs.frozen
class Ice:
    """A frozen attrs class."""

    grade: int
    parts: list[Item] = attrs.field(factory=list)


class Outer:
    """A namespace."""

    @dataclass
    class Inner:
        """A nested class."""

        n: int


class NotFound(Exception):
    """An exception whose constructor takes other arguments than it leaves in `args`."""

    def __init__(self, kind: str, key: int) -> None:
        super().__init__(f"no {kind} has the key {key}")
        self.kind = kind
        self.key = key


class KeywordOnly(Exception):
    """An exception that cannot be made from its `args` at all."""

    def __new__(cls, *, code: int) -> KeywordOnly:
        return super().__new__(cls)

    def __init__(self, *, code: int) -> None:
        self.code = code

    def __str__(self) -> str:
        return f"code {self.code}"


class DiskError(OSError):
    """A subclass of an exception that keeps its fields outside its dictionary."""


class Unknown:
    """A class that cannot travel."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "Unknown()"


class FrozenList(list[int]):
    """A subclass of a plain class."""
