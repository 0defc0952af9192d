"""Engines with the programs of conversation, children and repair, on both stores."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lives import Life, until

import flawless
from flawless.engine.clock import SystemClock
from flawless.engine.settings import Settings

MODULES = [
    "talk_programs",
    "race_programs",
    "family_programs",
    "cancel_programs",
    "repair_programs",
]

STORES = ["memory", "sqlite"]
"""On SQLite guests are evicted at once, in memory never: so both ways are gone."""

FORMS = ["", "_async"]
"""What the names of the same workflow in plain and in `async def` form end with."""

MOSTLY_PLAIN = ["", pytest.param("_async", marks=pytest.mark.sweep)]
MOSTLY_ASYNC = [pytest.param("", marks=pytest.mark.sweep), "_async"]
"""The forms for tests that take long: one of them always, the other one in the sweep."""


def engine_on(folder: Path, store: str = "sqlite", **settings: Any) -> flawless.Engine:
    """Return an engine on a folder's file, or in memory."""
    clock = settings.pop("clock", None)
    egress = settings.pop("egress", None)
    defaults: dict[str, Any] = {"evict_after_s": 0.0 if store == "sqlite" else 60.0}
    return flawless.Engine(
        folder / "t.db" if store == "sqlite" else ":memory:",
        modules=MODULES,
        settings=Settings(**{**defaults, **settings}),
        egress=egress,
        clock=clock,
    )


def life_on(folder: Path, **settings: Any) -> Life:
    """Return an engine in a process of its own, which can be killed."""
    return Life(folder, modules=MODULES, **settings)


def waits(run: flawless.Execution[Any], status: str = "waiting") -> None:
    """Return when an execution has the status."""

    def reached() -> bool:
        now = run.status
        assert now == status or not now.final, f"{run.id} is {now}: {why(run)}"
        return now == status

    until(reached, f"{run.id} {status}")


def why(run: flawless.Execution[Any]) -> str:
    """Return how an execution ended, for people."""
    try:
        return repr(run.result(0))
    except flawless.FlawlessError as error:
        return f"{type(error).__name__}: {error}"


def no_guests(engine: flawless.Engine) -> None:
    """Return when every guest has been evicted."""
    until(lambda: engine.health()["guests"] == 0, "eviction")


class _SkipTimer:
    def __init__(self, clock: SkippingClock, due_us: int, call: Callable[[], object]) -> None:
        self._clock = clock
        self._due_us = due_us
        self._call = call
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self.arm()

    def arm(self) -> None:
        """Wait for what is left."""
        if self._handle is not None:
            self._handle.cancel()
        left_s = max(0.0, (self._due_us - self._clock.now_us()) / 1_000_000)
        self._handle = self._loop.call_later(min(left_s, 86_400.0), self._ring)

    def cancel(self) -> None:
        """Take the call back."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None
        self._clock.forget(self)

    def rearm(self) -> None:
        """The clock has skipped some time."""
        if self._handle is not None:
            self._loop.call_soon_threadsafe(lambda: self._handle is not None and self.arm())

    def _ring(self) -> None:
        self._handle = None
        self._clock.forget(self)
        self._call()


class SkippingClock(SystemClock):
    """The machine's clock, until `skip` lets days pass in a moment."""

    def __init__(self) -> None:
        self._ahead_us = 0
        self._timers: set[_SkipTimer] = set()
        self._lock = threading.Lock()

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return super().now_us() + self._ahead_us

    def call_later(
        self, delay_s: float, callback: Callable[..., object], *args: object
    ) -> _SkipTimer:
        """Call back when so much time has passed or was skipped."""
        due_us = self.now_us() + round(delay_s * 1_000_000)
        timer = _SkipTimer(self, due_us, lambda: callback(*args))
        with self._lock:
            self._timers.add(timer)
        return timer

    def forget(self, timer: _SkipTimer) -> None:
        """A timer is over."""
        with self._lock:
            self._timers.discard(timer)

    def skip(self, seconds: float) -> None:
        """Let time pass."""
        self._ahead_us += round(seconds * 1_000_000)
        with self._lock:
            timers = list(self._timers)
        for timer in timers:
            timer.rearm()
