"""Values: what travels arrives equal and of the same type; what cannot is refused with its path."""

from __future__ import annotations

import datetime as dt
import json
import math
import uuid
from collections import Counter, OrderedDict, defaultdict, deque
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from flawless import codec

from . import models
from .models import Box, Color, Item, Level, Node, Order, Outer, Point, Right, Word

CET = dt.timezone(dt.timedelta(hours=1))
WHEN = dt.datetime(2024, 5, 1, 12, 30, 15, 123456)
BERLIN = ZoneInfo("Europe/Berlin")

PLAIN: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    2**63,
    2**1023 - 1,
    0.0,
    -0.0,
    1.5,
    1e300,
    5e-324,
    "",
    "plain",
    'é € 😀 \u2028 \x00 " \\ \n',
    [],
    {},
    [1, "a", None, [2.5, {"k": []}]],
    {"a": {"b": {"c": [1, 2]}}, "": 0, "$x": 1},
]

TAGGED: list[Any] = [
    2**1023,
    -(10**5000),
    math.inf,
    -math.inf,
    (),
    (1, (2, [3])),
    set(),
    {1, "a", None, (1, 2)},
    frozenset({"x", "y"}),
    deque([1, 2]),
    deque([1, (2,)], maxlen=3),
    b"",
    b"\x00\xff bytes",
    bytearray(b"abc"),
    1 + 2j,
    {1: "one", 2: "two"},
    {"$": "money"},
    {"a": {"$": 1}},
    {(1, 2): {3: 4}, None: 0, True: 1, Level.HIGH: 2},
    OrderedDict([("b", 1), ("a", (2,))]),
    Counter("hello"),
    defaultdict(list, {"a": [1]}),
    defaultdict(None, {1: 2}),
    WHEN,
    WHEN.replace(fold=1),
    WHEN.replace(tzinfo=dt.UTC),
    WHEN.replace(tzinfo=CET),
    WHEN.replace(tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30, seconds=7), "ODD")),
    WHEN.replace(tzinfo=dt.timezone(dt.timedelta(microseconds=1))),
    WHEN.replace(tzinfo=dt.timezone(dt.timedelta(seconds=-1, microseconds=1), "ODD")),
    dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
    dt.datetime.min,
    dt.datetime.max,
    dt.date(2024, 2, 29),
    dt.time(23, 59, 59, 1),
    dt.time(1, tzinfo=CET, fold=1),
    dt.time(1, tzinfo=BERLIN),
    dt.timedelta(days=-1, seconds=3, microseconds=7),
    dt.timedelta.max,
    dt.UTC,
    CET,
    BERLIN,
    Decimal("1.10"),
    Decimal("-0E+3"),
    Decimal("Infinity"),
    uuid.UUID(int=7),
    Color.RED,
    Color.DARK,
    Level.WARN,
    Word.YES,
    Right.READ | Right.WRITE,
    Right(0),
    Item("a", 2.5),
    Order(1, [Item("a"), Item("b", 2.0, 3)], Color.GREEN, WHEN, {"x": Decimal(1)}),
    Node("root", [Node("leaf"), Node("twig", [Node("bud")])]),
    Box((1, 2), [(3,)]),
    models.Pair("k", Box(Item("s"))),
    models.Derived(4),
    models.Bag(3, "hidden"),
    models.Ice(1, [Item("i")]),
    Outer.Inner(9),
    Point(1, 2),
    models.Old(1, {2}),
    [Point(1), {"deep": [{Color.RED: Item("x")}]}],
]


def identical(a: Any, b: Any) -> bool:
    """Compare values with their types, all the way down."""
    if type(a) is not type(b):
        return False
    if isinstance(a, (list, tuple, deque)):
        return len(a) == len(b) and all(map(identical, a, b))
    if isinstance(a, dict):
        pairs = zip(a.items(), b.items(), strict=True)
        return len(a) == len(b) and all(identical(x, y) for x, y in pairs)
    if isinstance(a, (set, frozenset)):
        return a == b and {(type(x), x) for x in a} == {(type(x), x) for x in b}
    if isinstance(a, float):
        return repr(a) == repr(b)
    if isinstance(a, dt.datetime | dt.time):
        zones = type(a.tzinfo) is type(b.tzinfo) and str(a.tzinfo) == str(b.tzinfo)
        return a == b and a.fold == b.fold and zones
    if isinstance(a, Decimal):
        return str(a) == str(b)
    return bool(a == b)


@pytest.mark.parametrize("value", PLAIN, ids=lambda v: codec.dumps(v)[:40])
def test_plain_values_are_plain_json(value: Any) -> None:
    """What JSON knows is written exactly as the json module would, and comes back."""
    text = codec.dumps(value)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert identical(codec.loads(text), value)
    assert codec.encode(value) is value


@pytest.mark.parametrize("value", TAGGED, ids=lambda v: codec.dumps(v)[:40])
def test_tagged_values_come_back_as_they_were(value: Any) -> None:
    """Every other kind arrives equal and of the same type, by text and by object."""
    text = codec.dumps(value)
    assert identical(codec.loads(text), value)
    assert identical(codec.loads(text.encode()), value)
    assert identical(codec.decode(json.loads(json.dumps(codec.encode(value)))), value)
    assert codec.dumps(codec.loads(text)) == text


def test_nan_comes_back() -> None:
    """NaN, which equals nothing, is still NaN, as a float and as a Decimal."""
    assert math.isnan(codec.loads(codec.dumps(math.nan)))
    assert codec.loads(codec.dumps(Decimal("NaN"))).is_nan()
    assert str(codec.loads(codec.dumps(Decimal("sNaN12")))) == "sNaN12"


def test_the_text_is_strict_json() -> None:
    """No value makes the text anything but JSON that other parsers read."""

    def refuse(name: str) -> None:
        raise AssertionError(name)

    for value in [*PLAIN, *TAGGED, math.nan]:
        json.loads(codec.dumps([value]).encode("utf-8"), parse_constant=refuse)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ((1, 2), '{"$":"tuple","v":[1,2]}'),
        ({"b", "a"}, '{"$":"set","v":["a","b"]}'),
        (WHEN, '{"$":"datetime","v":"2024-05-01T12:30:15.123456"}'),
        (
            dt.datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=BERLIN),
            '{"$":"datetime","v":"2024-10-27T02:30:00","zone":"Europe/Berlin","fold":1}',
        ),
        ({1: "x"}, '{"$":"dict","v":[[1,"x"]]}'),
        (Decimal("1.10"), '{"$":"decimal","v":"1.10"}'),
        (Color.RED, '{"$":"enum","c":"codec.models:Color","n":"RED"}'),
        (Right.READ, '{"$":"enum","c":"codec.models:Right","v":1}'),
        (
            Item("a", 1.0),
            '{"$":"dataclass","c":"codec.models:Item","f":{"sku":"a","price":1.0,"count":1}}',
        ),
        (Point(1), '{"$":"namedtuple","c":"codec.models:Point","f":{"x":1,"y":0}}'),
        (dt.timedelta(1, 2, 3), '{"$":"timedelta","v":[1,2,3]}'),
    ],
)
def test_the_form_of_tags_is_fixed(value: Any, text: str) -> None:
    """Journals are read for ever, so the written form never changes."""
    assert codec.dumps(value) == text


def test_equal_values_give_equal_bytes() -> None:
    """Sets are sorted, whatever order they were built in; dictionaries keep theirs."""
    words = [f"word{i}" for i in range(50)] + [str(i) for i in range(50)]
    backwards = words[::-1]
    assert codec.dumps(set(words)) == codec.dumps(set(backwards))
    mixed = [1, "1", (1,), None, 2.5, frozenset({"b", "a"})]
    backwards = mixed[::-1]
    assert codec.dumps(set(mixed)) == codec.dumps(set(backwards))
    assert codec.dumps({"b": 1, "a": 2}) == '{"b":1,"a":2}'


def test_the_quick_and_the_thorough_way_agree() -> None:
    """A plain value is written alike, alone and inside something that is not plain."""
    for value in PLAIN:
        assert codec.dumps((value,)) == f'{{"$":"tuple","v":[{codec.dumps(value)}]}}'


# --- rebuilding ----------------------------------------------------------------------------------


def test_fields_that_the_constructor_changes_are_restored() -> None:
    """A constructor that computes does not change a value that travels."""
    assert codec.loads(codec.dumps(models.Doubling(4))).amount == 8
    changed = models.Derived(3)
    changed.gross = 99
    assert codec.loads(codec.dumps(changed)).gross == 99


def test_a_constructor_that_needs_more_than_fields_is_not_called() -> None:
    """An InitVar without default is gone, so the instance is rebuilt from its fields alone."""
    assert codec.loads(codec.dumps(models.Seeded(seed=4))).value == 5


def test_a_field_added_with_a_default_reads_old_text() -> None:
    """A field that the text does not have takes its default."""
    old = '{"$":"dataclass","c":"codec.models:Item","f":{"sku":"a"}}'
    assert codec.loads(old) == Item("a")


# --- calls and people ----------------------------------------------------------------------------


def test_calls_come_back_as_they_were() -> None:
    """The arguments of a call travel by position and by name."""
    args, kwargs = (1, (2,), Item("a")), {"when": WHEN, "$": {"x"}}
    encoded = json.loads(codec.write(codec.encode_call(args, kwargs)))
    assert codec.decode_call(encoded) == (args, kwargs)


def test_an_error_in_a_call_names_the_parameter() -> None:
    """The path begins with the parameter's name, or the argument's place if it is not known."""
    bad = [models.Unknown()]
    for names, path in ((("order",), "order[0]"), ((), "args[0][0]")):
        with pytest.raises(codec.CodecError) as caught:
            codec.encode_call((bad,), {}, names=names)
        assert caught.value.path == path
    with pytest.raises(codec.CodecError) as caught:
        codec.encode_call((), {"order": bad}, path="charge")
    assert caught.value.path == "charge.order[0]"
    with pytest.raises(codec.CodecError, match="not an encoded call"):
        codec.decode_call([1])


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Order(1, [Item("a")], due=WHEN, labels={"x": Decimal("1.5")}),
         {"id": 1, "items": [{"sku": "a", "price": 0.0, "count": 1}], "color": "RED",
          "due": "2024-05-01T12:30:15.123456", "labels": {"x": "1.5"}}),
        ({1: (2, {3})}, {"1": [2, [3]]}),
        ({(1,): 2}, [[[1], 2]]),
        ({"$": "x"}, {"$": "x"}),
        (dt.timedelta(minutes=1), 60),
        (dt.timedelta(milliseconds=1500), 1.5),
        (CET, "+01:00"),
        (dt.datetime(2024, 1, 1, tzinfo=BERLIN), "2024-01-01T00:00:00[Europe/Berlin]"),
        (Right.WRITE, 2),
        (math.inf, "inf"),
        (b"abc", "YWJj"),
        (models.NotFound("item", 3), {"type": "codec.models.NotFound",
                                      "message": "no item has the key 3"}),
    ],
)  # fmt: skip
def test_values_can_be_shown_to_people(value: Any, shown: Any) -> None:
    """The plain form needs no classes and is what a person expects to read."""
    assert codec.plain(codec.encode(value)) == shown


@pytest.mark.parametrize(
    "obj",
    [
        {"$": "dict"},
        {"$": "dict", "v": 5},
        {"$": "dict", "v": [[1]]},
        {"$": "timedelta", "v": "x"},
        {"$": "timedelta", "v": ["x" * 1_000_000, 0, 0]},
        {"$": "timedelta", "v": [10**400, 0, 0]},
        {"$": "timezone"},
        {"$": "exception"},
        {"$": "exception", "c": 5, "m": "no"},
    ],
)
def test_what_is_not_what_its_tag_says_is_shown_as_it_is(obj: dict[str, Any]) -> None:
    """Somebody else's guest may write what it likes; people are shown that."""
    assert codec.plain([obj]) == [obj]
    with pytest.raises(codec.CodecError, match="is not a valid"):
        codec.plain({"$": "tuple", "v": [obj]}, strict=True)


def test_a_tag_that_is_no_text() -> None:
    """It is refused as any that does not fit, whatever is expected."""
    for tag in ([], {}, [["a", 1]], 5, None):
        for annotation in (Any, list[int], tuple[int, ...], dict[str, int], int, Item):
            with pytest.raises(codec.CodecError):
                codec.decode({"$": tag}, annotation)
