"""Encoded values as plain JSON for people and other programs, without needing their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ._errors import CodecError

Show = Callable[[Any], Any]

_MISFITS = (LookupError, TypeError, ValueError, AttributeError)


def plain(obj: Any, *, strict: bool = False) -> Any:
    """Return an encoded value without its tags: what `flawless result` and the HTTP API show.

    Objects of classes become objects of their fields, dates their ISO text, sets and tuples
    arrays, an exception `{"type", "message"}`. One way only: `decode` with the right annotation
    reads most of it back. An object that is not what its tag says is shown as it is; with `strict`
    it is a `CodecError`.

    >>> plain({"$": "dataclass", "c": "app:Order", "f": {"id": 7}})
    {'id': 7}
    """
    return _strict(obj) if strict else _lenient(obj)


def _lenient(obj: Any) -> Any:
    if type(obj) is list:
        return [_lenient(item) for item in obj]
    if type(obj) is not dict:
        return obj
    show = _SHOWN.get(obj["$"]) if type(obj.get("$")) is str else None
    if show is None:
        return {name: _lenient(item) for name, item in obj.items()}
    try:
        return show(obj, _lenient)
    except _MISFITS:
        return obj  # somebody else has written it


def _strict(obj: Any) -> Any:
    if type(obj) is list:
        return [_strict(item) for item in obj]
    if type(obj) is not dict:
        return obj
    show = _SHOWN.get(obj["$"]) if type(obj.get("$")) is str else None
    if show is None:
        return {name: _strict(item) for name, item in obj.items()}
    try:
        return show(obj, _strict)
    except CodecError:
        raise  # it is of something within
    except _MISFITS as error:
        raise CodecError(f"is not a valid {obj['$']}: {error}") from None


def _text(obj: dict[str, Any], show: Show) -> Any:
    return obj.get("v")


def _items(obj: dict[str, Any], show: Show) -> Any:
    return show(obj.get("v"))


def _fields(obj: dict[str, Any], show: Show) -> Any:
    return show(obj.get("f"))


def _pairs(obj: dict[str, Any], show: Show) -> Any:
    pairs = [(show(key), show(item)) for key, item in obj["v"]]
    if all(type(key) in (str, int) for key, _ in pairs):
        named = {str(key): item for key, item in pairs}
        if len(named) == len(pairs):
            return named
    return [[key, item] for key, item in pairs]


def _zoned(obj: dict[str, Any], show: Show) -> Any:
    return f"{obj['v']}[{obj['zone']}]" if "zone" in obj else obj["v"]


def _zone(obj: dict[str, Any], show: Show) -> Any:
    if "zone" in obj:
        return obj["zone"]
    days, seconds, _ = _three(obj["offset"])
    minutes = abs(days * 86400 + seconds) // 60
    sign = "-" if days < 0 else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _three(numbers: list[int]) -> list[int]:
    days, seconds, microseconds = numbers
    if not all(type(number) is int and abs(number) < 1e10 for number in numbers):
        raise ValueError("it has three whole numbers")
    return [days, seconds, microseconds]


def _seconds(obj: dict[str, Any], show: Show) -> Any:
    days, seconds, microseconds = _three(obj["v"])
    whole = days * 86400 + seconds
    return whole + microseconds / 1e6 if microseconds else whole


def _enum(obj: dict[str, Any], show: Show) -> Any:
    return obj["n"] if "n" in obj else show(obj.get("v"))


def _exception(obj: dict[str, Any], show: Show) -> Any:
    return {"type": obj["c"].replace(":", ".").removeprefix("builtins."), "message": obj["m"]}


_SHOWN: dict[str, Callable[[dict[str, Any], Show], Any]] = {
    "tuple": _items,
    "set": _items,
    "frozenset": _items,
    "deque": _items,
    "dict": _pairs,
    "ordereddict": _pairs,
    "counter": _pairs,
    "defaultdict": _pairs,
    "bytes": _text,
    "bytearray": _text,
    "int": _text,
    "float": _text,
    "complex": _items,
    "datetime": _zoned,
    "time": _zoned,
    "date": _text,
    "timedelta": _seconds,
    "timezone": _zone,
    "decimal": _text,
    "uuid": _text,
    "enum": _enum,
    "dataclass": _fields,
    "attrs": _fields,
    "namedtuple": _fields,
    "exception": _exception,
}
