"""How many executions have each status, counted no more often than it is cheap."""

from __future__ import annotations

import asyncio
from typing import Final

from flawless.core.status import Status
from flawless.stores.base import Store

EXACT_MAX: Final = 10_000
"""Up to so many executions are counted each time somebody asks: it takes a fraction of 1 ms."""
AGE_S: Final = 1.0
"""How old the counts of more executions may be, unless counting them takes longer than `_SHARE`."""
_SHARE: Final = 25
"""Counting takes at most one part in so many of the loop's time, however many there are."""


class Counts:
    """Counts the executions of one store, for all who ask. Belongs to the engine's loop."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[Status, int] = {}
        self._due_s = 0.0

    @property
    def known(self) -> dict[Status, int]:
        """Return the last counts, however old; empty if there are none yet."""
        return dict(self._known)

    async def latest(self) -> dict[Status, int]:
        """Return how many there are: exact while there are few, else as old as they may be.

        Raises `StoreError` when they cannot be counted.
        """
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        if not self._known or began_s >= self._due_s:
            self._known = await self._store.counts()
            ended_s = loop.time()
            many = sum(self._known.values()) > EXACT_MAX
            self._due_s = ended_s + max(AGE_S, _SHARE * (ended_s - began_s)) if many else 0.0
        return self.known
