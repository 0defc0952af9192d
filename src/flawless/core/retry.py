"""How long to wait before trying again: exponential backoff with jitter, as arithmetic.

The pause before attempt n+1 is drawn evenly from the upper half of `first * factor**(n-1)`, capped
at `longest`. ("Equal jitter" in Marc Brooker's classification, Exponential Backoff And Jitter, AWS
Architecture Blog, 2015: it spreads callers out and still guarantees half of the pause.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often an effect is tried again, and with which pauses. Times in seconds."""

    retries: int = 0
    """Further attempts after the first."""
    first_s: float = 0.5
    factor: float = 2.0
    longest_s: float = 60.0

    def __post_init__(self) -> None:
        if self.retries < 0:
            raise ValueError(f"retries must be 0 or more, not {self.retries}")
        if not 0 <= self.first_s <= self.longest_s < math.inf:
            raise ValueError(
                "pauses must be finite and satisfy 0 <= first_s <= longest_s, not "
                f"first_s={self.first_s}, longest_s={self.longest_s}"
            )
        if not 1 <= self.factor < math.inf:
            raise ValueError(f"factor must be finite and 1 or more, not {self.factor}")

    def pause_s(self, failures: int, jitter: float) -> float | None:
        """Return the pause after `failures` failed attempts, or None to give up.

        `jitter` is a number from 0 to 1 that the caller draws.
        """
        if failures < 1:
            raise ValueError(f"failures is counted from 1, not {failures}")
        if not 0 <= jitter <= 1:
            raise ValueError(f"jitter must lie between 0 and 1, not {jitter}")
        if failures > self.retries:
            return None
        if self.first_s == 0:
            return 0.0
        # factor**n overflows for huge n; the cap makes the exact value irrelevant by then.
        try:
            full = min(self.first_s * float(self.factor) ** (failures - 1), self.longest_s)
        except OverflowError:
            full = self.longest_s
        return full / 2 + full / 2 * jitter
