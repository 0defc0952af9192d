"""Crash points: where something befalls a process, and the wrappers around the engine that tell.

A point is written

    commit:7:before     before the 7th commit of an execution's writes (8th, 9th: never reached)
    commit:7:after      when it is durable, before the engine hears of it
    perform:3:before    before the 3rd outside effect begins
    perform:3:after     when it has happened, before the engine hears of its outcome
    read:1:before       while it recovers: before (after) the n-th journal is read
    request:12:before   before the guest's 12th request in this process is answered: in the
                        middle of a replay, too
    told:1:before       before (after) somebody outside writes down what the engine has told: that
                        an execution has started, a message is taken, an execution has ended
    asleep:1            when all executions have begun and only wait, for the n-th time
    time:0.25           so many seconds after the process began to work

Counting begins anew in each process. Nothing in the engine knows of this: its store and its
performers are wrapped from outside. What happens at a point: see `disturbances.py`.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

from disturbances import MovableClock, actions_of, carry_out

import seams
from flawless.core.protocol import HttpRequest
from flawless.engine import effects, loading
from flawless.engine.execution import LiveExecution
from flawless.engine.http import HttpPerformer
from flawless.engine.outcome import Outcome, Report
from flawless.engine.outside import Outside
from flawless.engine.steps import StepPerformer, StepRun
from flawless.stores.base import Append, Create, NextRun, SaveAttempts, Send, Write

_COUNTED = Create | Append | SaveAttempts | Send | NextRun

KINDS = ("commit", "perform", "read", "request", "told")


class Points:
    """Counts the points a process passes, and lets happen what is to happen at some of them."""

    def __init__(self, life: str, clock: MovableClock | None = None) -> None:
        self.counts: Counter[str] = Counter()
        self._actions = actions_of(life)
        self._clock = clock or MovableClock()
        for point in self._actions:
            if point.startswith("time:"):
                timer = threading.Timer(float(point.removeprefix("time:")), self.reach, [point])
                timer.daemon = True
                timer.start()

    @property
    def naps(self) -> list[str]:
        """The points that are reached when all executions are asleep."""
        return sorted(point for point in self._actions if point.startswith("asleep:"))

    def before(self, kind: str) -> int:
        """Count one more of a kind and return its number."""
        self.counts[kind] += 1
        number = self.counts[kind]
        self.reach(f"{kind}:{number}:before")
        return number

    def after(self, kind: str, number: int) -> None:
        """Tell that it is over."""
        self.reach(f"{kind}:{number}:after")

    def reach(self, point: str) -> None:
        """Let happen what is to happen here, once."""
        action = self._actions.pop(point, None)
        if action is not None:
            carry_out(action, self._clock)


class CrashingStore:
    """A store with crash points around its commits and its journal reads."""

    def __init__(self, store: Any, points: Points) -> None:
        self._store = store
        self._points = points

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit; writes of executions count."""
        if not any(isinstance(write, _COUNTED) for write in writes):
            return await self._store.commit(writes, **options)
        number = self._points.before("commit")
        results = await self._store.commit(writes, **options)
        self._points.after("commit", number)
        return results

    async def journal(self, id: Any, *more: Any) -> Any:  # noqa: A002 (the contract's name)
        """Read a journal."""
        number = self._points.before("read")
        chunks = await self._store.journal(id, *more)
        self._points.after("read", number)
        return chunks


def wrap_performers(points: Points) -> Outside:
    """Put crash points around every outside effect and every request of a guest.

    Returns what the engine's settings are to hold.
    """

    class CrashingSteps(StepPerformer):
        def perform(self, *args: Any, report: Report, **options: Any) -> StepRun | None:
            number = points.before("perform")

            def reported(outcome: Outcome) -> None:
                points.after("perform", number)
                report(outcome)

            return super().perform(*args, report=reported, **options)

    class CrashingHttp(HttpPerformer):
        async def perform(self, execution: str, request: HttpRequest, **options: Any) -> Outcome:
            number = points.before("perform")
            outcome = await super().perform(execution, request, **options)
            points.after("perform", number)
            return outcome

    class CrashingExecution(LiveExecution):
        def call(self, request: bytes) -> bytes | None:
            number = points.before("request")
            response = super().call(request)
            points.after("request", number)
            return response

    seams.rebuild(effects, "StepPerformer", lambda _: CrashingSteps)
    seams.rebuild(loading, "LiveExecution", lambda _: CrashingExecution)
    return Outside(http=CrashingHttp)
