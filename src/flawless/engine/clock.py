"""The one place that reads the clock and draws what is left to chance in the engine itself."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """A call that is still to come."""

    def cancel(self) -> None:
        """Take the call back; does nothing when it was made or taken back before."""
        ...


class Clock(Protocol):
    """Where the engine's time comes from; tests hand in another.

    Durable times (sleeps, deadlines, pauses between attempts) are waited for with `call_later`, so
    a clock that jumps skips them. Code that really runs is timed by the loop.
    """

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        ...

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call `callback` on the running loop when `delay_s` seconds of this clock are over."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, as the machine has them."""
        return time.time_ns() // 1000

    def call_later(self, delay_s: float, callback: Callable[..., object], *args: object) -> Timer:
        """Call `callback` on the running loop after `delay_s` seconds."""
        return asyncio.get_running_loop().call_later(delay_s, callback, *args)


def new_jitter() -> float:
    """Return a number from 0 to 1 that spreads retries; no secret depends on it."""
    return random.random()  # noqa: S311 (see above)
