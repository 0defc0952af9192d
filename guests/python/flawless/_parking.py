"""What `compensation` does between two attempts: it sleeps durably, and asks a person."""

from __future__ import annotations

from typing import Any

from flawless import _host
from flawless._futures import effect
from flawless._timers import sleep


def pause(length_s: float) -> None:
    """Sleep, durably."""
    sleep(length_s)


async def pause_async(length_s: float) -> None:
    """Sleep, durably, while other tasks go on."""
    await sleep.start(length_s)


def park(label: str, problem: BaseException) -> bool:
    """Wait for a person's decision: True to try again, False to take it as done, or an error."""
    return effect("park", f'"label":{_host.encode(label)}', _is_retry)


def _is_retry(decision: Any) -> bool:
    return bool(decision.get("retry"))
