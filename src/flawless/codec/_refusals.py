"""Sentences for values that cannot be carried, each with what to do instead."""

from __future__ import annotations

import types
from pathlib import PurePath
from typing import Any

from ._errors import class_name

_INSTEAD: tuple[tuple[type | tuple[type, ...], str], ...] = (
    ((types.GeneratorType, types.AsyncGeneratorType), "make a list of it"),
    (types.CoroutineType, "is an `await` missing?"),
    (
        (types.FunctionType, types.MethodType, types.BuiltinFunctionType),
        "pass data and choose the function where it is used",
    ),
    (types.ModuleType, "import it where it is used"),
    (type, "pass its name"),
    (PurePath, "pass str(path)"),
    (memoryview, "pass bytes(value)"),
    (range, "pass list(value)"),
    (type({}.keys()), "pass list(value)"),
    (type({}.values()), "pass list(value)"),
    (type({}.items()), "pass dict(value)"),
)

_BASES = (bool, int, float, str, bytes, list, dict, tuple, set, frozenset)
_METHODS = {"model_dump": "value.model_dump()", "tolist": "value.tolist()", "_asdict": "a dict"}


def refusal(value: Any) -> str:
    """Return the reason why a value cannot be carried."""
    cls = type(value)
    what = f"is of class {class_name(cls)}, which cannot be carried"
    for classes, instead in _INSTEAD:
        if isinstance(value, classes):
            return f"{what}: {instead}"
    for base in _BASES:
        if issubclass(cls, base):
            return f"{what}: pass {base.__name__}(value)"
    mro: tuple[type, ...] = type.__dict__["__mro__"].__get__(cls)
    if any("_asyncio_future_blocking" in base.__dict__ for base in mro):
        return f"{what}: a future belongs to its execution; pass its outcome, value.result()"
    for method, instead in _METHODS.items():
        if any(method in base.__dict__ for base in mro):
            return f"{what}: pass {instead}"
    if hasattr(cls, "__next__"):
        return f"{what}: make a list of it"
    return f"{what}: make it a dataclass, or create it where it is used (open resources in a step)"
