"""Waiting for what executions do, but not longer than the server lives."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from flawless.errors import EngineStopped

T = TypeVar("T")


async def unless_stopping(stopping: asyncio.Event, work: Coroutine[Any, Any, T]) -> T:
    """Return what `work` returns; raises `EngineStopped` as soon as the server is to stop."""
    done = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({done, stop}, return_when=asyncio.FIRST_COMPLETED)
        if done.done():
            return done.result()
        raise EngineStopped("the server is stopping; the execution goes on when it is back")
    finally:
        done.cancel()
        stop.cancel()
