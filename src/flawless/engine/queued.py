"""The executions that wait for a guest."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Literal, TypeAlias

from flawless.engine.replay_log import Reason
from flawless.engine.wakeups import PAGE
from flawless.ids import ExecutionId

Place: TypeAlias = Literal["front", "back", "follower"]


class Queued:
    """A queue in which each execution stands at most once, with the reason why.

    Those that follow a crowd (see `crowd`) stand in a line of their own.
    """

    def __init__(self) -> None:
        self._order: deque[ExecutionId] = deque()
        self._followers: deque[ExecutionId] = deque()
        self._reasons: dict[ExecutionId, Reason] = {}
        self._shorter = asyncio.Event()

    def __len__(self) -> int:
        return len(self._reasons)

    def __contains__(self, execution: ExecutionId) -> bool:
        return execution in self._reasons

    @property
    def following(self) -> int:
        """How many follow a crowd."""
        return len(self._followers)

    @property
    def others(self) -> int:
        """How many do not."""
        return len(self._order)

    def put(self, execution: ExecutionId, reason: Reason, place: Place = "back") -> None:
        """Add an execution, unless it stands there already."""
        if execution in self._reasons:
            return
        self._reasons[execution] = reason
        if place == "follower":
            self._followers.append(execution)
        elif place == "front":
            self._order.appendleft(execution)
        else:
            self._order.append(execution)

    def take(self, *, follower: bool = False) -> tuple[ExecutionId, Reason]:
        """Take out the next one, or the next follower."""
        execution = (self._followers if follower else self._order).popleft()
        self._shorter.set()
        return execution, self._reasons.pop(execution)

    async def short(self) -> None:
        """Return when less than a page stands here: the rest stays in the store until then.

        Followers do not count: there are only as many as were started.
        """
        while len(self._order) >= PAGE:
            self._shorter.clear()
            await self._shorter.wait()
