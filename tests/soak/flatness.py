"""Whether something grows: robust slopes over time, and when a slope counts as growth.

Each row is judged on medians of blocks of time, so that neither a spike nor a slow minute of the
machine decides; memory on the lowest values, since it goes up and down with what is being done and
only what never comes down again is lost. Their slope is Theil and Sen's: the median of the slopes
between all pairs of blocks, which a quarter of bad blocks cannot move far. A row *grows* when both
hold:

- the slope, over an hour, is more than so many percent of the median, and
- the line has really risen by more than a noise floor while it was watched,

for a slope of a few minutes alone, projected to an hour, makes much of little. What is watched too
briefly is shown and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median

BLOCKS = 12
BLOCKS_MIN = 6
JUDGED_S_MIN = 240.0
HOUR_S = 3_600.0
SETTLED_S = 10.0
"""What a life needs to fill its pools; its floor is looked for behind that."""
LIVES_MIN = 8

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Row:
    """One quantity over one stretch of time, and the verdict."""

    name: str
    unit: str
    over: str
    points: int
    median: float
    slope: float
    """Change in an hour, in percent of the median."""
    rise: float
    """Change over the stretch along the line, in the unit."""
    limit: float
    noise: float
    verdict: str
    """`flat`, `grows`, or why it is not judged."""

    @property
    def grows(self) -> bool:
        """Whether this is a failure."""
        return self.verdict == "grows"


def slope(points: Sequence[Point]) -> float:
    """Return Theil and Sen's slope, per second."""
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(points, 2) if b[0] > a[0]]
    return median(slopes) if slopes else 0.0


def blocks(
    points: Sequence[Point], count: int = BLOCKS, *, of: Callable[[list[float]], float] = median
) -> list[Point]:
    """Return the medians, or what else is asked for, of so many equal stretches of time."""
    if not points:
        return []
    first, last = points[0][0], points[-1][0]
    width = (last - first) / count or 1.0
    found: dict[int, list[Point]] = {}
    for point in points:
        found.setdefault(min(count - 1, int((point[0] - first) / width)), []).append(point)
    return [
        (median(x for x, _ in inside), of([y for _, y in inside]))
        for _, inside in sorted(found.items())
    ]


def judge(
    name: str,
    unit: str,
    over: str,
    points: Sequence[Point],
    *,
    limit: float,
    noise: float,
    judged_s_min: float = JUDGED_S_MIN,
    of: Callable[[list[float]], float] | None = median,
) -> Row:
    """Return the verdict on (seconds, value): `limit` in percent an hour, `noise` in the unit.

    `of` is what counts of each block of time; None judges the points as they are.
    """
    line = list(points) if of is None else blocks(points, of=of)
    watched_s = points[-1][0] - points[0][0] if points else 0.0
    per_s = slope(line)
    middle = median(y for _, y in points) if points else 0.0
    percent = per_s * HOUR_S / middle * 100 if middle else 0.0
    rise = per_s * watched_s
    if watched_s < judged_s_min or len(line) < BLOCKS_MIN:
        verdict = "too short to judge"
    else:
        verdict = "grows" if percent > limit and rise > noise else "flat"
    return Row(name, unit, over, len(points), middle, percent, rise, limit, noise, verdict)


def second_half(points: Sequence[Point]) -> list[Point]:
    """Return what lies in the later half of the time."""
    if not points:
        return []
    middle = (points[0][0] + points[-1][0]) / 2
    return [point for point in points if point[0] >= middle]


def floors(looks: Sequence[tuple[int, float, float, float]]) -> list[Point]:
    """Return for each life when it was, and its lowest value once it had settled.

    `looks` are (life, seconds, age, value). The youngest lives tell nothing and are left out.
    """
    lives: dict[int, list[Point]] = {}
    for life, at_s, age_s, value in looks:
        if age_s >= SETTLED_S:
            lives.setdefault(life, []).append((at_s, value))
    return [
        (inside[0][0], min(value for _, value in inside)) for _, inside in sorted(lives.items())
    ]


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a table in Markdown."""
    head = "| what | over | median | slope, % an hour | rise | fails above | verdict |"
    lines = [head, "|---|---|---|---|---|---|---|"]
    lines += [
        f"| {row.name} | {row.over} | {row.median:.4g} {row.unit} | {row.slope:+.1f} | "
        f"{row.rise:+.3g} {row.unit} | {row.limit:g} % and {row.noise:g} {row.unit} | "
        f"{row.verdict} |"
        for row in rows
    ]
    return "\n".join(lines)
