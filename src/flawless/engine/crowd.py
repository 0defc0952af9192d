"""When many start at once, those that have begun go on first.

A guest of Python takes milliseconds and megabytes unless one that has ended leaves its instance to
it. So of a hundred executions that start together, each with some steps, not all begin together:
beyond some that have guests, the others follow as these end. Where nobody ends, because the steps
take long, more may begin after a moment, and twice as many after the next: nobody waits for
another's step.
"""

from __future__ import annotations

import asyncio
from typing import Final

from flawless.engine.deployment import Deployment
from flawless.ids import ExecutionId

GUESTS: Final = 16
"""So many guests may live before others wait for one to end."""
MOMENT_S: Final = 0.01


class Crowd:
    """The executions that were told to follow, and the end of guests, which they wait for."""

    def __init__(self) -> None:
        self._following: set[ExecutionId] = set()
        self._gone = asyncio.Event()
        self._guests_max = GUESTS

    def holds_back(self, execution: ExecutionId, deployment: Deployment, guests: int) -> bool:
        """Tell whether an execution is to follow, so many guests being alive; note that it is."""
        if guests < self._guests_max or deployment.preparation is None:
            return False
        self._following.add(execution)
        return True

    async def turn_of(self, execution: ExecutionId, guests: int) -> None:
        """Return when it may begin: at once if it was not held back, or there is room by now.

        When no guest ends for a moment, twice as many may live from then on.
        """
        if execution not in self._following:
            return
        self._following.discard(execution)
        if guests < self._guests_max:
            return
        self._gone.clear()
        try:
            async with asyncio.timeout(MOMENT_S):
                await self._gone.wait()
        except TimeoutError:
            self._guests_max *= 2

    def guest_gone(self, guests: int) -> None:
        """Note that a guest has ended, and how many there are still."""
        self._gone.set()
        if guests < GUESTS:
            self._guests_max = GUESTS
