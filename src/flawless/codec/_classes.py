"""What the codec knows about user classes: their name in a tag, their fields, how to rebuild one.

Only five kinds of classes travel: dataclasses, attrs classes, named tuples, enums and exceptions.
A tag names its class as `module:qualname`; the name is looked up among modules that are imported
already, never imported for it, so a message cannot make a process run code it has not chosen to.

Classes are inspected through their own dictionaries, never with `hasattr`: inside the guest a
class may be the stand-in of a native library, which answers any attribute.
"""

from __future__ import annotations

import dataclasses
import enum
import inspect
import sys
from functools import lru_cache
from typing import Any, Literal, NamedTuple

from ._errors import CodecError, class_name, closest, member

_CACHED_CLASSES_MAX = 4096
_PLAIN_BASES = (str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset)
_UNSET: Any = object()
_PROGRAM = ("__main__", "__mp_main__")

pins: dict[str, Any] = {}
"""Modules whose classes are meant, whatever `sys.modules` holds under their names; see `pinned`."""

Kind = Literal["dataclass", "attrs", "namedtuple", "enum", "exception"]


class Field(NamedTuple):
    """One field of a class that has fields."""

    name: str
    argument: str | None  # its name in the constructor; None: not an argument
    required: bool


class Plan(NamedTuple):
    """How the instances of one class that has fields are taken apart and rebuilt."""

    fields: tuple[Field, ...]
    names: frozenset[str]
    constructible: bool  # the constructor needs nothing but the fields


def _own(cls: type, name: str) -> Any:
    """Return a class attribute without asking metaclasses or `__getattr__`."""
    for base in type.__dict__["__mro__"].__get__(cls):
        if name in base.__dict__:
            return base.__dict__[name]
    return None


@lru_cache(_CACHED_CLASSES_MAX)
def kind_of(cls: Any) -> Kind | None:
    """Return which of the five kinds a class is, or None."""
    if issubclass(cls, enum.Enum):
        return "enum"
    if issubclass(cls, BaseException):
        return "exception"
    if issubclass(cls, tuple):
        names = _own(cls, "_fields")
        named = isinstance(names, tuple) and all(type(name) is str for name in names)
        return "namedtuple" if named else None
    if issubclass(cls, _PLAIN_BASES):
        return None
    if isinstance(_own(cls, "__dataclass_fields__"), dict):
        return "dataclass"
    if isinstance(_own(cls, "__attrs_attrs__"), tuple):
        return "attrs"
    return None


@lru_cache(_CACHED_CLASSES_MAX)
def reference(cls: Any) -> str:
    """Return the name of a class in a tag; CodecError if it could not be found again by it."""
    module, name = public_module(cls.__module__), cls.__qualname__
    if "<locals>" in name:
        raise CodecError(
            f"its class {cls.__name__} is defined inside a function, where nothing else can find "
            "it: move the class to the top of its module"
        )
    if _lookup(module, name) is not cls:
        raise CodecError(
            f"its class cannot be found again: {module}.{name} is not there or is another object"
        )
    return f"{module}:{name}"


def find(ref: Any, kind: Kind) -> type:
    """Return the class a tag names; CodecError if it is not imported here or of another kind."""
    if type(ref) is not str or ":" not in ref:
        raise CodecError(f"is not a valid {kind}: its class must be given as 'module:Name'")
    module, _, name = ref.partition(":")
    found = _lookup(module, name)
    if not isinstance(found, type):
        missing = "has no such class" if module in sys.modules else "is not imported here"
        raise CodecError(f"is a {module}.{name}, but the module {module} {missing}")
    if kind_of(found) != kind:
        raise CodecError(f"is tagged as {kind}, but {module}.{name} is not one")
    return found


def public_module(name: str) -> str:
    """Return the name that all sides know a module by: for a program, its file's name.

    The guest imports as `app` what runs natively as `__main__`, and as `__mp_main__` in the worker
    processes of multiprocessing.
    """
    if name not in _PROGRAM:
        return name
    program = sys.modules.get(name)
    spec = getattr(program, "__spec__", None)
    if spec is not None and spec.name not in _PROGRAM:
        return str(spec.name)  # python -m package.app
    file = getattr(program, "__file__", None)
    if not isinstance(file, str):
        return name
    base = file.replace("\\", "/").rpartition("/")[2]
    return base.removesuffix(".py")


def _lookup(module: str, name: str) -> Any:
    found: Any = pins.get(module) or sys.modules.get(module)
    if found is None and module == public_module("__main__"):
        found = sys.modules.get("__main__")
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


@lru_cache(_CACHED_CLASSES_MAX)
def plan_of(cls: Any) -> Plan:
    """Return the plan of a dataclass or attrs class."""
    if kind_of(cls) == "dataclass":
        fields = tuple(
            Field(
                f.name,
                f.name if f.init else None,
                f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING,
            )
            for f in dataclasses.fields(cls)
        )
    else:
        fields = tuple(_attrs_field(a) for a in _own(cls, "__attrs_attrs__"))
    return Plan(fields, frozenset(f.name for f in fields), _constructible(cls, fields))


def _attrs_field(attribute: Any) -> Field:
    alias = getattr(attribute, "alias", None) or attribute.name.lstrip("_")
    default = attribute.default
    required = getattr(default, "name", None) == "NOTHING" or type(default).__name__ == "_Nothing"
    return Field(attribute.name, alias if attribute.init else None, required)


def _constructible(cls: type, fields: tuple[Field, ...]) -> bool:
    try:
        parameters = inspect.signature(cls).parameters
    except Exception:
        return False
    accepted = {f.argument for f in fields if f.argument is not None}
    if not accepted <= parameters.keys():
        return False
    return all(
        name in accepted or p.default is not p.empty or p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD)
        for name, p in parameters.items()
    )


def take_apart(value: Any, cls: type) -> dict[str, Any]:
    """Return the fields of an instance by name. A field that was never set is left out."""
    fields: dict[str, Any] = {}
    for field in plan_of(cls).fields:
        content = getattr(value, field.name, _UNSET)
        if content is not _UNSET:
            fields[field.name] = content
        elif field.argument is not None:
            raise CodecError("is not set", member(field.name))
    return fields


def rebuild(cls: type, fields: dict[str, Any]) -> Any:
    """Return an instance with exactly these field values.

    The constructor runs, so that what it checks is checked; fields it does not take, or changes,
    are then set past `frozen`. A class whose constructor needs more than its fields (an `InitVar`
    without default, an `__init__` of its own) is rebuilt without it.
    """
    plan = plan_of(cls)
    check_fields(cls, plan, fields)
    if plan.constructible:
        arguments = {
            f.argument: fields[f.name]
            for f in plan.fields
            if f.argument is not None and f.name in fields
        }
        value = construct(cls, arguments)
    else:
        value = _make(cls)
    for name, content in fields.items():
        if getattr(value, name, _UNSET) is not content:
            object.__setattr__(value, name, content)
    return value


def _make(cls: Any) -> Any:
    return cls.__new__(cls)


def check_fields(cls: type, plan: Plan, fields: dict[str, Any]) -> None:
    """Raise CodecError for a field the class does not have, and for one that is missing."""
    for name in fields:
        if name not in plan.names:
            hint = closest(name, sorted(plan.names))
            raise CodecError(f"{class_name(cls)} has no such field{hint}", member(name))
    for field in plan.fields:
        if field.required and field.argument is not None and field.name not in fields:
            raise CodecError(f"is missing: {class_name(cls)} requires it", member(field.name))


def construct(cls: type, arguments: dict[str, Any]) -> Any:
    """Call a class; what it raises becomes a CodecError."""
    try:
        return cls(**arguments)
    except CodecError:
        raise
    except Exception as error:
        raise CodecError(
            f"{class_name(cls)} refused it: {type(error).__name__}: {error}"
        ) from error
