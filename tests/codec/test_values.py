"""Values: what travels arrives equal and of the same type; what cannot is refused with its path."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import math
import threading
import uuid
from collections import Counter, OrderedDict, UserDict, defaultdict, deque
from decimal import Decimal
from pathlib import Path
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
    "é € 😀 \u2028 \x00 \" \\ \n",
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
    assert codec.dumps(set(words)) == codec.dumps(set(reversed(words)))
    mixed = [1, "1", (1,), None, 2.5, frozenset({"b", "a"})]
    assert codec.dumps(set(mixed)) == codec.dumps(set(reversed(mixed)))
    assert codec.dumps({"b": 1, "a": 2}) == '{"b":1,"a":2}'


def test_the_quick_and_the_thorough_way_agree() -> None:
    """A plain value is written alike, alone and inside something that is not plain."""
    for value in PLAIN:
        assert codec.dumps((value,)) == f'{{"$":"tuple","v":[{codec.dumps(value)}]}}'


# --- refusals ------------------------------------------------------------------------------------


def generator() -> Any:
    """Yield once."""
    yield 1


def cyclic() -> Any:
    """Return a list that contains itself."""
    value: list[Any] = [1]
    value.append({"again": value})
    return value


def cyclic_node() -> Node:
    """Return a dataclass instance that contains itself."""
    node = Node("n")
    node.children.append(node)
    return node


@pytest.mark.parametrize(
    ("value", "path", "words"),
    [
        (print, "value", "builtin_function"),
        ({"a": [1, {"b": lambda: 0}]}, "value.a[1].b", "function"),
        ([generator()], "value[0]", "make a list"),
        ({"unit price": threading.Lock()}, "value['unit price']", "lock"),
        ((1, models.Unknown()), "value[1]", "codec.models.Unknown"),
        (Item("a", models.Unknown()), "value.price", "Unknown"),  # type: ignore[arg-type]
        (Order(1, [Item("a"), Item(iter([]))]), "value.items[1].sku", "make a list"),  # type: ignore[arg-type]
        ({models.Unknown()}, "value[*]", "Unknown"),
        ({models.Unknown(): 1}, "value", "its key Unknown()"),
        ({3: models.Unknown()}, "value[3]", "Unknown"),
        ([cyclic()], "value[0][1].again", "contains itself"),
        (cyclic_node(), "value.children[0]", "contains itself"),
        (["ok", "bad \ud800"], "value[1]", "lone surrogate stands at index 4"),
        ({"bad \udfff": 1}, "value", "lone surrogate"),
        (models.FrozenList([1]), "value", "pass list(value)"),
        (UserDict(), "value", "UserDict"),
        (int, "value", "pass its name"),
        (math, "value", "import it"),
        (Path("x"), "value", "pass str(path)"),
        (range(3), "value", "pass list(value)"),
        ({}.keys(), "value", "pass list(value)"),
        (memoryview(b"x"), "value", "pass bytes"),
        (defaultdict(lambda: 0), "value", "dict(value)"),
        (dt.datetime(2024, 1, 1, tzinfo=type("Odd", (dt.tzinfo,), {})()), "value", "time zone"),
        (models.Unset("x"), None, ""),
    ],
)
def test_what_cannot_travel_is_refused_with_its_path(value: Any, path: str, words: str) -> None:
    """The error names where the value stands, what it is, and what to do instead."""
    if path is None:  # a field that is not set, and not an argument, is simply left out
        assert not hasattr(codec.loads(codec.dumps(value)), "later")
        return
    with pytest.raises(codec.CodecError) as caught:
        codec.dumps(value)
    assert caught.value.path == path
    assert words in caught.value.reason
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    with pytest.raises(codec.CodecError, match="^cargo"):
        codec.encode(value, path="cargo")


def test_a_forgotten_await_is_recognised() -> None:
    """A coroutine in place of a value gets the hint that an await is missing."""
    coroutine = asyncio.sleep(0)
    with pytest.raises(codec.CodecError, match="is an `await` missing"):
        codec.dumps({"x": coroutine})
    coroutine.close()


def test_classes_that_cannot_be_found_again_are_refused() -> None:
    """A class inside a function, or shadowed in its module, is refused when it is encoded."""
    from dataclasses import dataclass

    @dataclass
    class Local:
        n: int

    with pytest.raises(codec.CodecError, match="defined inside a function"):
        codec.dumps(Local(1))
    shadowed = dataclass(type("Item", (), {"__module__": models.__name__, "__qualname__": "Item"}))
    with pytest.raises(codec.CodecError, match="cannot be found again"):
        codec.dumps([shadowed()])


def test_shared_parts_are_not_cycles() -> None:
    """The same object in two places is written twice."""
    part = (1,)
    assert codec.loads(codec.dumps([part, part, {"a": part}])) == [(1,), (1,), {"a": (1,)}]


# --- bounds --------------------------------------------------------------------------------------


def nested(depth: int, wrap: Any) -> Any:
    """Return 1 wrapped `depth` times."""
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return value


@pytest.mark.parametrize(
    "wrap",
    [
        lambda v: [v],
        lambda v: {"k": v},
        lambda v: (v,),
        lambda v: {1: v},
        lambda v: frozenset([v]),
        lambda v: Box(v),
    ],
    ids=["list", "dict", "tuple", "pairs", "frozenset", "dataclass"],
)
def test_the_depth_of_nesting_is_bounded(wrap: Any) -> None:
    """The last permitted level comes back; one more, or thousands, is a CodecError."""
    deepest = nested(codec.DEPTH_MAX, wrap)
    assert codec.loads(codec.dumps(deepest)) == deepest
    levels = [codec.DEPTH_MAX + 1]
    if wrap(1) != frozenset([1]):  # (hashing a deep frozenset is itself recursive)
        levels.append(20_000)
    for depth in levels:
        with pytest.raises(codec.CodecError, match="nested more than 100 levels"):
            codec.dumps(nested(depth, wrap))


def test_deep_text_is_refused_without_a_recursion_error() -> None:
    """Text nested beyond what the parser or the decoder can follow is a CodecError."""
    for text in ("[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000):
        with pytest.raises(codec.CodecError, match="nested too deeply"):
            codec.loads(text)
    obj: Any = nested(5_000, lambda v: [v])
    for annotation in (Any, list[Any]):
        with pytest.raises(codec.CodecError, match="nested too deeply"):
            codec.decode(obj, annotation)


def test_a_stack_that_is_nearly_used_up_is_an_error_with_a_path() -> None:
    """Called from deep recursion the codec still answers with a CodecError."""
    value = nested(90, lambda v: (v,))

    def descend() -> None:
        try:
            descend()
        except RecursionError:
            with pytest.raises(codec.CodecError, match="^args: is nested too deeply"):
                codec.dumps(value, path="args")

    descend()


def test_long_paths_are_shortened_in_the_message() -> None:
    """A path of many levels is cut in the sentence and whole in the field."""
    with pytest.raises(codec.CodecError) as caught:
        codec.dumps(nested(90, lambda v: {"level": v if v != 1 else print}))
    assert len(caught.value.path) > 400
    assert len(str(caught.value)) < 400


def test_the_size_limit_counts_bytes() -> None:
    """A value may be as long as the limit in UTF-8, and not one byte longer."""
    text = "é" * 100
    assert codec.dumps(text, max_bytes=202)
    with pytest.raises(codec.SizeExceeded) as caught:
        codec.dumps(text, path="result", max_bytes=201)
    assert (caught.value.size_bytes, caught.value.limit_bytes) == (202, 201)
    assert str(caught.value).startswith("result: is 202 bytes long, the limit is 201")


def test_large_values_travel() -> None:
    """A few megabytes of mixed values come back."""
    rows = [{"id": i, "name": f"row {i}", "tags": ("a", i)} for i in range(20_000)]
    assert codec.loads(codec.dumps(rows)) == rows
    data = bytes(range(256)) * 8_192
    assert codec.loads(codec.dumps(data)) == data


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


@pytest.mark.parametrize(
    ("text", "path", "words"),
    [
        ('{"$":"dataclass","c":"codec.models:Item","f":{}}', "value.sku", "is missing"),
        (
            '[{"$":"dataclass","c":"codec.models:Item","f":{"sku":"a","cuont":1}}]',
            "value[0].cuont",
            "did you mean 'count'",
        ),
        ('{"$":"dataclass","c":"codec.models:Derived","f":{"net":-1}}', "value", "negative"),
        ('{"$":"dataclass","c":"nowhere:X","f":{}}', "value", "nowhere is not imported"),
        ('{"$":"dataclass","c":"codec.models:X","f":{}}', "value", "has no such class"),
        ('{"$":"dataclass","c":"codec.models:Unknown","f":{}}', "value", "is not one"),
        ('{"$":"dataclass","c":"os:system","f":{}}', "value", "no such class"),
        ('{"$":"dataclass","c":"codec.models:Item","f":[1]}', "value", "expected an object"),
        ('{"$":"dataclass","c":7,"f":{}}', "value", "module:Name"),
        ('{"$":"namedtuple","c":"codec.models:Point","f":{"y":1}}', "value.x", "is missing"),
        ('{"$":"namedtuple","c":"codec.models:Point","f":{"z":1}}', "value.z", "no such field"),
        ('{"$":"enum","c":"codec.models:Color","n":"RDE"}', "value", "did you mean 'RED'"),
        ('{"$":"enum","c":"codec.models:Item","n":"RED"}', "value", "is not one"),
        ('{"$":"exception","c":"codec.models:Item","m":""}', "value", "is not one"),
        ('{"$":"exception","c":"builtins:SystemExit","m":""}', "value", "ends a program"),
        ('{"a":{"$":"tuble","v":[]}}', "value.a", "did you mean 'tuple'"),
        ('{"$":5}', "value", "unknown tag"),
        ('{"$":"tuple"}', "value", "'v' is missing"),
        ('{"$":"tuple","v":3}', "value", "expected an array"),
        ('{"$":"tuple","v":[1,{"$":"uuid","v":"x"}]}', "value[1]", "not a valid uuid"),
        ('{"$":"bytes","v":"!"}', "value", "not a valid bytes"),
        ('{"$":"datetime","v":"noon"}', "value", "not a valid datetime"),
        ('{"$":"datetime","v":"2024-01-01T00:00:00","zone":"Mars/Base"}', "value", "Mars/Base"),
        ('{"$":"timedelta","v":[1]}', "value", "not a valid timedelta"),
        ('{"$":"timedelta","v":[1e99,0,0]}', "value", "not a valid timedelta"),
        ('{"$":"decimal","v":"abc"}', "value", "not a valid decimal"),
        ('{"$":"int","v":"zz"}', "value", "not a valid int"),
        ('{"$":"float","v":"1"}', "value", "not a valid float"),
        ('{"$":"set","v":[[1]]}', "value", "unhashable"),
        ('{"$":"dict","v":[[1]]}', "value", "not a valid dict"),
        ('{"$":"defaultdict","of":"eval","v":[]}', "value", "not a valid defaultdict"),
        ("{", "value", "not valid JSON"),
        ("", "value", "not valid JSON"),
        ("NaN", "value", "NaN is not JSON"),
        ("[1] 2", "value", "not valid JSON"),
    ],
)
def test_text_that_is_not_ours_is_refused_with_its_path(text: str, path: str, words: str) -> None:
    """Damaged, foreign or hostile text is a CodecError, whatever is wrong with it."""
    with pytest.raises(codec.CodecError) as caught:
        codec.loads(text)
    assert caught.value.path == path
    assert words in caught.value.reason


def test_bytes_that_are_not_utf8_are_refused() -> None:
    """Undecodable bytes are invalid JSON."""
    with pytest.raises(codec.CodecError, match="not valid JSON"):
        codec.loads(b'"\xff"')


def test_white_space_around_json_is_fine() -> None:
    """Text written by people is read too."""
    assert codec.loads(' \n {"a": [1, 2]} \n') == {"a": [1, 2]}


def test_a_tag_is_recognised_however_it_is_escaped() -> None:
    """The quick look for tags is not fooled by an escaped dollar sign."""
    assert codec.loads('{"\\u0024":"tuple","v":[1]}') == (1,)


# --- calls and people ----------------------------------------------------------------------------


def test_calls_come_back_as_they_were() -> None:
    """The arguments of a call travel by position and by name."""
    args, kwargs = (1, (2,), Item("a")), {"when": WHEN, "$": {"x"}}
    encoded = json.loads(codec.write(codec.encode_call(args, kwargs)))
    assert codec.decode_call(encoded) == (args, kwargs)


def test_an_error_in_a_call_names_the_parameter() -> None:
    """The path begins with the parameter's name where it is known, and the argument's place else."""
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
