"""Decoding guided by annotations: plain JSON becomes what the annotation says, or is refused."""

from __future__ import annotations

import collections.abc as abc
import datetime as dt
import enum
import sys
import typing
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Literal, Optional, TypeVar, Union

import pytest

from flawless import codec

from . import models
from .models import Box, Color, Item, Level, Node, Order, Point, Right, Word
from .test_values import TAGGED, WHEN, identical

T = TypeVar("T")
B = TypeVar("B", bound=Item)
ID = uuid.UUID(int=5)


@pytest.mark.parametrize(
    ("annotation", "json", "value"),
    [
        (Any, {"a": [1]}, {"a": [1]}),
        (object, [1], [1]),
        (None, None, None),
        (int, 3, 3),
        (int, -(2**70), -(2**70)),
        (float, 3, 3.0),
        (float, 2.5, 2.5),
        (bool, True, True),
        (str, "x", "x"),
        (complex, 2, 2 + 0j),
        (bytes, "AP8=", b"\x00\xff"),
        (bytearray, "AP8=", bytearray(b"\x00\xff")),
        (dt.datetime, "2024-05-01T12:00:00Z", dt.datetime(2024, 5, 1, 12, tzinfo=dt.UTC)),
        (dt.datetime, "2024-05-01", dt.datetime(2024, 5, 1)),
        (dt.date, "2024-05-01", dt.date(2024, 5, 1)),
        (dt.time, "12:30", dt.time(12, 30)),
        (dt.timedelta, 90, dt.timedelta(seconds=90)),
        (dt.timedelta, 0.5, dt.timedelta(milliseconds=500)),
        (Decimal, "1.10", Decimal("1.10")),
        (Decimal, 19.99, Decimal("19.99")),
        (Decimal, 7, Decimal(7)),
        (uuid.UUID, str(ID), ID),
        (list, [1, "a"], [1, "a"]),
        (list[int], [1, 2], [1, 2]),
        (typing.List[int], [1], [1]),  # noqa: UP006 (old code writes it)
        (set[int], [1, 2, 1], {1, 2}),
        (frozenset[str], ["a"], frozenset({"a"})),
        (tuple, [1, "a"], (1, "a")),
        (typing.Tuple, [1], (1,)),  # noqa: UP006 (old code writes it)
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (tuple[()], [], ()),
        (deque[int], [1], deque([1])),
        (abc.Sequence[int], [1], [1]),
        (abc.Iterable[float], [1], [1.0]),
        (abc.Collection[int], [1], [1]),
        (abc.Set[int], [1], {1}),
        (abc.MutableSequence, [1], [1]),
        (typing.Sequence[Item], [{"sku": "a"}], [Item("a")]),
        (dict, {"a": 1}, {"a": 1}),
        (dict[str, Item], {"a": {"sku": "s"}}, {"a": Item("s")}),
        (dict[int, str], {"1": "one"}, {1: "one"}),
        (dict[uuid.UUID, int], {str(ID): 1}, {ID: 1}),
        (dict[Color, int], {"red": 1}, {Color.RED: 1}),
        (dict[Level, int], {"1": 1}, {Level.LOW: 1}),
        (dict[dt.date, int], {"2024-01-01": 1}, {dt.date(2024, 1, 1): 1}),
        (abc.Mapping[str, float], {"a": 1}, {"a": 1.0}),
        (OrderedDict[str, int], {"b": 1}, OrderedDict(b=1)),
        (Counter[str], {"b": 1}, Counter(b=1)),
        (defaultdict[str, list[int]], {"b": [1]}, defaultdict(list, {"b": [1]})),
        (Optional[int], None, None),  # noqa: UP045 (old code writes it)
        (int | None, 3, 3),
        (Union[int, str], "5", "5"),  # noqa: UP007 (old code writes it)
        (int | float, 3, 3),
        (float | int, 3, 3),
        (float | None, 3, 3.0),
        (bool | int, True, True),
        (dt.datetime | None, "2024-01-01T00:00:00", dt.datetime(2024, 1, 1)),
        (Item | Point, {"x": 1}, Point(1)),
        (Item | Point, {"sku": "s"}, Item("s")),
        (list[int] | dict[str, int], {"a": 1}, {"a": 1}),
        (Item | list[Item], [{"sku": "s"}], [Item("s")]),
        (Item | Any, {"sku": "s"}, Item("s")),
        (Any | Item, {"other": 1}, {"other": 1}),
        (Literal["a", 1, None], 1, 1),
        (Literal[Color.RED, "x"], "red", Color.RED),
        (Color, "red", Color.RED),
        (Color, "DARK", Color.DARK),
        (Level, 2, Level.HIGH),
        (Level, "HIGH", Level.HIGH),
        (Word, "yes", Word.YES),
        (Right, 3, Right.READ | Right.WRITE),
        (Item, {"sku": "a", "price": 2}, Item("a", 2.0)),
        (
            Order,
            {"id": 1, "items": [{"sku": "a"}], "color": "green", "due": "2024-01-01",
             "labels": {"x": "1.5"}},
            Order(1, [Item("a")], Color.GREEN, dt.datetime(2024, 1, 1), {"x": Decimal("1.5")}),
        ),
        (Node, {"name": "r", "children": [{"name": "l"}]}, Node("r", [Node("l")])),
        (Box[int], {"content": 1, "more": [2]}, Box(1, [2])),
        (Box[Item], {"content": {"sku": "a"}}, Box(Item("a"))),
        (Box[list[Item]], {"content": [{"sku": "a"}]}, Box([Item("a")])),
        (Box, {"content": {"any": 1}}, Box({"any": 1})),
        (models.ItemBox, {"content": {"sku": "a"}, "label": "l"},
         models.ItemBox(Item("a"), [], "l")),
        (models.Pair[str, Item], {"key": "k", "value": {"content": {"sku": "a"}}},
         models.Pair("k", Box(Item("a")))),
        (models.Derived, {"net": 2}, models.Derived(2)),
        (models.Seeded, {"seed": 2}, models.Seeded(seed=2)),
        (models.Bag, {"size": 1, "secret": "x"}, models.Bag(1, "x")),
        (models.Ice, {"grade": 1, "parts": [{"sku": "p"}]}, models.Ice(1, [Item("p")])),
        (Point, {"x": 1}, Point(1)),
        (Point, [1, 2], Point(1, 2)),
        (models.Old, [1, 2], models.Old(1, 2)),
        (models.Address, {"street": "s"}, {"street": "s"}),
        (models.Loose, {"name": "n", "size": 3}, {"name": "n", "size": 3}),
        (models.Cents, 3, 3),
        (Annotated[int, "in cents"], 3, 3),
        (Annotated[set[int], []], [3], {3}),
        (typing.Final[int], 3, 3),
        (T, {"free": 1}, {"free": 1}),
        (B, {"sku": "s"}, Item("s")),
        (models.Partly, {"known": {"sku": "a"}, "unknown": [1]}, models.Partly(Item("a"), [1])),
    ],
)  # fmt: skip
def test_plain_json_becomes_what_the_annotation_says(
    annotation: Any, json: Any, value: Any
) -> None:
    """Each annotation reads the JSON a person would write for it."""
    got = codec.decode(json, annotation)
    assert got == value
    assert type(got) is type(value)
    assert codec.loads(codec.write(json), annotation) == value


@pytest.mark.parametrize("value", TAGGED, ids=lambda v: codec.dumps(v)[:40])
def test_tagged_values_fit_their_own_class(value: Any) -> None:
    """A tagged value decodes to itself under its class as annotation, and in a union."""
    encoded = codec.encode(value)
    for annotation in (type(value), type(value) | None, list[type(value)] | type(value)):
        assert identical(codec.decode(encoded, annotation), value)


@pytest.mark.parametrize(
    ("annotation", "value"),
    [
        (abc.Sequence[int], (1, 2)),
        (abc.Iterable[int], {1}),
        (abc.Set[int], frozenset({1})),
        (abc.Mapping[int, str], {1: "a"}),
        (dt.date, WHEN),
        (int, Level.LOW),
        (str, Word.NO),
        (Exception, models.NotFound("a", 1)),
        (list[Any], [(1,)]),
    ],
)
def test_tagged_values_fit_wider_annotations(annotation: Any, value: Any) -> None:
    """What Python's types permit is permitted, and stays what it is."""
    got = codec.decode(codec.encode(value), annotation)
    assert type(got) is type(value)


@pytest.mark.parametrize(
    ("annotation", "json", "path", "words"),
    [
        (int, True, "value", "expected an integer, got true"),
        (int, 3.0, "value", "expected an integer, got 3.0"),
        (int, "3", "value", "got '3'"),
        (float, "x", "value", "expected a number"),
        (float, False, "value", "expected a number, got false"),
        (float, 2**1030, "value", "expected a number"),
        (bool, 1, "value", "expected true or false, got 1"),
        (str, None, "value", "expected a string, got null"),
        (str, {"$": "tuple", "v": []}, "value", "expected a string, got a tuple"),
        (None, 1, "value", "expected null"),
        (bytes, "not base64!", "value", "base64"),
        (dt.datetime, "noon", "value", "a date and time like"),
        (dt.date, "2024-13-01", "value", "a date like"),
        (dt.timedelta, "1h", "value", "a number of seconds"),
        (Decimal, "1,5", "value", "a decimal number"),
        (Decimal, True, "value", "a decimal number"),
        (uuid.UUID, "x", "value", "a UUID"),
        (list[int], [1, "x"], "value[1]", "expected an integer"),
        (list[int], {"a": 1}, "value", "expected an array, got an object"),
        (list[int], {"$": "tuple", "v": [1]}, "value", "expected an array, got a tuple"),
        (set[list[int]], [[1]], "value", "unhashable"),
        (tuple[int, str], [1], "value", "an array of 2 items, got 1"),
        (tuple[int, str], [1, 2], "value[1]", "expected a string"),
        (dict[str, int], {"a": "x"}, "value.a", "expected an integer"),
        (dict[str, int], {"a b": "x"}, "value['a b']", "expected an integer"),
        (dict[int, int], {"x": 1}, "value.x", "its key does not fit"),
        (dict[str, int], [1], "value", "expected an object, got an array"),
        (int | str, [1], "value", "expected an integer or a string, got an array"),
        (int | None, "x", "value", "expected an integer, got 'x'"),
        (Item | Point, {"sku": 1}, "value.sku", "expected a string"),
        (Literal["a", "b"], "c", "value", "expected one of 'a', 'b', got 'c'"),
        (Literal[1], True, "value", "expected one of 1"),
        (Color, "blue", "value", "expected one of 'red', 'green', 'DARK' (Color), got 'blue'"),
        (Level, True, "value", "expected one of 1, 2"),
        (Item, {}, "value.sku", "is missing: codec.models.Item requires it"),
        (Item, {"sku": "a", "prize": 1}, "value.prize", "did you mean 'price'"),
        (Item, [1], "value", "expected an object (codec.models.Item), got an array"),
        (Order, {"id": 1, "items": [{"sku": "a"}, {"sku": "b", "price": "x"}]},
         "value.items[1].price", "expected a number, got 'x'"),
        (Box[Item], {"content": {"sku": 1}}, "value.content.sku", "expected a string"),
        (models.Derived, {"net": -1}, "value", "refused it: ValueError: net must not be negative"),
        (models.Derived, {"net": 1, "gross": 2}, "value.gross", "no such field"),
        (Point, [1, 2, 3], "value", "expected 2 items"),
        (Point, ["a"], "value.x", "expected an integer"),
        (models.Address, {}, "value.street", "is missing"),
        (models.Address, {"street": "s", "zop": 1}, "value.zop", "did you mean 'zip'"),
        (models.Loose, {"size": 1}, "value.name", "is missing"),
        (Item, {"$": "dataclass", "c": "codec.models:Box", "f": {"content": 1}}, "value",
         "expected an object (codec.models.Item), got a dataclass"),
        (Item | None, {"$": "dataclass", "c": "nowhere:X", "f": {}}, "value", "not imported"),
        (models.Partly, {"known": 1, "unknown": 1}, "value.known", "expected an object"),
    ],
)  # fmt: skip
def test_json_that_does_not_fit_is_refused_with_its_path(
    annotation: Any, json: Any, path: str, words: str
) -> None:
    """The error says what was expected, what came, and where."""
    with pytest.raises(codec.CodecError) as caught:
        codec.decode(json, annotation)
    assert caught.value.path == path
    assert words in caught.value.reason


class Inert:
    """What the guest puts in the place of a native library: it answers anything with itself."""

    def __getattr__(self, name: str) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self

    def __getitem__(self, key: Any) -> Any:
        return self

    def __or__(self, other: Any) -> Any:
        return self

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def __iter__(self) -> Any:
        return iter(())


class InertMeta(type):
    """The same for classes."""

    def __getattr__(cls, name: str) -> Any:
        return Inert()


class InertClass(metaclass=InertMeta):
    """A class in place of a native one."""


class Raising:
    """An object that refuses every use."""

    def __getattribute__(self, name: str) -> Any:
        raise RuntimeError("runs natively")

    def __hash__(self) -> int:
        raise RuntimeError("runs natively")

    def __repr__(self) -> str:
        raise RuntimeError("runs natively")


@pytest.mark.parametrize(
    "annotation",
    [
        Inert(),
        InertClass,
        "Missing",
        typing.ForwardRef("Missing"),
        type[int],
        abc.Callable[[int], int],
        typing.Protocol,
        models.Unknown,
        3,
        ...,
        list,
    ],
    ids=lambda a: type(a).__name__,
)
def test_annotations_that_say_nothing_take_anything(annotation: Any) -> None:
    """A stand-in, an unknown class or nonsense as annotation counts as Any."""
    assert codec.decode([1, {"a": None}], annotation) == [1, {"a": None}]
    assert codec.decode([[1]], list[annotation] if annotation is not ... else Any) == [[1]]


def test_an_annotation_that_refuses_every_use_takes_anything() -> None:
    """Not even an object that raises whatever is done to it gets in the way."""
    assert codec.decode([1], Raising()) == [1]
    assert codec.schema(Raising()) == {}


def test_unions_are_tried_in_the_order_they_are_written() -> None:
    """Two unions that are equal to Python, but written differently, are not mixed up."""
    other = enum.Enum("Other", {"CRIMSON": "red"})
    for _ in range(2):
        assert codec.decode("red", Color | other) is Color.RED
        assert codec.decode("red", other | Color) is other.CRIMSON


def test_annotations_made_anew_each_time_do_not_pile_up() -> None:
    """The cache of compiled annotations is bounded."""
    from flawless.codec import _guided

    for i in range(3_000):
        assert codec.decode([i], list[Literal[i]]) == [i]  # type: ignore[valid-type]  # made on the run
    assert len(_guided._compiled) <= _guided._COMPILED_MAX


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the `type` statement is of Python 3.12")
def test_type_aliases_may_contain_themselves() -> None:
    """A recursive `type` alias and a generic one are followed."""
    names: dict[str, Any] = {"Item": Item}
    exec("type Json = int | list[Json] | dict[str, Json]\ntype Many[T] = list[T]", names)
    assert codec.decode({"a": [1, {"b": 2}]}, names["Json"]) == {"a": [1, {"b": 2}]}
    with pytest.raises(codec.CodecError, match=r"value\.a\[0\]"):
        codec.decode({"a": ["x"]}, names["Json"])
    assert codec.decode([{"sku": "a"}], names["Many"][Item]) == [Item("a")]
    found = codec.schema(names["Json"])
    assert found["$ref"] == "#/$defs/Json"
    assert found["$defs"]["Json"]["anyOf"][1] == {"type": "array", "items": {"$ref": found["$ref"]}}


@dataclass
class Plus:
    """Told from `Minus` by its last field only."""

    left: Plus | Minus | int
    right: Plus | Minus | int
    op: Literal["+"]


@dataclass
class Minus:
    """Told from `Plus` by its last field only."""

    left: Plus | Minus | int
    right: Plus | Minus | int
    op: Literal["-"]


def test_deep_unions_are_looked_at_once() -> None:
    """Every part is tried once with each member of a union, however deep it is."""
    good: Any = 1
    for _ in range(60):
        good = {"left": good, "right": 2, "op": "-"}
    value = codec.decode(good, Plus | Minus)
    for _ in range(60):
        assert type(value) is Minus
        assert value.right == 2
        value = value.left
    bad: Any = "x"
    for _ in range(60):
        bad = {"left": bad, "right": 2, "op": "-"}
    with pytest.raises(codec.CodecError, match=r"(left\.?){10,}"):
        codec.decode(bad, Plus | Minus)
    again = codec.decode([good["left"], good["left"]], list[Plus | Minus])
    assert again[0] == again[1]
    assert codec.decode({"left": 1, "right": 2, "op": "+"}, Plus | Minus) == Plus(1, 2, "+")
