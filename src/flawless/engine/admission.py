"""Executions that begin, or go on, with a journal that is there already: forks, and retries."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence

from flawless.engine.callers import Callers, answer, disappoint
from flawless.engine.committer import Committer
from flawless.engine.replay_log import Reason
from flawless.engine.telemetry import Telemetry
from flawless.ids import ExecutionId
from flawless.stores.base import Create, Record, Results, Store, Write


class Admission:
    """Writes what brings executions back, or about, and has them loaded when that is durable.

    `births` are the executions that are not durable yet: nobody else may begin one of that id
    meanwhile. `claims` are the ids that somebody looks up in the store in order to take them, with
    the digests: a second creation of an id must not be written beside what the first one writes.
    """

    def __init__(
        self,
        committer: Committer,
        callers: Callers,
        births: set[ExecutionId],
        enqueue: Callable[[ExecutionId, Reason], None],
        telemetry: Telemetry,
    ) -> None:
        self._committer = committer
        self._callers = callers
        self._births = births
        self._enqueue = enqueue
        self._telemetry = telemetry
        self.claims: dict[ExecutionId, bytes] = {}

    async def fork(self, digest: bytes, writes: Sequence[Write], store: Store) -> Record | None:
        """Create a fork, with the first of the writes, and its children, if it has any.

        If its id is taken, the record that has it is returned.
        """
        doing = ("keep the fork", "asking again with the same id is safe")
        created = [write.id for write in writes if isinstance(write, Create)]
        fork = created[0]
        while fork in self.claims or fork in self._births:
            await self._durable(doing)
        self.claims[fork] = digest
        try:
            taken = await store.get(fork)
            if taken is not None:
                return taken
            return await self._admit(created, writes, "begun", doing)
        finally:
            self.claims.pop(fork, None)  # (from here on it is a birth, if it is not durable)

    async def revive(self, executions: Collection[ExecutionId], writes: Sequence[Write]) -> None:
        """Make the writes durable together, and let the executions, which had ended, go on.

        Raises `StoreConflict` when somebody else was quicker.
        """
        doing = ("keep the retry", "look at the status before asking again")
        await self._admit(executions, writes, "retried", doing)

    async def _durable(self, doing: tuple[str, str]) -> None:
        """Return when everything that was handed in is durable, and others had a turn."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._committer.submit(None, lambda _: answer(done, None))
        await self._callers.wait(done, *doing)
        await asyncio.sleep(0)

    async def _admit(
        self,
        executions: Collection[ExecutionId],
        writes: Sequence[Write],
        reason: Reason,
        doing: tuple[str, str],
    ) -> Record | None:
        if self._committer.problem is not None:
            raise self._committer.problem
        done: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        self._births.update(executions)

        def durable(results: Results) -> None:
            self._births.difference_update(executions)
            taken = results[0] if isinstance(results[0], Record) else None
            if taken is None:
                self._telemetry.retried += len(executions) if reason == "retried" else 0
                for execution in executions:
                    self._enqueue(execution, reason)
            answer(done, taken)

        def refused(error: Exception) -> None:
            self._births.difference_update(executions)
            disappoint(done, error)

        self._committer.submit_all(writes, durable, refused)
        return await self._callers.wait(done, *doing)
