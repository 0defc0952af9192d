"""Crash points: where a process kills itself, and the wrappers around the engine that do it.

A point is written

    commit:7:before     before the 7th commit of an execution's writes (8th, 9th: never reached)
    commit:7:after      when it is durable, before the engine hears of it
    perform:3:before    before the 3rd outside effect begins
    perform:3:after     when it has happened, before the engine hears of its outcome
    read:1:before       while it recovers: before (after) the n-th journal is read
    request:12:before   before the guest's 12th request in this process is answered: in the
                        middle of a replay, too
    time:0.25           so many seconds after the process began to work

Counting begins anew in each process. Nothing in the engine knows of this: its store and its
performers are wrapped from outside.
"""

from __future__ import annotations

import os
import signal
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

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

KINDS = ("commit", "perform", "read", "request")


class Points:
    """Counts the points a process passes, and kills it at one of them."""

    def __init__(self, crash: str | None) -> None:
        self.counts: Counter[str] = Counter()
        self._crash = crash
        if crash is not None and crash.startswith("time:"):
            timer = threading.Timer(float(crash.removeprefix("time:")), die)
            timer.daemon = True
            timer.start()

    def before(self, kind: str) -> int:
        """Count one more of a kind and return its number; dies if this is the point."""
        self.counts[kind] += 1
        number = self.counts[kind]
        self._pass(f"{kind}:{number}:before")
        return number

    def after(self, kind: str, number: int) -> None:
        """Tell that it is over; dies if this is the point."""
        self._pass(f"{kind}:{number}:after")

    def _pass(self, point: str) -> None:
        if point == self._crash:
            die()


def die() -> None:
    """Die as if the power had gone: no clean-up, no `finally`, no flush."""
    os.kill(os.getpid(), signal.SIGKILL)


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
