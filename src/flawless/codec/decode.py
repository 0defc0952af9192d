"""JSON to Python values: the inverse of `encode`, guided by an annotation where there is one.

Text without a `"$"` is plain JSON, and the C parser's answer is the value. Otherwise every tagged
object is turned into what its tag names. With an annotation, plain JSON is also turned into what
it stands for: an object into a dataclass, a string into a datetime, an array into a set.
"""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from base64 import b64decode
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from typing import Any

from ._classes import find, rebuild
from ._errors import CodecError, class_name, closest, member, shorten
from ._exceptions import new_exception
from ._quick import FACTORIES
from ._text import may_be_tagged, read


def decode(obj: Any, annotation: Any = Any, *, path: str = "value") -> Any:
    """Return the value that a JSON object (as `json.loads` gives it) stands for.

    With an annotation, the result fits it, or `CodecError` says where it does not: tagged values
    are checked, plain JSON is converted. Annotations that cannot be resolved count as `Any`.

    >>> decode([1, 2], set[int])
    {1, 2}
    """
    try:
        if annotation is Any:
            return untag(obj)
        from ._guided import decoder

        return decoder(annotation)(obj)
    except CodecError as error:
        error.under(path)
        raise
    except RecursionError:
        raise CodecError("is nested too deeply for the stack that is left", path) from None


def loads(text: str | bytes, annotation: Any = Any, *, path: str = "value") -> Any:
    """Return the value that JSON text stands for; see `decode`. Invalid JSON is a `CodecError`."""
    obj = read(text, path=path)
    if annotation is Any and not may_be_tagged(text):
        return obj
    return decode(obj, annotation, path=path)


def decode_call(
    obj: Any,
    function: Callable[..., Any] | None = None,
    *,
    path: str = "",
    strict: bool = False,
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Return the positional and the keyword arguments of an encoded call.

    Without `function` the arguments are exactly what the caller passed. With it, an argument that
    is plain JSON is converted to its parameter's annotation where it fits; one that does not fit
    is passed on as it is, as Python does, unless `strict`: then it is a `CodecError`.
    """
    if type(obj) is not dict or type(obj.get("a")) is not list or type(obj.get("k")) is not dict:
        raise CodecError('is not an encoded call: {"a": [...], "k": {...}}', path)
    given: list[Any] = obj["a"]
    named: dict[str, Any] = obj["k"]
    prefix = f"{path}." if path else ""
    if function is None:
        args = tuple([decode(x, path=f"{prefix}args[{i}]") for i, x in enumerate(given)])
        return args, {name: decode(x, path=f"{prefix}{name}") for name, x in named.items()}
    from ._hints import call_of

    call = call_of(function)
    convert = _strict if strict else _lenient
    args = tuple(
        [convert(x, *call.positional(i), prefix=prefix) for i, x in enumerate(given)],
    )
    kwargs = {
        name: convert(x, name, call.keyword(name), prefix=prefix) for name, x in named.items()
    }
    return args, kwargs


def _strict(obj: Any, name: str, annotation: Any, *, prefix: str) -> Any:
    return decode(obj, annotation, path=f"{prefix}{name}")


def _lenient(obj: Any, name: str, annotation: Any, *, prefix: str) -> Any:
    path = f"{prefix}{name}"
    if annotation is Any:
        return decode(obj, path=path)
    try:
        return decode(obj, annotation, path=path)
    except CodecError:
        return decode(obj, path=path)


def decode_exception(obj: Any) -> Exception | None:
    """Return the exception, or None when its class is not imported here or it does not decode."""
    try:
        error = untag(obj)
    except (CodecError, RecursionError):
        return None
    return error if isinstance(error, Exception) else None


# --- tagged objects ----------------------------------------------------------------------------


def untag(obj: Any) -> Any:
    """Return the value of a JSON object without guidance: tags are followed, the rest is kept."""
    cls = type(obj)
    if cls is dict:
        return tagged(obj) if "$" in obj else _members(obj)
    if cls is list:
        return _items(obj)
    return obj


def _items(obj: Any) -> list[Any]:
    if type(obj) is not list:
        raise CodecError(f"expected an array, got {shorten(obj)}")
    values: list[Any] = []
    try:
        for item in obj:
            cls = type(item)
            values.append(untag(item) if cls is dict or cls is list else item)
    except CodecError as error:
        error.under(f"[{len(values)}]")
        raise
    return values


def _members(obj: Any) -> dict[str, Any]:
    if type(obj) is not dict:
        raise CodecError(f"expected an object, got {shorten(obj)}")
    values: dict[str, Any] = {}
    name = ""
    try:
        for name, item in obj.items():
            cls = type(item)
            values[name] = untag(item) if cls is dict or cls is list else item
    except CodecError as error:
        error.under(member(name))
        raise
    return values


def tagged(obj: dict[str, Any]) -> Any:
    """Return the value of an object with a `"$"` key."""
    tag = obj["$"]
    read_tag = _TAGS.get(tag) if type(tag) is str else None
    if read_tag is None:
        hint = closest(tag, list(_TAGS)) if type(tag) is str else ""
        raise CodecError(
            f'has the unknown tag "$": {shorten(tag)}{hint}; an object with a "$" key of its own '
            'is written {"$": "dict", "v": [[key, value], ...]}'
        )
    try:
        return read_tag(obj)
    except CodecError:
        raise
    except KeyError as error:
        raise CodecError(f"is not a valid {tag}: {error} is missing") from None
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise CodecError(f"is not a valid {tag}: {error}") from None


def _pairs(obj: dict[str, Any]) -> dict[Any, Any]:
    values: dict[Any, Any] = {}
    for key, item in obj["v"]:
        name = untag(key)
        try:
            values[name] = untag(item)
        except CodecError as error:
            error.under(member(name) if type(name) is str else f"[{shorten(name)}]")
            raise
    return values


def _text(obj: dict[str, Any]) -> str:
    text = obj["v"]
    if type(text) is not str:
        raise TypeError(f"expected a string, got {shorten(text)}")
    return text


def _zone(obj: dict[str, Any]) -> dt.tzinfo:
    if "zone" in obj:
        import zoneinfo

        try:
            return zoneinfo.ZoneInfo(obj["zone"])
        except (zoneinfo.ZoneInfoNotFoundError, OSError):
            raise CodecError(
                f"needs the time zone {obj['zone']!r}, which is not available here: pass times in "
                "UTC or with a fixed offset, or make the package tzdata importable"
            ) from None
    days, seconds, microseconds = obj["offset"]
    offset = dt.timedelta(days, seconds, microseconds)
    if "name" in obj:
        return dt.timezone(offset, obj["name"])
    return dt.timezone(offset) if offset else dt.UTC


def _datetime(obj: dict[str, Any]) -> Any:
    value = dt.datetime.fromisoformat(_text(obj))
    return _in_zone(obj, value)


def _time(obj: dict[str, Any]) -> Any:
    return _in_zone(obj, dt.time.fromisoformat(_text(obj)))


def _in_zone(obj: dict[str, Any], value: dt.datetime | dt.time) -> dt.datetime | dt.time:
    zone = value.tzinfo
    if "zone" in obj or "offset" in obj:
        zone = _zone(obj)
    elif "name" in obj and zone is not None:
        offset = zone.utcoffset(None)
        assert offset is not None
        zone = dt.timezone(offset, obj["name"])
    return value.replace(tzinfo=zone, fold=obj.get("fold", 0))


def _timedelta(obj: dict[str, Any]) -> dt.timedelta:
    days, seconds, microseconds = obj["v"]
    return dt.timedelta(days, seconds, microseconds)


def _float(obj: dict[str, Any]) -> float:
    if obj["v"] not in ("nan", "inf", "-inf"):
        raise ValueError(f"{shorten(obj['v'])} is not nan, inf or -inf")
    return float(obj["v"])


def _complex(obj: dict[str, Any]) -> complex:
    real, imag = _items(obj["v"])
    return complex(real, imag)


def _enum(obj: dict[str, Any]) -> Any:
    cls: Any = find(obj.get("c"), "enum")
    if "n" not in obj:
        if not issubclass(cls, enum.Flag):
            raise CodecError("is not a valid enum: 'n' is missing")
        return cls(untag(obj["v"]))
    try:
        return cls.__members__[obj["n"]]
    except (KeyError, TypeError):
        hint = closest(str(obj["n"]), list(cls.__members__))
        raise CodecError(f"{class_name(cls)} has no member {shorten(obj['n'])}{hint}") from None


def _fields(obj: dict[str, Any]) -> Any:
    cls = find(obj.get("c"), obj["$"])
    return rebuild(cls, _members(obj["f"]))


def _namedtuple(obj: dict[str, Any]) -> Any:
    cls: Any = find(obj.get("c"), "namedtuple")
    fields = _members(obj["f"])
    for name in fields:
        if name not in cls._fields:
            hint = closest(name, list(cls._fields))
            raise CodecError(f"{class_name(cls)} has no such field{hint}", member(name))
    defaults = cls._field_defaults
    for name in cls._fields:
        if name not in fields and name not in defaults:
            raise CodecError(f"is missing: {class_name(cls)} requires it", member(name))
    return cls._make([fields[n] if n in fields else defaults[n] for n in cls._fields])


def _exception(obj: dict[str, Any]) -> Exception:
    cls: Any = find(obj.get("c"), "exception")
    if not issubclass(cls, Exception):
        raise CodecError(f"{class_name(cls)} ends a program and cannot be carried as a value")
    args = tuple(_items(obj.get("a", [])))
    attributes = _members(obj.get("d", {}))
    error = new_exception(cls, args)
    for name, value in attributes.items():
        try:
            setattr(error, name, value)
        except Exception:  # a read-only property: its dictionary entry is what was encoded
            error.__dict__[name] = value
    return error


_TAGS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "tuple": lambda obj: tuple(_items(obj["v"])),
    "set": lambda obj: set(_items(obj["v"])),
    "frozenset": lambda obj: frozenset(_items(obj["v"])),
    "deque": lambda obj: deque(_items(obj["v"]), obj.get("maxlen")),
    "dict": _pairs,
    "ordereddict": lambda obj: OrderedDict(_pairs(obj)),
    "counter": lambda obj: Counter(_pairs(obj)),
    "defaultdict": lambda obj: defaultdict(
        None if obj["of"] is None else FACTORIES[obj["of"]], _pairs(obj)
    ),
    "bytes": lambda obj: b64decode(_text(obj), validate=True),
    "bytearray": lambda obj: bytearray(b64decode(_text(obj), validate=True)),
    "int": lambda obj: int(_text(obj), 16),
    "float": _float,
    "complex": _complex,
    "datetime": _datetime,
    "time": _time,
    "date": lambda obj: dt.date.fromisoformat(_text(obj)),
    "timedelta": _timedelta,
    "timezone": _zone,
    "decimal": lambda obj: decimal.Decimal(_text(obj)),
    "uuid": lambda obj: uuid.UUID(_text(obj)),
    "enum": _enum,
    "dataclass": _fields,
    "attrs": _fields,
    "namedtuple": _namedtuple,
    "exception": _exception,
}
