"""Which executions in the store need a guest: sleepers that are due, and those a crash left behind.

One timer of the engine's clock stands for all sleepers. It is set to the earliest `wake_us`, and
when it rings the due ones are queued a page at a time, and only while the queue is short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from flawless.engine.clock import Clock, Timer
from flawless.engine.mishaps import complain
from flawless.engine.replay_log import Reason
from flawless.errors import StoreError
from flawless.ids import ExecutionId
from flawless.stores.base import Record, Store

_log = logging.getLogger("flawless.engine")

PAGE = 256
"""Executions read from the store at a time."""

_LOOK_S = 10.0
"""How often the clock is looked at in any case: it may be set, or the machine may have slept."""
_STORE_PAUSE_S = 1.0
_EVER_US = 2**62


class Wakeups:
    """Hands executions to `enqueue` when their time has come.

    `known` tells whether an execution is queued or in memory already, `loaded` how many are, and
    `room` returns when the queue is shorter than a page.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        known: Callable[[ExecutionId], bool],
        loaded: Callable[[], int],
        enqueue: Callable[[ExecutionId, Reason], None],
        room: Callable[[], Awaitable[None]],
    ) -> None:
        self.changed = asyncio.Event()
        """Set it when an execution has begun to sleep: it may be the one that is due first."""
        self._store = store
        self._clock = clock
        self._known = known
        self._loaded = loaded
        self._enqueue = enqueue
        self._room = room

    async def watch(self) -> None:
        """Queue sleepers as they become due, for ever."""
        while True:
            self.changed.clear()
            look_s = _LOOK_S
            timer: Timer | None = None
            try:
                pause_s = await self._wake_due()
                if pause_s is not None and pause_s <= 0:
                    look_s = 0.0  # there are more
                elif pause_s is not None:
                    timer = self._clock.call_later(pause_s, self.changed.set)
            except StoreError as error:
                complain(_log, "due executions cannot be found: %s", error)
                look_s = _STORE_PAUSE_S
            try:
                await asyncio.wait_for(self.changed.wait(), look_s)
            except TimeoutError:
                continue
            finally:
                if timer is not None:
                    timer.cancel()

    async def recover(self) -> None:
        """Queue the executions that were running when the last engine stopped, oldest first."""
        after: ExecutionId | None = None
        while True:
            try:
                page = await self._store.running(limit=PAGE, after=after)
            except StoreError as error:
                complain(_log, "executions that were running cannot be found: %s", error)
                await asyncio.sleep(_STORE_PAUSE_S)
                continue
            if not page:
                return
            for record in self._unknown(page):
                self._enqueue(record.id, "restart")
            after = page[-1].id
            await self._room()

    async def _wake_due(self) -> float | None:
        """Queue sleepers that are due; return the seconds until the next one, if there is one."""
        now_us = self._clock.now_us()
        await self._room()
        limit = self._loaded() + PAGE
        due = await self._store.due(now_us, limit=limit)
        fresh = self._unknown(due)
        for record in fresh[:PAGE]:
            self._enqueue(record.id, "woken")
        if len(fresh) > PAGE or len(due) == limit:
            return 0.0
        wake_us = await self._store.next_wake_us()
        if wake_us is not None and wake_us <= now_us:
            # That one is queued, or was just woken and its row not yet changed. Look behind it.
            later = self._unknown(await self._store.due(_EVER_US, limit=self._loaded() + 1))
            wake_us = later[0].wake_us if later else None
        return None if wake_us is None else (wake_us - self._clock.now_us()) / 1_000_000

    def _unknown(self, records: list[Record]) -> list[Record]:
        return [record for record in records if not self._known(record.id)]
