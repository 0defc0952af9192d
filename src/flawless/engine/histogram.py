"""Values counted by the bounds between which they lie: cheap to add to, enough for quantiles."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from typing import Final

COMMIT_S: Final = (
    0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 1.0, 5.0,
)  # fmt: skip
WRITES: Final = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000)
EFFECT_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0,
)  # fmt: skip
LIFE_S: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 3_600.0, 21_600.0,
    86_400.0, 604_800.0,
)  # fmt: skip
REPLAY_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
LAG_S: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class Histogram:
    """How many values lie between which bounds; a value on a bound lies below it."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """The last one counts what is above all bounds."""
        self.total = 0.0
        """The sum of all values."""

    def add(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def since(self, before: Histogram | None) -> Histogram:
        """Return what was added after an earlier copy was taken."""
        found = Histogram(self.bounds)
        found.total = self.total - (0.0 if before is None else before.total)
        earlier = [0] * len(self.counts) if before is None else before.counts
        found.counts = [now - then for now, then in zip(self.counts, earlier, strict=True)]
        return found

    def copy(self) -> Histogram:
        """Return these counts, to be kept."""
        return self.since(None)

    def quantile(self, share: float) -> float | None:
        """Return about below which value that share lies; None if there were no values.

        Within two bounds values are taken to be spread evenly, above the last one to be on it.
        """
        count = self.count
        if not count:
            return None
        wanted, seen, lower = share * count, 0, 0.0
        for n, bound in zip(self.counts, self.bounds, strict=False):
            if n and seen + n >= wanted:
                return lower + (bound - lower) * (wanted - seen) / n
            seen += n
            lower = bound
        return self.bounds[-1]
