"""The one place that reads the clock."""

from __future__ import annotations

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
