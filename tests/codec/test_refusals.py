"""Refusals: what cannot travel, is too deep or too long, or is not ours, each with its path."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
import threading
from collections import UserDict, defaultdict
from pathlib import Path
from typing import Any

import pytest

from flawless import codec
from flawless.codec import _text

from . import models
from .models import Item, Node, Order


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
        (Item("a", models.Unknown()), "value.price", "Unknown"),  # type: ignore[arg-type]  # users do it
        (Order(1, [Item("a"), Item(iter([]))]), "value.items[1].sku", "make a list"),  # type: ignore[arg-type]  # users do it
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
    with pytest.raises(codec.CodecError, match=r"^cargo"):
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
        lambda v: Item(v),
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


def test_depth_is_counted_where_the_parser_cannot_notice_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Inside WebAssembly, deep text is refused before it is parsed, and wide text is not."""
    monkeypatch.setattr(_text, "_STACK_IS_SMALL", True)
    for text in ("[" * 5_000, "[" * 5_000 + "]" * 5_000, '{"[":' * 2_000 + "1" + "}" * 2_000):
        with pytest.raises(codec.CodecError, match="nested too deeply"):
            codec.read(text)
    wide = [{"a[": ["]", {'\\"{': []}]} for _ in range(2_000)]
    assert codec.read(codec.dumps(wide)) == wide
    with pytest.raises(codec.CodecError, match="not valid JSON"):
        codec.read("[]]" * 2_000)


def test_a_stack_that_is_nearly_used_up_is_an_error_with_a_path() -> None:
    """Called from deep recursion the codec still answers with a CodecError."""
    value = nested(90, lambda v: (v,))

    def descend() -> None:
        try:
            descend()
        except RecursionError:
            with pytest.raises(codec.CodecError, match=r"^args: is nested too deeply"):
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
