"""The executions that wait for a guest."""

from __future__ import annotations

import asyncio
from collections import deque

from flawless.engine.replay_log import Reason
from flawless.engine.wakeups import PAGE
from flawless.ids import ExecutionId


class Queued:
    """A queue in which each execution stands at most once, with the reason why."""

    def __init__(self) -> None:
        self._order: deque[ExecutionId] = deque()
        self._reasons: dict[ExecutionId, Reason] = {}
        self._shorter = asyncio.Event()

    def __len__(self) -> int:
        return len(self._order)

    def __contains__(self, execution: ExecutionId) -> bool:
        return execution in self._reasons

    def put(self, execution: ExecutionId, reason: Reason, *, front: bool = False) -> None:
        """Add an execution, unless it stands there already."""
        if execution in self._reasons:
            return
        self._reasons[execution] = reason
        if front:
            self._order.appendleft(execution)
        else:
            self._order.append(execution)

    @property
    def first(self) -> ExecutionId:
        """The one that `take` takes."""
        return self._order[0]

    def take(self) -> tuple[ExecutionId, Reason]:
        """Take the next one out."""
        execution = self._order.popleft()
        self._shorter.set()
        return execution, self._reasons.pop(execution)

    async def short(self) -> None:
        """Return when less than a page stands here: the rest stays in the store until then."""
        while len(self._order) >= PAGE:
            self._shorter.clear()
            await self._shorter.wait()
