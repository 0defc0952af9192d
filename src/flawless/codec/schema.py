"""JSON Schema (draft 2020-12) of annotations: what plain JSON input looks like."""

from __future__ import annotations

import collections
import collections.abc as abc
import datetime as dt
import decimal
import enum
import inspect
import types
import typing
import uuid
from collections.abc import Callable
from typing import Any

from ._classes import kind_of, plan_of
from ._hints import (
    alias_value,
    call_of,
    constructor_parameters,
    field_hints,
    is_typed_dict,
    strip,
    typed_dict_keys,
)
from ._quick import DEPTH_MAX, is_plain

_LEAVES: dict[Any, dict[str, Any]] = {
    type(None): {"type": "null"},
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "contentEncoding": "base64"},
    bytearray: {"type": "string", "contentEncoding": "base64"},
    dt.datetime: {"type": "string", "format": "date-time"},
    dt.date: {"type": "string", "format": "date"},
    dt.time: {"type": "string", "format": "time"},
    dt.timedelta: {"type": "number", "description": "seconds"},
    decimal.Decimal: {"type": ["string", "number"], "format": "decimal"},
    uuid.UUID: {"type": "string", "format": "uuid"},
}
_ARRAYS = (
    list,
    tuple,
    collections.deque,
    abc.Sequence,
    abc.MutableSequence,
    abc.Reversible,
    abc.Collection,
    abc.Iterable,
    abc.Container,
)
_SETS = (set, frozenset, abc.Set, abc.MutableSet)
_OBJECTS = (
    dict,
    collections.OrderedDict,
    collections.defaultdict,
    collections.Counter,
    abc.Mapping,
    abc.MutableMapping,
)


def schema(annotation: Any) -> dict[str, Any]:
    """Return the JSON Schema of the plain JSON that decodes to an annotation.

    Classes with fields stand under `$defs`, the outermost one in place unless it refers to itself.
    An annotation that cannot be resolved gives `{}`: anything. Never raises.

    >>> schema(list[int])
    {'type': 'array', 'items': {'type': 'integer'}}
    """
    builder = _Builder()
    root = builder.of(annotation)
    own = root.get("$ref", "").removeprefix("#/$defs/")
    if own and len(root) == 1 and builder.references[own] == 1:
        root = builder.definitions.pop(own)
    if builder.definitions:
        root = {**root, "$defs": builder.definitions}
    return root


def describe_call(function: Callable[..., Any]) -> dict[str, Any]:
    """Return `{"parameters": [...], "returns": {...}}` of a function, as `describe` answers it.

    Each parameter has `name`, `kind`, `required`, `annotation` (as written) and `schema`.
    """
    call = call_of(function)
    parameters = [
        {
            "name": p.name,
            "kind": p.kind.name.lower(),
            "required": p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD),
            "annotation": written(p.annotation),
            "schema": _with_default(schema(call.hints.get(p.name, Any)), p.default),
        }
        for p in call.signature.parameters.values()
    ]
    returns = {
        "annotation": written(call.signature.return_annotation),
        "schema": schema(call.hints.get("return", Any)),
    }
    return {"parameters": parameters, "returns": returns}


def written(annotation: Any) -> str:
    """Return an annotation as its author wrote it, or nearly; empty if there is none."""
    if annotation is inspect.Parameter.empty:
        return ""
    if isinstance(annotation, str):
        return annotation
    forward = getattr(annotation, "__forward_arg__", None)
    if isinstance(forward, str):
        return forward
    try:
        return inspect.formatannotation(annotation).replace("typing.", "")
    except Exception:
        return "?"


def _with_default(found: dict[str, Any], default: Any) -> dict[str, Any]:
    if default is inspect.Parameter.empty:
        return found
    if isinstance(default, enum.Enum):
        default = default.value
    try:
        return {**found, "default": default} if is_plain(default, DEPTH_MAX) else found
    except RecursionError:
        return found


class _Builder:
    def __init__(self) -> None:
        self.definitions: dict[str, dict[str, Any]] = {}
        self.references: collections.Counter[str] = collections.Counter()
        self.names: dict[Any, str] = {}

    def of(self, annotation: Any) -> dict[str, Any]:
        try:
            found = self._of(strip(annotation))
            note = _note(annotation)
        except Exception:
            return {}
        return {**found, "description": note} if note else found

    def _of(self, annotation: Any) -> dict[str, Any]:
        if annotation is None:
            return {"type": "null"}
        if isinstance(annotation, type):
            leaf = _LEAVES.get(annotation)
            if leaf is not None:
                return dict(leaf)
        origin = typing.get_origin(annotation)
        arguments = typing.get_args(annotation)
        if origin is typing.Union or origin is types.UnionType:
            return self._union(arguments)
        if origin is typing.Literal:
            return {"enum": [v.value if isinstance(v, enum.Enum) else v for v in arguments]}
        alias = alias_value(annotation)
        if alias is not None:
            return self._named(annotation, lambda: self.of(alias))
        container = origin or annotation
        if not isinstance(container, type):
            return {}
        if origin is tuple and annotation is not typing.Tuple:  # noqa: UP006 (the bare typing.Tuple)
            return self._tuple(arguments)
        if container in _ARRAYS:
            return self._array(arguments)
        if container in _SETS:
            return {**self._array(arguments), "uniqueItems": True}
        if container in _OBJECTS:
            return self._object(container, arguments)
        return self._class(container, annotation)

    def _union(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        found: list[dict[str, Any]] = []
        for argument in arguments:
            option = self.of(argument)
            if not option:
                return {}
            if option not in found:
                found.append(option)
        return found[0] if len(found) == 1 else {"anyOf": found}

    def _array(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        items = self.of(arguments[0]) if arguments else {}
        return {"type": "array", "items": items} if items else {"type": "array"}

    def _tuple(self, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return self._array(arguments)
        if any(typing.get_origin(a) is typing.Unpack for a in arguments):
            return {"type": "array"}
        count = len(arguments)
        found: dict[str, Any] = {"type": "array", "minItems": count, "maxItems": count}
        if count:
            found["prefixItems"] = [self.of(a) for a in arguments]
        return found

    def _object(self, container: Any, arguments: tuple[Any, ...]) -> dict[str, Any]:
        if container is collections.Counter:
            arguments = (*arguments[:1], int)
        found: dict[str, Any] = {"type": "object"}
        values = self.of(arguments[1]) if len(arguments) > 1 else {}
        if values:
            found["additionalProperties"] = values
        return found

    def _class(self, cls: Any, annotation: Any) -> dict[str, Any]:
        if is_typed_dict(cls):
            return self._named(annotation, lambda: self._typed_dict(cls, annotation))
        kind = kind_of(cls)
        if kind == "enum":
            return self._enum(cls)
        if kind in ("dataclass", "attrs", "namedtuple"):
            return self._named(annotation, lambda: self._fields(cls, annotation))
        return {}

    def _enum(self, cls: Any) -> dict[str, Any]:
        if issubclass(cls, enum.Flag):
            return {"type": "integer", "title": cls.__name__}
        values = [m.value if is_plain(m.value, DEPTH_MAX) else m.name for m in cls]
        return {"title": cls.__name__, "enum": values}

    def _named(self, key: Any, build: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        name = self.names.get(key)
        if name is None:
            name = wanted = _definition_name(key)
            number = 1
            while name in self.definitions:
                number += 1
                name = f"{wanted}_{number}"
            self.names[key] = name
            self.definitions[name] = {}
            self.definitions[name] = build()
        self.references[name] += 1
        return {"$ref": f"#/$defs/{name}"}

    def _fields(self, cls: Any, annotation: Any) -> dict[str, Any]:
        hints = field_hints(annotation)
        if kind_of(cls) == "namedtuple":
            names = dict(zip(cls._fields, cls._fields, strict=True))
        else:
            names = {f.argument: f.name for f in plan_of(cls).fields if f.argument is not None}
        properties: dict[str, Any] = {}
        required: list[str] = []
        for p in constructor_parameters(cls).values():
            if p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY):
                continue
            found = self.of(hints.get(names.get(p.name, p.name), Any))
            properties[p.name] = _with_default(found, p.default)
            if p.default is p.empty:
                required.append(p.name)
        return _object_schema(cls, properties, required)

    def _typed_dict(self, cls: Any, annotation: Any) -> dict[str, Any]:
        hints = field_hints(annotation)
        properties = {name: self.of(hint) for name, hint in hints.items()}
        required = typed_dict_keys(cls, hints)
        return _object_schema(cls, properties, [name for name in properties if name in required])


def _object_schema(cls: Any, properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "object", "title": cls.__name__}
    doc = cls.__dict__.get("__doc__")
    if isinstance(doc, str) and not doc.startswith(f"{cls.__name__}("):
        found["description"] = inspect.cleandoc(doc)
    found["properties"] = properties
    if required:
        found["required"] = required
    found["additionalProperties"] = False
    return found


def _definition_name(key: Any) -> str:
    name = getattr(typing.get_origin(key) or key, "__name__", "Definition")
    inner = [getattr(a, "__name__", "") for a in typing.get_args(key)]
    return "_".join([name, *(part for part in inner if part)])


def _note(annotation: Any) -> str:
    """Return the text in `Annotated[int, "in cents"]`."""
    if typing.get_origin(annotation) is typing.Annotated:
        for extra in annotation.__metadata__:
            if isinstance(extra, str):
                return extra
            documentation = getattr(extra, "documentation", None)
            if isinstance(documentation, str):
                return documentation
    return ""
