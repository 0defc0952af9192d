"""Decides in which thread a batch is committed, and keeps the batches in order.

A hand-over to another thread costs 50 to 100 us, a commit of one row 150 to 300, nearly all of it
waiting for the disk. If the loop has nothing to do meanwhile, handing over is pure loss, so such a
batch is committed at once, on the loop (`inline`). Otherwise it goes to the writer's thread, and
the loop computes during the wait. The loop is never blocked by a disk known to be slow: `inline` is
honoured only while recent commits were quick and nothing is queued.

The connection is used by one thread at a time: by the loop only when the queue is empty and the
thread idle, by the thread else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread
from time import perf_counter
from typing import Final, TypeAlias

import apsw

from flawless.errors import StoreError
from flawless.stores.base import Append, Create, NextRun, Results, SaveBlob, Send, Write

INLINE_WRITES_MAX: Final = 32
INLINE_BYTES_MAX: Final = 64 * 1024
INLINE_RECENT_S_MAX: Final = 0.002
"""Above this moving average no commit is made on the loop."""
RECENT_WEIGHT: Final = 0.1
"""How much the latest commit counts in the moving average."""
QUEUED_BATCHES_MAX: Final = 1_000

_Job: TypeAlias = tuple[Sequence[Write], asyncio.Future[Results]]


class Committer:
    """Runs `commit` (a blocking function) for one event loop, inline or in its thread."""

    def __init__(
        self,
        commit: Callable[[Sequence[Write]], Results],
        *,
        wants_pause: Callable[[], bool],
        pause: Callable[[], None],
    ) -> None:
        self._commit = commit
        self._wants_pause = wants_pause
        self._pause = pause
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._queued = 0
        self._thread = Thread(target=self._run, name="flawless-store", daemon=True)
        self._thread.start()
        self.recent_s = 0.0
        """Moving average of the time a commit took."""

    async def submit(self, writes: Sequence[Write], *, inline: bool) -> Results:
        """Commit a batch and return its results; see `Store.commit`."""
        if (
            inline
            and self._queued == 0
            and self.recent_s < INLINE_RECENT_S_MAX
            and not self._wants_pause()
            and _small(writes)
        ):
            return self._timed(writes)
        if self._queued >= QUEUED_BATCHES_MAX:
            raise StoreError(
                "commit",
                f"{self._queued:,} batches are waiting for the disk already",
                "Put more writes into one batch, or wait for some to end.",
                retriable=True,
            )
        future: asyncio.Future[Results] = self._loop.create_future()
        self._queued += 1
        self._jobs.put((writes, future))
        return await future

    async def stop(self) -> None:
        """Carry out what is queued, then end the thread."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _timed(self, writes: Sequence[Write]) -> Results:
        began = perf_counter()
        results = self._commit(writes)
        self.recent_s += RECENT_WEIGHT * (perf_counter() - began - self.recent_s)
        return results

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            writes, future = job
            try:
                results = self._timed(writes)
            except BaseException as error:  # handed to whoever awaits
                pause = self._wants_pause()
                self._loop.call_soon_threadsafe(self._fail, future, error)
            else:
                pause = self._wants_pause()
                self._loop.call_soon_threadsafe(self._deliver, future, results)
            # As it was before the loop could know of the result: a pause that is due since then
            # could begin while the loop commits. If it was due, the loop leaves all to this thread.
            if pause:
                self._tidy()

    def _tidy(self) -> None:
        try:
            self._pause()
        except apsw.Error:
            return  # a commit that meets the same trouble reports it

    def _deliver(self, future: asyncio.Future[Results], results: Results) -> None:
        self._queued -= 1
        if not future.done():  # else: whoever waited was cancelled
            future.set_result(results)

    def _fail(self, future: asyncio.Future[Results], error: BaseException) -> None:
        self._queued -= 1
        if not future.done():
            future.set_exception(error)


def _small(writes: Sequence[Write]) -> bool:
    """Whether a batch takes no longer than the disk does anyway."""
    if len(writes) > INLINE_WRITES_MAX:
        return False
    size = 0
    for write in writes:
        if isinstance(write, Append | Create):
            if write.chunk is not None:
                size += len(write.chunk.data)
            if isinstance(write, Append):
                size += len(write.state or b"") + len(write.response or b"")
        elif isinstance(write, NextRun):
            size += len(write.chunk.data) + (0 if write.last is None else len(write.last.data))
        elif isinstance(write, Send):
            size += len(write.payload)
        elif isinstance(write, SaveBlob):
            return False
    return size <= INLINE_BYTES_MAX
