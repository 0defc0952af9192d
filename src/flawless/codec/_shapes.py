"""Decoders of classes with fields from plain objects: dataclasses, named tuples, TypedDicts.

The fields' decoders are made when the first value arrives, which is also what makes recursive
classes work.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

from ._classes import construct, kind_of, plan_of
from ._errors import CodecError, class_name, closest, member
from ._hints import constructor_parameters, field_hints, typed_dict_keys
from ._leaves import Decoder, wrong
from .decode import tagged

Compile = Callable[[Any], Decoder]


class _Shape(typing.NamedTuple):
    """The fields of a class as plain JSON gives them."""

    decoders: dict[str, Decoder]
    required: list[str]


def _decode_fields(obj: dict[str, Any], shape: _Shape, owner: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    name = ""
    try:
        for name, item in obj.items():
            decode_field = shape.decoders.get(name)
            if decode_field is None:
                break
            values[name] = decode_field(item)
    except CodecError as error:
        error.under(member(name))
        raise
    if len(values) < len(obj):
        hint = closest(name, list(shape.decoders))
        raise CodecError(f"{owner} has no such field{hint}", member(name))
    for name in shape.required:
        if name not in values:
            raise CodecError(f"is missing: {owner} requires it", member(name))
    return values


def fielded(cls: Any, annotation: Any, compile_: Compile) -> Decoder:
    """Return the decoder of a dataclass, attrs class or named tuple."""
    kind = kind_of(cls)
    owner = class_name(cls)
    shapes: list[_Shape] = []  # filled by the first value

    def decode_class(obj: Any) -> Any:
        if type(obj) is dict and "$" in obj:
            value = tagged(obj)
            if isinstance(value, cls):
                return value
            raise wrong(f"an object ({owner})", obj)
        if not shapes:
            shapes.append(_shape(cls, annotation, compile_))
        if kind == "namedtuple" and type(obj) is list:
            if len(obj) > len(cls._fields):
                raise CodecError(f"expected {len(cls._fields)} items ({owner}), got {len(obj)}")
            obj = dict(zip(cls._fields, obj, strict=False))
        if type(obj) is not dict:
            raise wrong(f"an object ({owner})", obj)
        return construct(cls, _decode_fields(obj, shapes[0], owner))

    return decode_class


def _shape(cls: Any, annotation: Any, compile_: Compile) -> _Shape:
    hints = field_hints(annotation)
    if kind_of(cls) == "namedtuple":
        return _Shape(
            {name: compile_(hints.get(name, Any)) for name in cls._fields},
            [name for name in cls._fields if name not in cls._field_defaults],
        )
    names = {f.argument: f.name for f in plan_of(cls).fields if f.argument is not None}
    decoders: dict[str, Decoder] = {}
    required: list[str] = []
    for p in constructor_parameters(cls).values():
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
            decoders[p.name] = compile_(hints.get(names.get(p.name, p.name), Any))
            if p.default is p.empty:
                required.append(p.name)
    return _Shape(decoders, required)


def typed_dict(annotation: Any, compile_: Compile) -> Decoder:
    """Return the decoder of a TypedDict: exactly its keys."""
    cls = typing.get_origin(annotation) or annotation
    owner = class_name(cls)
    shapes: list[_Shape] = []

    def decode_typed_dict(obj: Any) -> Any:
        if type(obj) is not dict or "$" in obj:
            raise wrong(f"an object ({owner})", obj)
        if not shapes:
            hints = field_hints(annotation)
            decoders = {name: compile_(hint) for name, hint in hints.items()}
            shapes.append(_Shape(decoders, sorted(typed_dict_keys(cls, hints))))
        return _decode_fields(obj, shapes[0], owner)

    return decode_typed_dict
