"""Annotations of functions and classes, resolved, substituted and cached.

An annotation may be text (`from __future__ import annotations`), may name something that exists
only for type checkers, or, in the guest, the stand-in of a native library. What cannot be resolved
becomes `Any`, one annotation at a time: a single missing name must not cost the others. Python
3.14 evaluates annotations on demand, so they are asked for in the form that does not raise.
"""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

_CACHED_MAX = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """A function's signature with its annotations resolved."""

    signature: inspect.Signature
    hints: Mapping[str, Any]

    def positional(self, index: int) -> tuple[str, Any]:
        """Return name and annotation of the parameter that takes the argument at `index`."""
        names = [p.name for p in self.signature.parameters.values() if p.kind in _POSITIONAL]
        if index < len(names):
            return names[index], self.hints.get(names[index], Any)
        for p in self.signature.parameters.values():
            if p.kind is p.VAR_POSITIONAL:
                return f"{p.name}[{index - len(names)}]", self.hints.get(p.name, Any)
        return f"args[{index}]", Any

    def keyword(self, name: str) -> Any:
        """Return the annotation of the parameter that takes the keyword argument `name`."""
        parameters = self.signature.parameters
        if name in parameters:
            return self.hints.get(name, Any)
        for p in parameters.values():
            if p.kind is p.VAR_KEYWORD:
                return self.hints.get(p.name, Any)
        return Any


_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def call_of(function: Callable[..., Any]) -> Call:
    """Return the call of a function, cached. Decorated functions are followed to the original."""
    try:
        return _cached_call(function)
    except TypeError:  # an unhashable callable
        return _call(function)


def _call(function: Callable[..., Any]) -> Call:
    signature = _signature(function)
    inner = inspect.unwrap(function)
    inner = getattr(inner, "__func__", inner)
    names = getattr(inner, "__globals__", None)
    scope: dict[str, Any] = names if isinstance(names, dict) else {}
    local = _type_parameters(inner)
    hints = {
        p.name: resolve(p.annotation, scope, local)
        for p in signature.parameters.values()
        if p.annotation is not p.empty
    }
    if signature.return_annotation is not signature.empty:
        hints["return"] = resolve(signature.return_annotation, scope, local)
    return Call(signature, hints)


_cached_call = lru_cache(_CACHED_MAX)(_call)


def _signature(function: Callable[..., Any]) -> inspect.Signature:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        import annotationlib

        options["annotation_format"] = annotationlib.Format.FORWARDREF
    try:
        return inspect.signature(function, **options)
    except (ValueError, TypeError, NameError):
        anything = inspect.Parameter
        return inspect.Signature(
            [anything("args", anything.VAR_POSITIONAL), anything("kwargs", anything.VAR_KEYWORD)]
        )


def _type_parameters(owner: Any) -> dict[str, Any]:
    parameters = getattr(owner, "__type_params__", ())
    if not isinstance(parameters, tuple):
        return {}
    return {p.__name__: p for p in parameters}


def resolve(annotation: Any, scope: dict[str, Any], local: dict[str, Any]) -> Any:
    """Return an annotation with the names in its texts looked up, or `Any`."""
    if annotation is inspect.Parameter.empty:
        return Any
    if isinstance(annotation, type) and not isinstance(annotation, str):
        return annotation

    def holder() -> None: ...

    try:
        holder.__annotations__ = {"hint": annotation}
        return typing.get_type_hints(holder, scope, local, include_extras=True)["hint"]
    except Exception:
        return Any


def field_hints(annotation: Any) -> dict[str, Any]:
    """Return the annotations of a class's attributes, inherited ones included, by name.

    For a generic class with arguments (`Box[Order]`), type variables are replaced.
    """
    origin = typing.get_origin(annotation)
    cls: type = annotation if origin is None else origin
    bound = _bindings(cls, typing.get_args(annotation))
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        variables = bound.get(base, {})
        for name, hint in _own_hints(base).items():
            hints[name] = substitute(hint, variables)
    return hints


@lru_cache(_CACHED_MAX)
def _own_hints(cls: type) -> dict[str, Any]:
    if cls.__module__ == "builtins":
        return {}
    scope = getattr(sys.modules.get(cls.__module__), "__dict__", {})
    # The class's own names come second, as in `typing.get_type_hints`: a field is often called
    # like its type.
    names = {**vars(cls), cls.__name__: cls, **_type_parameters(cls)}
    return {n: resolve(hint, names, scope) for n, hint in _raw_annotations(cls).items()}


def _raw_annotations(cls: type) -> dict[str, Any]:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        import annotationlib

        options["format"] = annotationlib.Format.FORWARDREF
    try:
        found = inspect.get_annotations(cls, **options)
    except Exception:
        return {}
    return found


def _bindings(cls: type, arguments: tuple[Any, ...]) -> dict[type, dict[Any, Any]]:
    """Return, for a class and its bases, what each one's type variables stand for."""
    parameters = getattr(cls, "__parameters__", ())
    own = dict(zip(parameters, arguments, strict=False)) if isinstance(parameters, tuple) else {}
    found: dict[type, dict[Any, Any]] = {cls: own}
    generic = cls.__dict__.get("__orig_bases__", ())
    for base in (*generic, *cls.__bases__):
        origin = typing.get_origin(base) or base
        if not isinstance(origin, type) or origin in found or origin.__module__ == "typing":
            continue
        given = tuple(substitute(argument, own) for argument in typing.get_args(base))
        for key, variables in _bindings(origin, given).items():
            found.setdefault(key, variables)
    return found


def substitute(hint: Any, variables: Mapping[Any, Any]) -> Any:
    """Return an annotation with its type variables replaced."""
    if not variables:
        return hint
    if isinstance(hint, typing.TypeVar):
        return variables.get(hint, hint)
    parameters = getattr(hint, "__parameters__", ())
    if isinstance(hint, type) or not isinstance(parameters, tuple) or not parameters:
        return hint
    try:
        return hint[tuple(variables.get(p, p) for p in parameters)]
    except Exception:
        return Any


def strip(annotation: Any) -> Any:
    """Return what stands inside Annotated, Required, Final, InitVar, NewType and the like."""
    while True:
        origin = typing.get_origin(annotation)
        if origin in _WRAPPERS:
            annotation = typing.get_args(annotation)[0]
        elif isinstance(annotation, typing.NewType):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "InitVar":
            annotation = annotation.type
        elif isinstance(annotation, typing.TypeVar):
            annotation = Any if annotation.__bound__ is None else annotation.__bound__
        else:
            return annotation


_WRAPPERS: tuple[Any, ...] = (
    typing.Annotated,
    typing.Required,
    typing.NotRequired,
    typing.Final,
    typing.ClassVar,
    *([getattr(typing, "ReadOnly")] if sys.version_info >= (3, 13) else []),  # noqa: B009 (3.13)
)


def alias_value(annotation: Any) -> Any:
    """Return what a `type X = ...` alias stands for, or None if it is no such alias."""
    if type(annotation).__name__ == "TypeAliasType":
        return annotation.__value__
    origin = typing.get_origin(annotation)
    if type(origin).__name__ == "TypeAliasType":
        variables = dict(zip(origin.__type_params__, typing.get_args(annotation), strict=False))
        return substitute(origin.__value__, variables)
    return None


def typed_dict_keys(cls: Any, hints: Mapping[str, Any]) -> frozenset[str]:
    """Return the required keys of a TypedDict, given its resolved annotations."""
    required = set(cls.__required_keys__)
    for name, hint in hints.items():
        origin = typing.get_origin(hint)
        while origin is typing.Annotated:
            hint = typing.get_args(hint)[0]
            origin = typing.get_origin(hint)
        if origin is typing.NotRequired:
            required.discard(name)
        elif origin is typing.Required:
            required.add(name)
    return frozenset(required)


def is_typed_dict(annotation: Any) -> bool:
    """Tell whether a class is a TypedDict (of `typing` or `typing_extensions`)."""
    if not isinstance(annotation, type) or not issubclass(annotation, dict):
        return False
    return isinstance(annotation.__dict__.get("__required_keys__"), frozenset)


def constructor_parameters(cls: type) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a class's constructor, or none when it does not tell."""
    try:
        return _signature(cls).parameters
    except Exception:
        return {}
