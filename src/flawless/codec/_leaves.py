"""Decoders of single values: numbers, text, dates, literals, members of enums."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import uuid
from base64 import b64decode
from collections.abc import Callable
from typing import Any

from ._errors import CodecError, shorten
from .decode import tagged, untag

Decoder = Callable[[Any], Any]
"""JSON, as the parser gives it, to a value; CodecError if it does not fit."""


def wrong(expected: str, obj: Any) -> CodecError:
    """Return the error for JSON of another kind than the annotation wants."""
    if type(obj) is dict and "$" in obj:
        return CodecError(f"expected {expected}, got a {obj['$']}")
    if type(obj) is dict:
        return CodecError(f"expected {expected}, got an object")
    if type(obj) is list:
        return CodecError(f"expected {expected}, got an array")
    shown = {None: "null", True: "true", False: "false"}[obj] if _is_word(obj) else shorten(obj)
    return CodecError(f"expected {expected}, got {shown}")


def _is_word(obj: Any) -> bool:
    return obj is None or type(obj) is bool


def leaf(expected: str, cls: type, convert: Callable[[Any], Any]) -> Decoder:
    """Return a decoder that takes tagged values of `cls`, and plain ones that `convert` takes."""

    def decode_leaf(obj: Any) -> Any:
        if type(obj) is dict and "$" in obj:
            value = tagged(obj)
            if isinstance(value, cls):
                return value
            raise wrong(expected, obj)
        try:
            return convert(obj)
        except (TypeError, ValueError, ArithmeticError):
            raise wrong(expected, obj) from None

    return decode_leaf


def exactly(cls: type) -> Callable[[Any], Any]:
    """Return a conversion that takes instances of `cls` only, as they are."""

    def convert(obj: Any) -> Any:
        if type(obj) is cls:
            return obj
        raise TypeError

    return convert


def none(obj: Any) -> None:
    """Convert null; anything else is a TypeError."""
    if obj is not None:
        raise TypeError


def _float(obj: Any) -> float:
    if type(obj) is float:
        return obj
    if type(obj) is int:
        return float(obj)
    raise TypeError


def _complex(obj: Any) -> complex:
    return complex(_float(obj))


def _string(obj: Any) -> str:
    if type(obj) is str:
        return obj
    raise TypeError


def _decimal(obj: Any) -> decimal.Decimal:
    if type(obj) is float:
        return decimal.Decimal(repr(obj))
    if type(obj) is int or type(obj) is str:
        return decimal.Decimal(obj)
    raise TypeError


def _timedelta(obj: Any) -> dt.timedelta:
    seconds = _float(obj)
    if not math.isfinite(seconds):
        raise ValueError
    return dt.timedelta(seconds=obj)


LEAVES: dict[type, tuple[str, type, Callable[[Any], Any]]] = {
    str: ("a string", str, exactly(str)),
    int: ("an integer", int, exactly(int)),
    float: ("a number", float, _float),
    bool: ("true or false", bool, exactly(bool)),
    complex: ("a number", complex, _complex),
    bytes: ("a base64 string", bytes, lambda obj: b64decode(_string(obj), validate=True)),
    bytearray: (
        "a base64 string",
        bytearray,
        lambda obj: bytearray(b64decode(_string(obj), validate=True)),
    ),
    dt.datetime: (
        "a date and time like '2024-05-01T12:00:00Z'",
        dt.datetime,
        lambda obj: dt.datetime.fromisoformat(_string(obj)),
    ),
    dt.date: (
        "a date like '2024-05-01'",
        dt.date,
        lambda obj: dt.date.fromisoformat(_string(obj)),
    ),
    dt.time: (
        "a time like '12:00:00'",
        dt.time,
        lambda obj: dt.time.fromisoformat(_string(obj)),
    ),
    dt.timedelta: ("a number of seconds", dt.timedelta, _timedelta),
    decimal.Decimal: ("a decimal number like '12.50'", decimal.Decimal, _decimal),
    uuid.UUID: ("a UUID string", uuid.UUID, lambda obj: uuid.UUID(_string(obj))),
}


def literal(values: tuple[Any, ...]) -> Decoder:
    """Return the decoder of `Literal[...]`."""
    expected = "one of " + ", ".join(shorten(_enum_value(v)) for v in values)
    enums = {type(v) for v in values if isinstance(v, enum.Enum)}

    def decode_literal(obj: Any) -> Any:
        value = untag(obj)
        for candidate in values:
            if type(candidate) is type(value) and candidate == value:
                return candidate
        for cls in enums:
            found = _enum_member(cls, obj)
            if found is not None and found in values:
                return found
        raise wrong(expected, obj)

    return decode_literal


def _enum_value(value: Any) -> Any:
    return value.value if isinstance(value, enum.Enum) else value


def _enum_member(cls: Any, obj: Any) -> Any:
    """Return the member with this value, or else this name; None if there is none."""
    for candidate in cls.__members__.values():
        if candidate.value == obj and isinstance(obj, bool) == isinstance(candidate.value, bool):
            return candidate
    if type(obj) is str:
        return cls.__members__.get(obj)
    if type(obj) is int and issubclass(cls, enum.Flag):
        try:
            return cls(obj)
        except ValueError:
            return None
    return None


def enumeration(cls: Any) -> Decoder:
    """Return the decoder of an enum: tagged, by value, or by name."""
    words = [shorten(m.value if _is_json(m.value) else m.name) for m in cls]
    expected = "one of " + ", ".join(words)

    def decode_enum(obj: Any) -> Any:
        if type(obj) is dict and "$" in obj:
            value = tagged(obj)
            if isinstance(value, cls):
                return value
            obj = value
        found = _enum_member(cls, obj)
        if found is None:
            raise wrong(f"{expected} ({cls.__name__})", obj)
        return found

    return decode_enum


def _is_json(value: Any) -> bool:
    return value is None or isinstance(value, (str, int, float, bool))
