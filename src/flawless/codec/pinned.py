"""Values of classes whose modules are set aside for a while."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from ._classes import pins, reference
from .schema import schema


@contextmanager
def pinned(modules: Mapping[str, Any]) -> Iterator[None]:
    """Let values of these modules' classes travel, whatever `sys.modules` holds meanwhile.

    `modules` are the modules by name. What is learnt about their classes here stays known when
    others have taken their place: values that are under way then still travel. Pins are those of
    the process, so one name is pinned once at a time.
    """
    for name, module in modules.items():
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == name:
                with suppress(Exception):  # not every class can travel
                    schema(value)
                    reference(value)
    pins.update(modules)
    try:
        yield
    finally:
        for name in modules:
            del pins[name]
