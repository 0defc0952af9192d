"""Encoded values as plain JSON for people and other programs, without needing their classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def plain(obj: Any) -> Any:
    """Return an encoded value without its tags: what `flawless result` and the HTTP API show.

    Objects of classes become objects of their fields, dates their ISO text, sets and tuples
    arrays, an exception `{"type", "message"}`. One way only: `decode` with the right annotation
    reads most of it back. An object that is not what its tag says is shown as it is.

    >>> plain({"$": "dataclass", "c": "app:Order", "f": {"id": 7}})
    {'id': 7}
    """
    if type(obj) is list:
        return [plain(item) for item in obj]
    if type(obj) is not dict:
        return obj
    show = _SHOWN.get(obj["$"]) if type(obj.get("$")) is str else None
    if show is not None:
        try:
            return show(obj)
        except (LookupError, TypeError, ValueError, AttributeError):
            return obj  # somebody else has written it, and it is not what its tag says
    return {name: plain(item) for name, item in obj.items()}


def _text(obj: dict[str, Any]) -> Any:
    return obj.get("v")


def _items(obj: dict[str, Any]) -> Any:
    return plain(obj.get("v"))


def _fields(obj: dict[str, Any]) -> Any:
    return plain(obj.get("f"))


def _pairs(obj: dict[str, Any]) -> Any:
    pairs = [(plain(key), plain(item)) for key, item in obj["v"]]
    if all(type(key) in (str, int) for key, _ in pairs):
        named = {str(key): item for key, item in pairs}
        if len(named) == len(pairs):
            return named
    return [[key, item] for key, item in pairs]


def _zoned(obj: dict[str, Any]) -> Any:
    return f"{obj['v']}[{obj['zone']}]" if "zone" in obj else obj["v"]


def _zone(obj: dict[str, Any]) -> Any:
    if "zone" in obj:
        return obj["zone"]
    days, seconds, _ = _three(obj["offset"])
    minutes = abs(days * 86400 + seconds) // 60
    sign = "-" if days < 0 else "+"
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _three(numbers: list[int]) -> list[int]:
    days, seconds, microseconds = numbers
    if not all(type(number) is int and abs(number) < 1e10 for number in numbers):
        raise ValueError
    return [days, seconds, microseconds]


def _seconds(obj: dict[str, Any]) -> Any:
    days, seconds, microseconds = _three(obj["v"])
    whole = days * 86400 + seconds
    return whole + microseconds / 1e6 if microseconds else whole


def _enum(obj: dict[str, Any]) -> Any:
    return obj["n"] if "n" in obj else plain(obj.get("v"))


def _exception(obj: dict[str, Any]) -> Any:
    return {"type": obj["c"].replace(":", ".").removeprefix("builtins."), "message": obj["m"]}


_SHOWN: dict[str, Callable[[dict[str, Any]], Any]] = {
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
