"""Group commit: the writes of all executions, made durable together.

Executions hand in writes at any time. While one batch is being committed the next one gathers; a
busy engine so shares one disk sync among many executions, and an idle one commits at once. Order is
kept: a write is durable no later than any write handed in after it. (The technique is as old as
DeWitt et al., Implementation Techniques for Main Memory Database Systems, SIGMOD 1984.)

A store that cannot write for now (disk full, I/O error) stops nothing for good: the batch is kept
and tried again, nothing is performed meanwhile, and `problem` tells health checks and new starts.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable

from flawless.errors import StoreConflict, StoreError
from flawless.stores.base import Append, Create, Record, Store, Write

_log = logging.getLogger("flawless.store")

BATCH_WRITES_MAX = 1_000
BATCH_BYTES_MAX = 16 * 1024 * 1024
_PAUSE_FIRST_S = 0.1
_PAUSE_MAX_S = 5.0

Durable = Callable[[Record | None], None]
"""Called when a write is durable; the record says that a `Create` found its id taken."""

Refused = Callable[[Exception], None]
"""Called instead, when a write can never be made."""

_Item = tuple[Write | None, Durable | None, Refused | None]


class Committer:
    """Orders and groups the writes of one engine. Use it from the loop's thread only."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue: deque[_Item] = deque()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self.problem: StoreError | None = None
        self.on_problem: Callable[[StoreError], None] | None = None
        self.batches = 0
        self.writes = 0

    def open(self) -> None:
        """Begin to commit."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def close(self, timeout_s: float) -> None:
        """Commit what is queued, as far as that succeeds within `timeout_s`, and stop."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            _log.warning("%d writes could not be committed before the stop", len(self._queue))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def submit(
        self, write: Write | None, durable: Durable | None = None, refused: Refused | None = None
    ) -> None:
        """Queue a write. None is a barrier: it is durable when all writes before it are."""
        if write is None and self._idle.is_set():
            if durable is not None:
                durable(None)
            return
        self._queue.append((write, durable, refused))
        if self._idle.is_set():
            self._idle.clear()
            self._wake.set()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue:
                await self._commit(self._gather())
            self._idle.set()

    def _gather(self) -> list[_Item]:
        batch: list[_Item] = []
        size = 0
        while self._queue and len(batch) < BATCH_WRITES_MAX and size < BATCH_BYTES_MAX:
            item = self._queue.popleft()
            batch.append(item)
            write = item[0]
            if isinstance(write, Append | Create) and write.chunk is not None:
                size += len(write.chunk.data)
        return batch

    async def _commit(self, batch: list[_Item]) -> None:
        writes = [write for write, _, _ in batch if write is not None]
        try:
            results = await self._write(writes)
        except (StoreConflict, StoreError) as error:
            if len(batch) > 1:
                # One write is to blame; the others must not suffer for it.
                for item in batch:
                    await self._commit([item])
                return
            _, _, refused = batch[0]
            _log.error("a write was refused: %s", error)
            if refused is not None:
                refused(error)
            return
        self.batches += 1
        self.writes += len(writes)
        remaining = iter(results)
        for write, durable, _ in batch:
            result = next(remaining) if write is not None else None
            if durable is not None:
                durable(result)

    async def _write(self, writes: list[Write]) -> list[Record | None]:
        """Commit; while the store has a passing problem, keep trying."""
        pause_s = _PAUSE_FIRST_S
        while True:
            try:
                results = await self._store.commit(writes, inline=True) if writes else []
            except StoreError as error:
                if not error.retriable:
                    raise
                if self.problem is None:
                    _log.error("%s (will be tried again)", error)
                self.problem = error
                if self.on_problem is not None:
                    self.on_problem(error)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
            else:
                if self.problem is not None:
                    _log.warning("the store can write again")
                    self.problem = None
                return results
