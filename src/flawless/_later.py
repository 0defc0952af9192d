"""Public names that are imported when they are first asked for.

Workflow modules import `flawless` too, in every worker process and at each reload, and few of them
speak to a server: the clients and the documents of the API would cost them a tenth of the time.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

_WHERE = {"AsyncClient": "flawless.client", "Client": "flawless.client"}


def __getattr__(name: str) -> Any:
    """Return a name of the package `flawless`, from now on its own."""
    if name not in _WHERE:
        raise AttributeError(f"module 'flawless' has no attribute {name!r}")
    found = getattr(importlib.import_module(_WHERE[name]), name)
    setattr(sys.modules["flawless"], name, found)
    return found
