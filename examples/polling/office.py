"""An office that takes a year to look at things, and is not always in order itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from world import Body, Refused, Service


def services(now: Callable[[], datetime], ready_after: timedelta) -> dict[str, Service]:
    """Return the office's services; `now` tells it the time."""
    opened = now()

    def status(body: Body) -> Body:
        waited = now() - opened
        if waited.days % 30 == 7:
            raise Refused("our computer is down")
        return {"status": "ready" if waited >= ready_after else "in progress"}

    return {"status": status}
