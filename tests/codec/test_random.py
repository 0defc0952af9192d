"""Random values: whatever can be built from the kinds that travel arrives as it was."""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import zoneinfo
from collections import deque
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flawless import codec

from .models import Box, Color, Item, Level, Node, Point, Right
from .test_values import identical

# Time is not what is tested here: a busy machine must not fail a test.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

ZONES = st.one_of(
    st.none(),
    st.just(dt.UTC),
    st.builds(dt.timezone, st.timedeltas(dt.timedelta(hours=-23), dt.timedelta(hours=23))),
    st.sampled_from(["Europe/Berlin", "America/St_Johns", "Asia/Kolkata"]).map(zoneinfo.ZoneInfo),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
HASHABLE = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    TEXT,
    st.binary(),
    st.dates(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.sampled_from([*Color, *Level, Right.READ, Right.READ | Right.WRITE]),
    st.datetimes(timezones=ZONES),
    st.times(),
    st.integers(2**1000, 2**1100),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner) | st.dictionaries(TEXT.filter(lambda k: k != "$"), inner),
)  # fmt: skip
VALUES = st.recursive(
    HASHABLE,
    lambda inner: st.one_of(
        st.lists(inner),
        st.lists(inner).map(tuple),
        st.lists(inner).map(deque),
        st.dictionaries(TEXT, inner),
        st.dictionaries(HASHABLE, inner, max_size=4),
        st.dictionaries(st.just("$") | TEXT, inner, max_size=3),
        st.frozensets(HASHABLE, max_size=4),
        st.sets(st.tuples(HASHABLE, HASHABLE), max_size=3),
        st.builds(Item, TEXT, inner, st.integers()),
        st.builds(Box, inner, st.lists(inner, max_size=3)),
        st.builds(Node, TEXT, st.lists(inner, max_size=3)),
        st.builds(Point, inner, inner),
    ),
    max_leaves=20,
)


@given(VALUES)
@patient
def test_any_value_comes_back_identical(value: Any) -> None:
    """Encode, write, parse, decode: equal, and of the same types all the way down."""
    text = codec.dumps(value)
    text.encode("utf-8")
    assert identical(codec.loads(text), value)
    assert codec.dumps(codec.loads(text)) == text


@given(PLAIN)
@patient
def test_any_plain_value_is_written_as_the_json_module_would(value: Any) -> None:
    """Plain values need nothing of ours."""
    text = codec.dumps(value)
    assert text == json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    assert identical(codec.loads(text), value)


@given(VALUES)
@patient
def test_any_value_can_be_shown(value: Any) -> None:
    """The form for people is plain JSON without error."""
    json.dumps(codec.plain(codec.encode(value)), allow_nan=False)


@given(st.sets(HASHABLE, max_size=8), st.randoms())
@patient
def test_sets_are_written_the_same_in_any_order(value: set[Any], random: Any) -> None:
    """The order in which a set was filled does not show."""
    items = list(value)
    random.shuffle(items)
    assert codec.dumps(set(items)) == codec.dumps(value)


@given(st.lists(VALUES, max_size=3), st.dictionaries(TEXT, VALUES, max_size=3))
@patient
def test_any_call_comes_back(args: list[Any], kwargs: dict[str, Any]) -> None:
    """Calls are carried like values."""
    encoded = json.loads(codec.write(codec.encode_call(args, kwargs)))
    positional, named = codec.decode_call(encoded)
    assert identical(list(positional), args)
    assert identical(named, kwargs)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["$", "v", "c", "f", "n", "of", "a", "d", "zone", "maxlen"]), inner
        )
    ),
)
TAGS = st.sampled_from(
    ["tuple", "set", "deque", "dict", "counter", "defaultdict", "datetime", "time", "timedelta",
     "timezone", "enum", "dataclass", "namedtuple", "exception", "float", "int", "complex", "bytes"]
)  # fmt: skip


@given(
    TAGS,
    st.fixed_dictionaries({}, optional=dict.fromkeys(["v", "c", "f", "n", "of", "a", "d"], JSON)),
)
@patient
def test_no_foreign_json_raises_anything_but_a_codec_error(tag: str, obj: dict[str, Any]) -> None:
    """Whatever stands in a tagged object, the answer is a value or a CodecError."""
    for annotation in (Any, set[int], dict[int, Any], dt.datetime, Item | Color | None):
        with contextlib.suppress(codec.CodecError):
            codec.decode({**obj, "$": tag}, annotation)


@patient
@given(st.integers(), st.lists(st.tuples(TEXT, st.floats(allow_nan=False, allow_infinity=False))))
def test_plain_objects_decode_to_what_they_describe(number: int, rows: list[Any]) -> None:
    """The fields of a dataclass as plain JSON are that dataclass again."""
    items = [Item(sku, price, number) for sku, price in rows]
    plain = codec.plain(codec.encode(items))
    assert codec.decode(plain, list[Item]) == items
    prices = {str(i): str(Decimal(repr(item.price))) for i, item in enumerate(items)}
    assert codec.decode(prices, dict[int, Decimal]) == {
        i: Decimal(repr(item.price)) for i, item in enumerate(items)
    }
