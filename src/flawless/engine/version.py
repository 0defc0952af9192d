"""Which version of Flawless this is."""

from __future__ import annotations

import importlib.metadata
from functools import cache
from typing import Final

DISTRIBUTION: Final = "flawless-engine"


@cache
def version() -> str:
    """Return the version of Flawless, or `unknown` when it runs without being installed."""
    try:
        return importlib.metadata.version(DISTRIBUTION)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
