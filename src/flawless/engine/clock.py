"""The one place that reads the clock and draws what is left to chance in the engine itself."""

from __future__ import annotations

import random
import time
from typing import Protocol


class Clock(Protocol):
    """Where the engine's time comes from; tests hand in another."""

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        ...


class SystemClock:
    """The machine's clock."""

    def now_us(self) -> int:
        """Return microseconds since the epoch, as the machine has them."""
        return time.time_ns() // 1000


def new_jitter() -> float:
    """Return a number from 0 to 1 that spreads retries; no secret depends on it."""
    return random.random()  # noqa: S311 (see above)
