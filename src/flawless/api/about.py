"""What answers, and how it is."""

from __future__ import annotations

import msgspec


class Health(msgspec.Struct):
    """How the engine is. `status` is `ok` or `failing`, `executions` counts by status."""

    status: str
    version: str
    problem: str | None = None
    executions: dict[str, int] = {}
    guests: int = 0
    in_memory: int = 0
    queued: int = 0
    deployment: str = ""


class About(msgspec.Struct):
    """What answers at this address."""

    name: str
    version: str
    api: str
