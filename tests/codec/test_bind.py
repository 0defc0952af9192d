"""Plain JSON against a signature: fitted, or refused with the parameter's name."""

from __future__ import annotations

import datetime as dt
import functools
from typing import TYPE_CHECKING, Any

import pytest

from flawless import codec

from .models import Color, Item, Order

if TYPE_CHECKING:
    from nowhere import Missing  # exists for type checkers only


def pay(card: str, cents: int = 100, *, when: dt.date | None = None) -> str:
    """Take a positional, a defaulted and a keyword-only argument."""
    return card


def checkout(order: Order) -> None:
    """Take one object."""


def only(a: int, b: float = 2.0, c: str = "c", /, d: int = 4) -> None:
    """Take positional-only arguments."""


def many(first: int, *rest: Color, **named: Item) -> None:
    """Take any number of arguments."""


def nothing() -> None:
    """Take nothing."""


def untyped(a, b=None):  # type: ignore[no-untyped-def]  # that is the point
    """Have no annotations."""


def partly(known: Item, unknown: Missing, odd: list[Missing] | None = None) -> Missing:
    """Have annotations that do not resolve."""


class Till:
    """Has a method."""

    def take(self, item: Item) -> None:
        """Take an item."""


@functools.wraps(pay)
def wrapped(*args: Any, **kwargs: Any) -> Any:
    """Stand for a decorated function."""
    return pay(*args, **kwargs)


ITEM = {"sku": "a"}


@pytest.mark.parametrize(
    ("function", "input", "args", "kwargs"),
    [
        (pay, {"card": "visa"}, (), {"card": "visa"}),
        (pay, {"cents": 5, "card": "v"}, (), {"card": "v", "cents": 5}),
        (pay, ["visa"], ("visa",), {}),
        (pay, ["visa", 3], ("visa", 3), {}),
        (pay, {"card": "v", "when": "2024-01-02"}, (),
         {"card": "v", "when": dt.date(2024, 1, 2)}),
        (pay, {"card": "v", "when": None}, (), {"card": "v", "when": None}),
        (wrapped, {"card": "v", "when": "2024-01-02"}, (),
         {"card": "v", "when": dt.date(2024, 1, 2)}),
        (checkout, {"order": {"id": 1, "items": [ITEM]}}, (), {"order": Order(1, [Item("a")])}),
        (checkout, [{"id": 1, "items": [ITEM]}], (Order(1, [Item("a")]),), {}),
        (only, {"a": 1}, (1,), {}),
        (only, {"a": 1, "c": "x"}, (1, 2.0, "x"), {}),
        (only, {"a": 1, "d": 5}, (1,), {"d": 5}),
        (only, [1, 2, "x", 5], (1, 2.0, "x", 5), {}),
        (many, [1, "red", "GREEN"], (1, Color.RED, Color.GREEN), {}),
        (many, {"first": 1, "x": ITEM}, (), {"first": 1, "x": Item("a")}),
        (nothing, None, (), {}),
        (nothing, {}, (), {}),
        (nothing, [], (), {}),
        (untyped, [{"x": [1]}], ({"x": [1]},), {}),
        (untyped, {"a": {"$": "tuple", "v": [1]}}, (), {"a": (1,)}),
        (partly, [ITEM, {"free": 1}, [1]], (Item("a"), {"free": 1}, [1]), {}),
        (Till().take, [ITEM], (Item("a"),), {}),
        (Item, {"sku": "a", "price": 1}, (), {"sku": "a", "price": 1.0}),
    ],
)  # fmt: skip
def test_input_is_fitted_to_the_signature(
    function: Any,
    input: Any,  # noqa: A002 (the word of `bind`)
    args: Any,
    kwargs: Any,
) -> None:
    """Objects give keyword arguments, arrays positional ones; defaults stay the function's."""
    got = codec.bind(function, input)
    assert got == (args, kwargs)
    assert list(map(type, got[0])) == list(map(type, args))
    function(*got[0], **got[1])


@pytest.mark.parametrize(
    ("function", "input", "path", "words"),
    [
        (pay, None, "card", "is missing"),
        (pay, {}, "card", "is missing"),
        (pay, {"cents": 1}, "card", "is missing"),
        (pay, [], "card", "is missing"),
        (pay, {"crad": "v"}, "crad", "did you mean 'card'"),
        (pay, {"card": "v", "zzz": 1}, "zzz", "it takes card, cents, when"),
        (pay, ["v", 1, "2024-01-01"], "input[2]", "at most 2 positional arguments (card, cents)"),
        (pay, ["v", "x"], "cents", "expected an integer, got 'x'"),
        (pay, {"card": 7}, "card", "expected a string, got 7"),
        (pay, {"card": "v", "when": "soon"}, "when", "expected a date like"),
        (pay, "visa", "input", "expected an object (keyword arguments) or an array"),
        (pay, 3, "input", "int"),
        (
            checkout,
            {"order": {"id": 1, "items": [ITEM, ITEM, {"sku": "c", "price": "x"}]}},
            "order.items[2].price",
            "expected a number",
        ),
        (checkout, {"id": 1, "items": []}, "id", 'Then write {"order": ...}'),
        (checkout, {"order": {"id": 1, "itms": []}}, "order.itms", "did you mean 'items'"),
        (only, {}, "a", "is missing"),
        (many, [1, "blue"], "rest[0]", "expected one of"),
        (many, {"first": 1, "x": {}}, "x.sku", "is missing"),
        (nothing, [1], "input[0]", "takes no positional arguments"),
        (nothing, {"a": 1}, "a", "it takes no arguments"),
        (partly, [{"sku": 1}, 2], "known.sku", "expected a string"),
        (lambda *, key: None, [], "key", "only be given by name"),
    ],
)
def test_input_that_does_not_fit_names_the_parameter(
    function: Any,
    input: Any,  # noqa: A002 (the word of `bind`)
    path: str,
    words: str,
) -> None:
    """Missing, unexpected, too many, wrong type: each with the path and what to do."""
    with pytest.raises(codec.CodecError) as caught:
        codec.bind(function, input)
    assert caught.value.path == path
    assert words in caught.value.reason


def test_bound_input_travels_as_a_call() -> None:
    """What bind returns can be encoded as a call and arrives in the guest the same."""
    args, kwargs = codec.bind(checkout, {"order": {"id": 1, "items": [ITEM]}})
    encoded = codec.encode_call(args, kwargs)
    assert codec.decode_call(encoded) == (args, kwargs)
    assert codec.decode_call(encoded, checkout) == (args, kwargs)


def test_a_call_is_guided_but_not_refused() -> None:
    """Plain JSON is converted where it fits; what does not fit passes, as Python does."""
    guided = codec.decode_call({"a": [{"id": 1, "items": [ITEM]}], "k": {}}, checkout)
    assert guided == ((Order(1, [Item("a")]),), {})
    sloppy = codec.decode_call({"a": [None], "k": {"when": "soon", "odd": 1}}, pay)
    assert sloppy == ((None,), {"when": "soon", "odd": 1})
    with pytest.raises(codec.CodecError, match=r"^call\.card: .*unknown tag"):
        codec.decode_call({"a": [{"$": "?"}], "k": {}}, pay, path="call")


def test_a_callable_without_signature_takes_anything() -> None:
    """A callable that does not tell its parameters is not checked."""

    class Hidden:
        __signature__ = "none"
        __hash__ = None  # type: ignore[assignment]  # unhashable

        def __call__(self, *args: Any) -> None: ...

    assert codec.bind(Hidden(), [1, "a"]) == ((1, "a"), {})
