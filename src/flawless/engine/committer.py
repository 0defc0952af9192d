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
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

from flawless.engine.bridge import Begun
from flawless.engine.changes import Changes
from flawless.engine.mishaps import complain, report
from flawless.engine.telemetry import Telemetry
from flawless.errors import StoreError
from flawless.stores.base import Chunk, Result, Results, Send, Store, Write

_log = logging.getLogger("flawless.store")

BATCH_WRITES_MAX = 1_000
BATCH_BYTES_MAX = 16 * 1024 * 1024
STALLED_S = 30.0
"""A batch that is not written after so long is a reason not to call the engine ready."""
_PAUSE_FIRST_S = 0.1
_PAUSE_MAX_S = 5.0

Durable = Callable[[Result], None]
"""Called when a write is durable, with what the store says of it."""

Refused = Callable[[Exception], None]
"""Called instead, when a write can never be made."""

_Item = tuple[Write | None, Durable | None, Refused | None, bool]


class Committer:
    """Orders and groups the writes of one engine. Use it from the loop's thread only.

    A batch is begun at the end of the loop's turn in which its first write came, so all that
    happens in one turn shares it. A store that can commit at once does so right there; only for one
    that must wait is a task made.
    """

    def __init__(
        self, store: Store, changes: Changes | None = None, telemetry: Telemetry | None = None
    ) -> None:
        self._store = store
        self._changes = changes or Changes()
        self._telemetry = telemetry or Telemetry()
        self._began_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._queue: deque[_Item] = deque()
        self._busy = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._task: asyncio.Task[None] | None = None
        self._due: asyncio.Handle | None = None
        self.problem: StoreError | None = None
        self.on_problem: Callable[[StoreError], None] | None = None
        self.batches = 0
        self.writes = 0

    @property
    def stalled(self) -> bool:
        """Whether the oldest batch that is not durable is older than `STALLED_S`."""
        return self._busy and self._loop.time() - self._began_s > STALLED_S

    async def close(self, timeout_s: float) -> None:
        """Commit what is queued, as far as that succeeds within `timeout_s`, and stop."""
        try:
            async with asyncio.timeout(timeout_s):
                while self._busy:
                    self._idle.clear()
                    await self._idle.wait()
        except TimeoutError:
            _log.warning("%d writes could not be committed before the stop", len(self._queue))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def submit(
        self,
        write: Write | None,
        durable: Durable | None = None,
        refused: Refused | None = None,
        *,
        joined: bool = False,
    ) -> None:
        """Queue a write. None is a barrier: it is durable when all writes before it are.

        A `joined` write is made in the same commit as the one before it, if that is still queued:
        hand it in before anything else happens on the loop.
        """
        if write is None and not self._busy:
            if durable is not None:
                durable(None)
            return
        self._queue.append((write, durable, refused, joined))
        if not self._busy:
            self._busy = True
            self._began_s = self._loop.time()
            self._due = self._loop.call_soon(self._turn)

    def submit_all(
        self, writes: Sequence[Write], durable: Callable[[Results], None], refused: Refused
    ) -> None:
        """Queue writes that are made in one commit; `durable` gets the results of all."""
        results: list[Result] = []

        def one_more(result: Result) -> None:
            results.append(result)
            if len(results) == len(writes):
                durable(results)

        for n, write in enumerate(writes):
            self.submit(write, one_more, refused if n == 0 else None, joined=n > 0)

    def hurry(self) -> None:
        """Begin the next batch now, if one is to begin in the loop's next turn."""
        if self._due is not None:
            self._due.cancel()
            self._turn()

    def _turn(self) -> None:
        self._due = None
        batch = self._gather()
        self._began_s = self._loop.time()
        writes = [write for write, _, _, _ in batch if write is not None]
        commit = self._store.commit(writes, inline=True)
        try:
            waits_for = commit.send(None)
        except StopIteration as done:
            results = done.value
        except Exception as error:
            self._spawn(self._mend(batch, error))
            return
        else:
            self._spawn(self._finish(batch, Begun(commit, waits_for)))
            return
        try:
            self._deliver(batch, results)
        finally:
            self._next()

    def _next(self) -> None:
        if self._queue:
            self._due = self._loop.call_soon(self._turn)
        else:
            self._busy = False
            self._idle.set()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._task = self._loop.create_task(work)

    async def _finish(self, batch: list[_Item], commit: Awaitable[Results]) -> None:
        try:
            results = await commit
        except Exception as error:
            await self._mend(batch, error)
            return
        try:
            self._deliver(batch, results)
        finally:
            self._next()

    def _deliver(self, batch: list[_Item], results: Results) -> None:
        self.batches += 1
        self.writes += len(results)
        telemetry = self._telemetry
        telemetry.committed(self._loop.time() - self._began_s, len(results))
        remaining = iter(results)
        note = self._changes.note_write if self._changes.active else None
        for write, durable, _, _ in batch:
            result: Result = None
            if write is not None:
                result = next(remaining)
                try:
                    telemetry.wrote(write, result)
                except Exception:  # it ends in handlers of logs and spans, which are anybody's
                    report(_log, "internal error while telling of a write")
                if note is not None:
                    try:
                        note(write, result)
                    except Exception:
                        report(_log, "internal error while telling of a change")
            if durable is None:
                continue
            try:
                durable(result)
            except Exception:  # a bug of ours must not stop the other executions
                report(_log, "internal error after a write")

    def _gather(self) -> list[_Item]:
        batch: list[_Item] = []
        size = 0
        while self._queue:
            full = len(batch) >= BATCH_WRITES_MAX or size >= BATCH_BYTES_MAX
            if full and not self._queue[0][3]:
                break
            item = self._queue.popleft()
            batch.append(item)
            write = item[0]
            chunk: Chunk | None = getattr(write, "chunk", None)
            if chunk is not None:
                size += len(chunk.data)
            elif type(write) is Send:
                size += len(write.payload)
        return batch

    # --- trouble ------------------------------------------------------------------------------

    async def _mend(self, batch: list[_Item], error: Exception) -> None:
        """Get a batch that failed into the store after all, or find the write that is to blame."""
        try:
            if isinstance(error, StoreError) and error.retriable:
                await self._insist(batch, error)
            else:
                await self._refuse(batch, error)
        except Exception:
            report(_log, "internal error after a commit that failed")
        self._next()

    async def _refuse(self, batch: list[_Item], error: Exception) -> None:
        """One write is to blame; the others must not suffer for it, but those joined to it."""
        groups: list[list[_Item]] = []
        for item in batch:
            if item[3] and groups:
                groups[-1].append(item)
            else:
                groups.append([item])
        if len(groups) > 1:
            for group in groups:
                await self._insist(group, None)
            return
        complain(_log, "a write was refused: %s", error)
        for _, _, refused, _ in batch:
            if refused is None:
                continue
            try:
                refused(error)
            except Exception:
                report(_log, "internal error after a write that was refused")

    async def _insist(self, batch: list[_Item], problem: StoreError | None) -> None:
        """Commit; while the store has a passing problem, keep trying."""
        writes = [write for write, _, _, _ in batch if write is not None]
        pause_s = _PAUSE_FIRST_S
        while True:
            if problem is not None:
                self._tell(problem)
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _PAUSE_MAX_S)
            try:
                results = await self._store.commit(writes)
            except Exception as error:
                if isinstance(error, StoreError) and error.retriable:
                    problem = error
                    continue
                await self._refuse(batch, error)
                return
            if self.problem is not None:
                self.problem = None
                with contextlib.suppress(Exception):  # (of handlers)
                    _log.warning("the store can write again")
            self._deliver(batch, results)
            return

    def _tell(self, problem: StoreError) -> None:
        new, self.problem = self.problem is None, problem
        try:
            if self.on_problem is not None:
                self.on_problem(problem)
            if new:
                self._telemetry.store_problems += 1
                _log.error("%s (will be tried again)", problem)
        except Exception:
            report(_log, "internal error while telling of a problem of the store")
