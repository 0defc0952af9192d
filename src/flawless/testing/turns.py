"""The order of fakes: one at a time, and only when everything else has come to rest."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """Gives fakes their turns, in the order in which they ask.

    The next one gets its turn when the loop has nothing else to do: all that follows from the one
    before has happened then. So what a function does in a thread comes at the same moment in each
    run, however long it takes.
    """

    def __init__(self) -> None:
        self._asking: deque[asyncio.Future[None]] = deque()
        self._taken: asyncio.Future[None] | None = None

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, and keep it for the length of the `async with`."""
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asking.append(mine)
        try:
            await mine
            yield
        finally:
            if self._taken is mine:
                self._taken = None

    def give(self) -> bool:
        """Give the next turn if there is one to give; whether that was so."""
        while self._taken is None and self._asking:
            first = self._asking.popleft()
            if not first.done():  # else it was cancelled
                self._taken = first
                first.set_result(None)
                return True
        return False

    def forget(self) -> None:
        """Forget all: the engine that they worked for is no more."""
        self._asking.clear()
        self._taken = None
