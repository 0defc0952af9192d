"""What a soak's measurements say: what grows, and what does not."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median

from flatness import Point, Row, floors, judge, second_half
from kinds import PROBE
from samples import Sample
from soaking import Soaked

WINDOWS = 120
"""Latency is charted in so many windows."""
WINDOW_STARTS_MIN = 5
QUIET_CORES = 0.5
"""Where other programs take more than this of the machine, latency is theirs as much as ours."""
SETTLED_S = 60.0
"""How long after the last kill the one long life begins to count."""
COST_S = 30.0
ENDED_MIN = 200
"""The store grows by whole pages, and its tables by halves of pages: less says nothing."""


def rows(soaked: Soaked) -> list[Row]:
    """Return the verdicts."""
    return [*_one_life(soaked), *_across_lives(soaked), *_whole(soaked)]


def _one_life(soaked: Soaked) -> list[Row]:
    """What grows while one process lives: the later half of the long, undisturbed life."""
    calm_s = soaked.storm_over_s - soaked.began_s + SETTLED_S
    looks = [one for one in soaked.samples if one.at_s >= calm_s and one.age_s >= SETTLED_S]
    over = "the long life"

    def row(name: str, unit: str, read: Read, limit: float, noise: float, of: Of = median) -> Row:
        points = second_half([(one.at_s, read(one)) for one in looks])
        return judge(name, unit, over, points, limit=limit, noise=noise, of=of)

    found = [
        row("resident memory of the engine", "MiB", lambda one: one.rss_mib, 15, 3, min),
        row("proportional memory of the engine", "MiB", lambda one: one.pss_mib, 15, 3, min),
        row("memory of steps' processes", "MiB", lambda one: one.workers_pss_mib, 15, 3, min),
        row("open file handles", "", lambda one: one.handles, 10, 3),
        row("threads", "", lambda one: one.threads, 10, 2),
        row("live guests", "", lambda one: one.guests, 50, 5),
    ]
    cost = second_half(_cost(looks))
    found.append(judge("CPU per execution", "ms", over, cost, limit=25, noise=1))
    for name, part, limit, noise in (("p50", 0.5, 40, 5.0), ("p99", 0.99, 100, 50.0)):
        found.append(_latency(soaked, f"latency {name}", part, over, calm_s, limit, noise))
    measured = [one for one in _in_yardsticks(soaked) if one[0] >= calm_s]
    found.append(judge("latency p50 in yardsticks", "", over, measured, limit=40, noise=0.3))
    return found


def _in_yardsticks(soaked: Soaked) -> list[Point]:
    """Return latency as a multiple of what the machine takes for the same requests by itself.

    Other programs slow both down, so this can be judged while they run.
    """
    return [
        (at_s, latency_ms / yardstick_ms)
        for at_s, latency_ms in windows(soaked, 0.5)
        if (yardstick_ms := _around(soaked, at_s, lambda one: one.yardstick_ms))
    ]


def _latency(
    soaked: Soaked, name: str, part: float, over: str, from_s: float, limit: float, noise: float
) -> Row:
    everything = [one for one in windows(soaked, part) if one[0] >= from_s]
    quiet = [
        one
        for one in everything
        if _around(soaked, one[0], lambda sample: sample.foreign_cpu) <= QUIET_CORES
    ]
    if 2 * len(quiet) < len(everything):
        row = judge(name, "ms", over, everything, limit=limit, noise=noise, judged_s_min=1e9)
        return _because(row, "not judged: others kept the machine busy")
    return judge(name, "ms", over, quiet, limit=limit, noise=noise)


def _because(row: Row, verdict: str) -> Row:
    return Row(**{name: getattr(row, name) for name in row.__slots__} | {"verdict": verdict})


def _across_lives(soaked: Soaked) -> list[Row]:
    """What every further life begins with: the floor of each, over all lives' later half."""
    over = "floors of lives"

    def row(name: str, unit: str, read: Read, limit: float, noise: float) -> Row:
        looks = [(one.life, one.at_s, one.age_s, read(one)) for one in soaked.samples]
        points = second_half(floors(looks))
        return judge(name, unit, over, points, limit=limit, noise=noise, of=None)

    ready = [
        (one.began_s - soaked.began_s, one.ready_s - one.began_s)
        for one in soaked.lives[1:]
        if one.ready_s is not None
    ]
    return [
        row("resident memory of the engine", "MiB", lambda one: one.rss_mib, 15, 4),
        row("open file handles", "", lambda one: one.handles, 10, 3),
        row("threads", "", lambda one: one.threads, 10, 2),
        judge("from start to ready", "s", "all lives", ready, limit=100, noise=1, of=None),
    ]


def _whole(soaked: Soaked) -> list[Row]:
    size = [one for one in second_half(sizes(soaked.samples)) if one[1]]
    return [judge("store for each execution", "KiB", "all lives", size, limit=10, noise=0.5)]


Read = Callable[[Sample], float]
Of = Callable[[list[float]], float]


def _cost(looks: Sequence[Sample]) -> list[Point]:
    """Return the engine's CPU time for each execution that ended, in stretches of some length."""
    found, cpu_ms, since = [], 0.0, None
    for before, now in pairwise(looks):
        if before.life != now.life:
            cpu_ms, since = 0.0, None
            continue
        since = since or before
        cpu_ms += now.server_cpu * (now.at_s - before.at_s) * 1_000
        ended = now.ended - since.ended
        if now.at_s - since.at_s >= COST_S and ended:
            found.append((now.at_s, cpu_ms / ended))
            cpu_ms, since = 0.0, None
    return found


def sizes(samples: Sequence[Sample]) -> list[Point]:
    """Return by how much the store has grown for each execution that has ended, since the start."""
    if not samples:
        return []
    first = samples[0]
    return [
        (one.at_s, (one.store_mib - first.store_mib) * 1_024 / (one.ended - first.ended))
        for one in samples
        if one.ended - first.ended >= ENDED_MIN
    ]


def _around(soaked: Soaked, at_s: float, read: Read) -> float:
    """Return the median of what was measured around a moment, 0 if nothing was."""
    width = soaked.plan.length_s / WINDOWS
    inside = [read(one) for one in soaked.samples if abs(one.at_s - at_s) <= width]
    return median(inside) if inside else 0.0


def windows(soaked: Soaked, part: float) -> list[Point]:
    """Return a quantile of start-to-result latency in milliseconds, window by window.

    Only of those in whose time no server died: what a restart takes is shown by itself.
    """
    width = soaked.plan.length_s / WINDOWS
    ends = [one.over_s for one in soaked.lives if one.over_s is not None]
    found: dict[int, list[float]] = {}
    for one in soaked.started:
        if one.kind.name != PROBE or one.calm or one.latency_ms is None or one.ended_s is None:
            continue
        if not any(one.began_s - width / 10 <= end <= one.ended_s for end in ends) and _up(
            soaked, one.began_s
        ):
            found.setdefault(int((one.began_s - soaked.began_s) / width), []).append(one.latency_ms)
    return [
        ((number + 0.5) * width, _quantile(inside, part))
        for number, inside in sorted(found.items())
        if len(inside) >= WINDOW_STARTS_MIN
    ]


def _up(soaked: Soaked, at_s: float) -> bool:
    """Tell whether a server was ready at a moment."""
    return any(
        life.ready_s is not None and life.ready_s <= at_s <= (life.over_s or at_s)
        for life in soaked.lives
    )


def _quantile(values: Sequence[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]
