"""The tasks that an engine's loop runs besides reacting to events."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

_log = logging.getLogger("flawless.engine")


class Tasks:
    """Keeps tasks alive until they end, and says so when one ends with an error."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._tasks: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], name: str) -> None:
        """Begin a task."""
        task: asyncio.Task[Any] = self._loop.create_task(work, name=f"flawless-{name}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def run(self, *names: str) -> bool:
        """Tell whether all tasks of these names are there and have not ended."""
        there = {task.get_name().removeprefix("flawless-") for task in self._tasks}
        return there.issuperset(names)

    def cancel(self) -> None:
        """Cancel all tasks."""
        for task in self._tasks:
            task.cancel()

    async def stop(self) -> None:
        """Cancel all tasks and wait for them."""
        self.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.critical("internal error: %s stopped", task.get_name(), exc_info=task.exception())
