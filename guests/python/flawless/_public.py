"""Names of the native `flawless` package that have no meaning inside a guest."""

from __future__ import annotations

from typing import Any

from flawless import _standins


def __getattr__(name: str) -> Any:
    """Give `from flawless import Engine` something, for the module is imported natively too."""
    if name.startswith("_"):
        raise AttributeError(f"module 'flawless' has no attribute {name!r}", name=name)
    return _standins.make(f"flawless.{name}")
