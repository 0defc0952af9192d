"""Decoders made from annotations: `decoder(list[Order])` is a function from JSON to a list.

An annotation is compiled once, into nested functions, and kept. Everything unknown compiles to
`untag`, the decoder of `Any`.
"""

from __future__ import annotations

import collections
import threading
import types
import typing
from typing import Any

from ._classes import kind_of
from ._containers import MAPPINGS, SEQUENCES, fixed_tuple, key, mapping, sequence
from ._errors import CodecError
from ._hints import alias_value, is_typed_dict, strip
from ._leaves import LEAVES, Decoder, enumeration, exactly, leaf, literal, none, wrong
from ._quick import FACTORIES
from ._shapes import fielded, typed_dict
from .decode import tagged, untag

_COMPILED_MAX = 1024
_compiled: dict[Any, Decoder] = {}


def decoder(annotation: Any) -> Decoder:
    """Return the decoder of an annotation, compiled at first use. Never raises."""
    try:
        # `str | date` and `date | str` are equal but are tried in their own order: hence the repr.
        key = annotation if isinstance(annotation, type) else (annotation, repr(annotation))
        found = _compiled.get(key)
    except Exception:
        return _compile(annotation)
    if found is None:
        if len(_compiled) >= _COMPILED_MAX:
            _compiled.clear()
        found = _compiled[key] = _compile(annotation)
    return found


def _compile(annotation: Any) -> Decoder:
    try:
        return _decoder_of(strip(annotation))
    except Exception:  # a stand-in, or something typing will invent one day
        return untag


def _decoder_of(annotation: Any) -> Decoder:
    if annotation is None or annotation is type(None):
        return leaf("null", type(None), none)
    if isinstance(annotation, type) and annotation in LEAVES:
        return leaf(*LEAVES[annotation])
    origin = typing.get_origin(annotation)
    arguments = typing.get_args(annotation)
    if origin is typing.Union or origin is types.UnionType:
        return _union(arguments)
    if origin is typing.Literal:
        return literal(arguments)
    alias = alias_value(annotation)
    if alias is not None:
        return lambda obj: decoder(alias)(obj)  # made at first use: it may contain itself
    container = origin or annotation
    if not isinstance(container, type):
        return untag
    if container is tuple:
        return _tuple(annotation, arguments)
    if container in SEQUENCES:
        return sequence(*SEQUENCES[container], decoder(arguments[0]) if arguments else untag)
    if container in MAPPINGS:
        return _mapping(MAPPINGS[container], arguments)
    return _class(container, annotation)


def _class(cls: Any, annotation: Any) -> Decoder:
    if is_typed_dict(cls):
        return typed_dict(annotation, decoder)
    kind = kind_of(cls)
    if kind is None:
        return untag
    if kind == "enum":
        return enumeration(cls)
    if kind == "exception":
        return leaf(f"an exception ({cls.__name__})", cls, exactly(cls))
    return fielded(cls, annotation, decoder)


def _tuple(annotation: Any, arguments: tuple[Any, ...]) -> Decoder:
    if annotation is tuple or annotation is typing.Tuple:  # noqa: UP006 (the bare typing.Tuple)
        arguments = (Any, ...)
    if len(arguments) == 2 and arguments[1] is Ellipsis:
        return sequence(*SEQUENCES[tuple], decoder(arguments[0]))
    if any(typing.get_origin(a) is typing.Unpack for a in arguments):
        return sequence(*SEQUENCES[tuple], untag)
    return fixed_tuple([decoder(a) for a in arguments])


def _mapping(cls: Any, arguments: tuple[Any, ...]) -> Decoder:
    if cls is collections.Counter:
        arguments = (*arguments[:1], int)
    decode_key: Decoder = untag
    decode_item: Decoder = untag
    make = cls
    if len(arguments) == 2:
        decode_item = decoder(arguments[1])
        decode_key = decoder(arguments[0])
        if decode_key is not untag and arguments[0] is not str:
            decode_key = key(decode_key)
    if cls is collections.defaultdict:
        values = typing.get_origin(arguments[1]) or arguments[1] if arguments else None
        factory = values if values in FACTORIES.values() else None

        def make(found: Any) -> Any:
            return collections.defaultdict(factory, found)

    return mapping(make, cls, decode_key, decode_item)


# --- several possibilities -------------------------------------------------------------------


def _union(arguments: tuple[Any, ...]) -> Decoder:
    members = [strip(a) for a in arguments]
    plain = (str, int, float, bool, type(None))
    exact = {cls for cls in plain for a in members if a is cls or (a is None and cls is plain[-1])}
    decoders = [decoder(a) for a in members if a is not None and a is not type(None)]
    if untag in decoders:  # Any among them, or something unknown: it takes what nobody else does
        decoders.sort(key=lambda d: d is untag)
    expected = " or ".join(_label(a) for a in members)

    def decode_union(obj: Any) -> Any:
        if type(obj) in exact:
            return obj
        if type(obj) is dict and "$" in obj:
            tagged(obj)  # what is wrong with the tag itself is the better message
        deepest: CodecError | None = None
        for decode_member in decoders:
            try:
                return decode_member(obj)
            except CodecError as error:
                if deepest is None or len(error.path) > len(deepest.path):
                    deepest = error
        if deepest is not None and (deepest.path or len(decoders) == 1):
            raise deepest
        raise wrong(expected, obj)

    return decode_union if len(decoders) < 2 else _once(decode_union)


class _Tried(threading.local):
    """What unions have made of arrays and objects so far, within one decoding."""

    def __init__(self) -> None:
        self.depth = 0
        self.found: dict[Any, tuple[Any, Any, tuple[str, str] | None]] = {}


_tried = _Tried()


def _once(decode_union: Decoder) -> Decoder:
    """Return a decoder that looks at each array and object once.

    A member may fail because of its last field, and the next one looks at the same fields again:
    where they hold unions of the same kind, that would double the work with each level.
    """

    def decode_once(obj: Any) -> Any:
        if type(obj) is not dict and type(obj) is not list:
            return decode_union(obj)
        place = (decode_union, id(obj))
        known = _tried.found.get(place)
        if known is not None:
            if known[2] is not None:
                raise CodecError(*known[2])
            return known[1]
        _tried.depth += 1
        try:
            value = decode_union(obj)
            _tried.found[place] = (obj, value, None)
        except CodecError as error:
            _tried.found[place] = (obj, None, (error.reason, error.path))
            raise
        finally:
            _tried.depth -= 1
            if not _tried.depth:
                _tried.found.clear()
        return value

    return decode_once


def _label(annotation: Any) -> str:
    if annotation is None or annotation is type(None):
        return "null"
    leaf = LEAVES.get(annotation) if isinstance(annotation, type) else None
    if leaf is not None:
        return leaf[0]
    name = annotation.__name__ if isinstance(annotation, type) else repr(annotation)
    return f"a {name}".replace("typing.", "")
