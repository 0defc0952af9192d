"""When many start at once, those that have begun go on first.

A guest of Python takes milliseconds and megabytes unless one that has ended leaves its instance to
it. So of a hundred executions that start together, each with some steps, not all begin together:
beyond some that have guests, the others follow as these end. Where nobody ends, because the steps
take long, more may begin after a moment, and twice as many after the next: nobody waits for
another's step.

Followers hold up nobody who has begun: what a message, a time or an outcome brings back goes first.
Nor do such ones hold up followers for ever: after a moment at the front it is a follower's turn.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from flawless.engine.deployment import Deployment
from flawless.engine.queued import Queued

GUESTS: Final = 16
"""So many guests may live before others wait for one to end."""
MOMENT_S: Final = 0.01


class Crowd:
    """Tells which executions follow others, and when it is their turn.

    `guests` returns how many there are now; `changed` is set when one ends, or somebody is queued.
    """

    def __init__(self, queued: Queued, guests: Callable[[], int], changed: asyncio.Event) -> None:
        self._queued = queued
        self._guests = guests
        self._changed = changed
        self._guests_max = GUESTS
        self._until_s: float | None = None
        """When the first follower's patience ends."""

    def holds_back(self, deployment: Deployment) -> bool:
        """Tell whether a new execution is to follow those that have begun."""
        if deployment.preparation is None:
            return False
        return self._is_full() or self._queued.following > 0

    async def turn(self) -> bool:
        """Return when somebody who is queued may begin: True for a follower, False for another.

        A follower waits for others, and for room, but a moment at most: then twice as many guests
        may live if there was no room. The next one waits anew, so the others have their turns too.
        """
        if not self._queued.following:
            return False
        loop = asyncio.get_running_loop()
        if self._until_s is None:
            self._until_s = loop.time() + MOMENT_S
        while loop.time() < self._until_s:
            if self._queued.others:
                return False
            if not self._is_full():
                break
            self._changed.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._until_s):
                    await self._changed.wait()
        else:
            if self._is_full():
                self._guests_max *= 2
        self._until_s = None
        return True

    def guest_gone(self) -> None:
        """Note that a guest has ended."""
        if self._guests() < GUESTS:
            self._guests_max = GUESTS

    def _is_full(self) -> bool:
        return self._guests() >= self._guests_max
