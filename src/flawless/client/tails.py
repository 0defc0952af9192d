"""Readers of an execution's messages as they come."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeAlias

from flawless import api
from flawless.client.paging import LogReader
from flawless.client.plans import Work

LogLines: TypeAlias = list[api.LogLine]


class LogTail:
    """Reads what an execution logs and prints, one run after the other."""

    def __init__(self, run: Callable[[Work[LogLines]], LogLines], id: str) -> None:  # noqa: A002 (the word of the API)
        self._run = run
        self._reader = LogReader(id)

    def read(self) -> LogLines:
        """Return what is new."""
        return self._run(self._reader.read())


class AsyncLogTail:
    """The same, for asyncio programs."""

    def __init__(
        self,
        run: Callable[[Work[LogLines]], Coroutine[Any, Any, LogLines]],
        id: str,  # noqa: A002 (the word of the API)
    ) -> None:
        self._run = run
        self._reader = LogReader(id)

    async def read(self) -> LogLines:
        """Return what is new."""
        return await self._run(self._reader.read())
