"""Putting other parts into the engine, in test processes only: the engine knows nothing of it."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any


def rebuild(module: ModuleType, name: str, make: Callable[[Any], Any]) -> Callable[[], None]:
    """Replace what `module` calls `name` by what `make` makes of it; return how to undo that."""
    before = getattr(module, name)
    setattr(module, name, make(before))

    def undo() -> None:
        setattr(module, name, before)

    return undo
