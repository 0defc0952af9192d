"""What functions are called in journals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def name_of(function: Callable[..., Any]) -> str:
    """Return `module.function`."""
    return f"{function.__module__}.{function.__qualname__}"
