"""The thorough way to encode: any value, with a record of the way to it for the error."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import math
import sys
import uuid
from base64 import b64encode
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Any

from ._classes import kind_of, reference, take_apart
from ._errors import CodecError, class_name, member, shorten
from ._exceptions import arguments, attributes, printed, raw_reference
from ._quick import DEPTH_MAX, FACTORIES, INT_BOUND
from ._refusals import refusal
from ._text import write


class Encoder:
    """One encoding under way. `active` holds the containers around the current value."""

    __slots__ = ("active",)

    def __init__(self) -> None:
        self.active: set[int] = set()

    def encode(self, value: Any) -> Any:
        write_class = _ENCODERS.get(type(value))
        return self._object(value) if write_class is None else write_class(self, value)

    def _enter(self, value: Any) -> None:
        if id(value) in self.active:
            raise CodecError("contains itself; a cyclic structure cannot be carried")
        if len(self.active) >= DEPTH_MAX:
            raise CodecError(f"is nested more than {DEPTH_MAX} levels deep: flatten it")
        self.active.add(id(value))

    def _items(self, value: Any, items: Iterable[Any]) -> list[Any]:
        self._enter(value)
        encoded: list[Any] = []
        try:
            for item in items:
                encoded.append(self.encode(item))  # noqa: PERF401 (its length is the path)
        except CodecError as error:
            error.under(f"[{len(encoded)}]")
            raise
        self.active.discard(id(value))
        return encoded

    def _members(self, value: Any, members: dict[str, Any]) -> dict[str, Any]:
        self._enter(value)
        encoded: dict[str, Any] = {}
        name = ""
        try:
            for name, item in members.items():
                encoded[name] = self.encode(item)
        except CodecError as error:
            error.under(member(name))
            raise
        self.active.discard(id(value))
        return encoded

    def _str(self, value: str) -> str:
        try:
            value.encode()
        except UnicodeEncodeError as error:
            raise CodecError(
                f"is not valid text: a lone surrogate stands at index {error.start}; undecoded "
                "bytes travel as bytes"
            ) from None
        return value

    def _int(self, value: int) -> Any:
        if -INT_BOUND < value < INT_BOUND:
            return value
        return {"$": "int", "v": hex(value)}

    def _float(self, value: float) -> Any:
        return value if math.isfinite(value) else {"$": "float", "v": repr(value)}

    def _list(self, value: list[Any]) -> Any:
        return self._items(value, value)

    def _tuple(self, value: tuple[Any, ...]) -> Any:
        return {"$": "tuple", "v": self._items(value, value)}

    def _deque(self, value: deque[Any]) -> Any:
        encoded: dict[str, Any] = {"$": "deque", "v": self._items(value, value)}
        if value.maxlen is not None:
            encoded["maxlen"] = value.maxlen
        return encoded

    def _set(self, value: Any) -> Any:
        self._enter(value)
        encoded: list[Any] = []
        try:
            for item in value:
                encoded.append(self.encode(item))  # noqa: PERF401 (the error gets a path)
        except CodecError as error:
            error.under("[*]")
            raise
        self.active.discard(id(value))
        encoded.sort(key=write)
        return {"$": type(value).__name__, "v": encoded}

    def _dict(self, value: dict[Any, Any]) -> Any:
        for key in value:
            if type(key) is not str or key == "$":
                return {"$": "dict", "v": self._pairs(value)}
        for key in value:
            if not key.isascii():
                self._key(key)
        return self._members(value, value)

    def _pairs(self, value: dict[Any, Any]) -> list[Any]:
        self._enter(value)
        encoded: list[Any] = []
        for key, item in value.items():
            written = self._key(key)
            try:
                encoded.append([written, self.encode(item)])
            except CodecError as error:
                error.under(member(key) if type(key) is str else f"[{shorten(key)}]")
                raise
        self.active.discard(id(value))
        return encoded

    def _key(self, key: Any) -> Any:
        try:
            return self.encode(key)
        except CodecError as error:
            error.path, error.reason = "", f"its key {shorten(key)} {error.reason}"
            raise error.under("") from None

    def _counter(self, value: Counter[Any]) -> Any:
        return {"$": "counter", "v": self._pairs(value)}

    def _ordered(self, value: OrderedDict[Any, Any]) -> Any:
        return {"$": "ordereddict", "v": self._pairs(value)}

    def _defaultdict(self, value: defaultdict[Any, Any]) -> Any:
        factory = value.default_factory
        name = getattr(factory, "__name__", None)
        if factory is not None and FACTORIES.get(str(name)) is not factory:
            raise CodecError(
                "is a defaultdict with a function of its own, which cannot be carried: pass "
                "dict(value)"
            )
        return {"$": "defaultdict", "of": name, "v": self._pairs(value)}

    def _bytes(self, value: bytes | bytearray) -> Any:
        return {"$": type(value).__name__, "v": b64encode(value).decode("ascii")}

    def _complex(self, value: complex) -> Any:
        return {"$": "complex", "v": [self._float(value.real), self._float(value.imag)]}

    def _datetime(self, value: dt.datetime | dt.time) -> Any:
        zone = self._zone(value.tzinfo)
        if "offset" in zone and zone["offset"][2] == 0:
            del zone["offset"]  # the text has it; Python misreads fractions of seconds in one
        elif zone:
            value = value.replace(tzinfo=None)
        encoded: dict[str, Any] = {"$": type(value).__name__, "v": value.isoformat()}
        encoded.update(zone)
        if value.fold:
            encoded["fold"] = value.fold
        return encoded

    def _zone(self, zone: Any) -> dict[str, Any]:
        if zone is None:
            return {}
        if type(zone) is dt.timezone:
            offset = zone.utcoffset(None)
            encoded: dict[str, Any] = {"offset": [offset.days, offset.seconds, offset.microseconds]}
            if zone.tzname(None) != dt.timezone(offset).tzname(None):
                encoded["name"] = self._str(zone.tzname(None))
            return encoded
        zoneinfo = sys.modules.get("zoneinfo")
        if zoneinfo is not None and type(zone) is zoneinfo.ZoneInfo and zone.key is not None:
            return {"zone": zone.key}
        raise CodecError(
            f"has a time zone of class {class_name(type(zone))}, which cannot be carried: use "
            "datetime.timezone or zoneinfo.ZoneInfo"
        )

    def _date(self, value: dt.date) -> Any:
        return {"$": "date", "v": value.isoformat()}

    def _timedelta(self, value: dt.timedelta) -> Any:
        return {"$": "timedelta", "v": [value.days, value.seconds, value.microseconds]}

    def _timezone(self, value: dt.timezone) -> Any:
        return {"$": "timezone", **self._zone(value)}

    def _decimal(self, value: decimal.Decimal) -> Any:
        return {"$": "decimal", "v": str(value)}

    def _uuid(self, value: uuid.UUID) -> Any:
        return {"$": "uuid", "v": str(value)}

    def _object(self, value: Any) -> Any:
        cls: Any = type(value)
        kind = kind_of(cls)
        if kind == "dataclass" or kind == "attrs":
            ref = reference(cls)
            return {"$": kind, "c": ref, "f": self._members(value, take_apart(value, cls))}
        if kind == "enum":
            ref = reference(cls)
            if isinstance(value, enum.Flag):
                return {"$": "enum", "c": ref, "v": self._int(value.value)}
            return {"$": "enum", "c": ref, "n": value.name}
        if kind == "namedtuple":
            fields = dict(zip(cls._fields, value, strict=True))
            return {"$": kind, "c": reference(cls), "f": self._members(value, fields)}
        if kind == "exception":
            reference(cls)
            return self.exception(value)
        zoneinfo = sys.modules.get("zoneinfo")
        if zoneinfo is not None and cls is zoneinfo.ZoneInfo:
            return {"$": "timezone", **self._zone(value)}
        raise CodecError(refusal(value))

    # --- exceptions: as much as can be carried ---

    def exception(self, error: BaseException) -> dict[str, Any]:
        encoded: dict[str, Any] = {
            "$": "exception",
            "c": raw_reference(type(error)),
            "m": printed(error),
        }
        if id(error) in self.active or len(self.active) >= DEPTH_MAX:
            encoded["a"] = [encoded["m"]]
            return encoded
        self.active.add(id(error))
        encoded["a"] = [self._lenient(item) for item in arguments(error)]
        kept = {}
        for name, item in attributes(error).items():
            try:
                kept[self._str(name)] = self._strict(item)
            except CodecError:
                continue
        if kept:
            encoded["d"] = kept
        self.active.discard(id(error))
        return encoded

    def _strict(self, value: Any) -> Any:
        """Encode; when that fails, leave `active` as it was."""
        active = set(self.active)
        try:
            return self.encode(value)
        except CodecError:
            self.active = active
            raise

    def _lenient(self, value: Any) -> Any:
        try:
            return self._strict(value)
        except CodecError:
            return printed(value)


_ENCODERS: dict[type, Callable[[Encoder, Any], Any]] = {
    type(None): lambda _, value: value,
    bool: lambda _, value: value,
    str: Encoder._str,
    int: Encoder._int,
    float: Encoder._float,
    list: Encoder._list,
    dict: Encoder._dict,
    tuple: Encoder._tuple,
    set: Encoder._set,
    frozenset: Encoder._set,
    deque: Encoder._deque,
    Counter: Encoder._counter,
    OrderedDict: Encoder._ordered,
    defaultdict: Encoder._defaultdict,
    bytes: Encoder._bytes,
    bytearray: Encoder._bytes,
    complex: Encoder._complex,
    dt.datetime: Encoder._datetime,
    dt.time: Encoder._datetime,
    dt.date: Encoder._date,
    dt.timedelta: Encoder._timedelta,
    dt.timezone: Encoder._timezone,
    decimal.Decimal: Encoder._decimal,
    uuid.UUID: Encoder._uuid,
}
