"""Decoders of arrays and objects, made from the decoders of what is in them."""

from __future__ import annotations

import collections
import collections.abc as abc
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from ._errors import CodecError, member
from ._leaves import Decoder, wrong
from .decode import tagged

_INTEGER = re.compile(r"-?[0-9]{1,300}")


def _decode_items(items: Any, decode_item: Decoder) -> list[Any]:
    if type(items) is not list:
        raise wrong("an array", items)
    values: list[Any] = []
    try:
        for item in items:
            values.append(decode_item(item))  # noqa: PERF401 (its length is the path)
    except CodecError as error:
        error.under(f"[{len(values)}]")
        raise
    return values


def sequence(
    label: str, make: Callable[[Any], Any], tags: dict[str, Any], decode_item: Decoder
) -> Decoder:
    """Return the decoder of an array; `tags` has what makes the tagged kinds that fit, too."""

    def decode_sequence(obj: Any) -> Any:
        if type(obj) is list:
            items: Any = obj
            build = make
        elif type(obj) is dict and type(obj.get("$")) is str and obj["$"] in tags:
            items, build = obj.get("v"), tags[obj["$"]]
            if "maxlen" in obj:
                build = partial(build, maxlen=tagged(obj).maxlen)
        else:
            raise wrong(label, obj)
        values = _decode_items(items, decode_item)
        try:
            return build(values)
        except TypeError as error:
            raise CodecError(f"does not fit: {error}") from None

    return decode_sequence


def fixed_tuple(decoders: list[Decoder]) -> Decoder:
    """Return the decoder of a tuple with one decoder for each of its items."""
    count = len(decoders)
    expected = f"an array of {count} item{'' if count == 1 else 's'}"

    def decode_tuple(obj: Any) -> tuple[Any, ...]:
        items = obj.get("v") if type(obj) is dict and obj.get("$") == "tuple" else obj
        if type(items) is not list:
            raise wrong(expected, obj)
        if len(items) != count:
            raise CodecError(f"expected {expected}, got {len(items)}")
        values: list[Any] = []
        try:
            for decode_item, item in zip(decoders, items, strict=True):
                values.append(decode_item(item))
        except CodecError as error:
            error.under(f"[{len(values)}]")
            raise
        return tuple(values)

    return decode_tuple


def mapping(
    make: Callable[[Any], Any], cls: type, decode_key: Decoder, decode_item: Decoder
) -> Decoder:
    """Return the decoder of a dictionary of class `cls`, made by `make` from a plain one."""

    def decode_mapping(obj: Any) -> Any:
        if type(obj) is not dict:
            raise wrong("an object", obj)
        if "$" in obj:
            value = tagged(obj)
            if isinstance(value, cls):
                return value
            raise wrong("an object", obj)
        values = {}
        name = ""
        try:
            for name, item in obj.items():
                key = decode_key(name)
                values[key] = decode_item(item)
        except CodecError as error:
            error.under(member(name))
            raise
        return values if make is dict else make(values)

    return decode_mapping


def key(decode_plain: Decoder) -> Decoder:
    """Return a decoder for the keys of an object: `dict[int, str]` reads `{"1": "one"}`."""

    def decode_key(name: Any) -> Any:
        try:
            return decode_plain(name)
        except CodecError as error:
            if type(name) is str and _INTEGER.fullmatch(name):
                return decode_plain(int(name))
            raise CodecError(f"its key does not fit: {error.reason}") from None

    return decode_key


_TUPLE: dict[str, Any] = {"tuple": tuple, "deque": collections.deque}
_SET: dict[str, Any] = {"set": set, "frozenset": frozenset}
SEQUENCES: dict[Any, tuple[str, Callable[[Any], Any], dict[str, Any]]] = {
    list: ("an array", list, {}),
    tuple: ("an array", tuple, {"tuple": tuple}),
    set: ("an array", set, {"set": set}),
    frozenset: ("an array", frozenset, {"frozenset": frozenset}),
    collections.deque: ("an array", collections.deque, {"deque": collections.deque}),
    abc.Sequence: ("an array", list, _TUPLE),
    abc.MutableSequence: ("an array", list, {"deque": collections.deque}),
    abc.Reversible: ("an array", list, _TUPLE),
    abc.Set: ("an array", set, _SET),
    abc.MutableSet: ("an array", set, {"set": set}),
    abc.Collection: ("an array", list, {**_TUPLE, **_SET}),
    abc.Iterable: ("an array", list, {**_TUPLE, **_SET}),
    abc.Container: ("an array", list, {**_TUPLE, **_SET}),
}
MAPPINGS: dict[Any, type] = {
    dict: dict,
    abc.Mapping: dict,
    abc.MutableMapping: dict,
    collections.OrderedDict: collections.OrderedDict,
    collections.defaultdict: collections.defaultdict,
    collections.Counter: collections.Counter,
}
del _TUPLE, _SET
