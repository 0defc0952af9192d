"""What a soak's measurements say: the table of what grows, the chart, and the report."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from flatness import Point, Row, floors, judge, second_half, table
from kinds import PROBE
from picture import Chart, Line, Panel, draw
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
    return found


def _latency(
    soaked: Soaked, name: str, part: float, over: str, from_s: float, limit: float, noise: float
) -> Row:
    everything = [one for one in windows(soaked, part) if one[0] >= from_s]
    quiet = [one for one in everything if _foreign(soaked, one[0]) <= QUIET_CORES]
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
    size = [one for one in second_half(_sizes(soaked.samples)) if one[1]]
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


def _sizes(samples: Sequence[Sample]) -> list[Point]:
    """Return by how much the store has grown for each execution that has ended, since the start."""
    if not samples:
        return []
    first = samples[0]
    return [
        (one.at_s, (one.store_mib - first.store_mib) * 1_024 / (one.ended - first.ended))
        for one in samples
        if one.ended - first.ended >= ENDED_MIN
    ]


def _foreign(soaked: Soaked, at_s: float) -> float:
    width = soaked.plan.length_s / WINDOWS
    inside = [one.foreign_cpu for one in soaked.samples if abs(one.at_s - at_s) <= width]
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


def chart(soaked: Soaked) -> str:
    """Return the picture."""

    def by_life(read: Read) -> list[list[Point]]:
        pieces: dict[int, list[Point]] = {}
        for one in soaked.samples:
            pieces.setdefault(one.life, []).append((one.at_s, read(one)))
        return list(pieces.values())

    def whole(read: Read) -> list[list[Point]]:
        return [[(one.at_s, read(one)) for one in soaked.samples]]

    deaths = [life for life in soaked.lives if life.over_s and life.over_s < soaked.storm_over_s]
    plan, found = soaked.plan, soaked.findings
    resident = [(one.life, one.at_s, one.age_s, one.rss_mib) for one in soaked.samples]
    lowest = [[one] for one in floors(resident)]
    panels = [
        Panel(
            "Memory of the engine, MiB",
            [
                Line("resident", by_life(lambda one: one.rss_mib)),
                Line("floor of each life", lowest),
            ],
        ),
        Panel(
            "Handles and threads",
            [
                Line("open file handles", by_life(lambda one: one.handles)),
                Line("threads", by_life(lambda one: one.threads)),
                Line("live guests", by_life(lambda one: one.guests)),
            ],
        ),
        Panel(
            "Start to result of six steps, ms",
            [Line("p50", [windows(soaked, 0.5)]), Line("p99", [windows(soaked, 0.99)])],
            logarithmic=True,
        ),
        Panel("Store, MiB", [Line("database", whole(lambda one: one.store_mib))]),
        Panel("Store for each execution, KiB", [Line("database", [_sizes(soaked.samples)])]),
        Panel(
            "Cores in use",
            [
                Line("server", by_life(lambda one: one.server_cpu)),
                Line("other programs on this machine", whole(lambda one: one.foreign_cpu)),
            ],
        ),
    ]
    return draw(
        Chart(
            f"{plan.length_s / 60:g} minutes, {len(deaths)} restarts, "
            f"{found.executions:,} executions",
            f"{plan.rate:g} workflows started a second, children besides; seed {plan.seed}; "
            f"{os.cpu_count()} cores; {datetime.fromtimestamp(soaked.began_s, UTC):%Y-%m-%d}",
            panels,
            soaked.ended_s - soaked.began_s,
            kills=[
                life.over_s - soaked.began_s
                for life in deaths
                if life.over_s and life.end == "killed"
            ],
            stops=[
                life.over_s - soaked.began_s
                for life in deaths
                if life.over_s and life.end == "stopped"
            ],
            calm_s=soaked.storm_over_s - soaked.began_s,
        )
    )


def report(soaked: Soaked, judged: Sequence[Row]) -> str:
    """Return what is printed at the end, in Markdown."""
    plan, found = soaked.plan, soaked.findings
    ends = [life.end for life in soaked.lives if life.over_s and life.over_s < soaked.storm_over_s]
    foreign = median(one.foreign_cpu for one in soaked.samples) if soaked.samples else 0.0
    server = median(one.server_cpu for one in soaked.samples) if soaked.samples else 0.0
    down = [
        after.ready_s - before.over_s
        for before, after in pairwise(soaked.lives)
        if after.ready_s and before.over_s
    ]
    downtime = f"{median(down):.2f} s" if down else "none"
    began = f"{datetime.fromtimestamp(soaked.began_s, UTC):%Y-%m-%d %H:%M} UTC"
    heard = ", ".join(f"{name} {times} times" for name, times in soaked.errors.items())
    facts = [
        f"{plan.length_s / 60:g} minutes from {began}, seed {plan.seed}",
        f"{plan.rate:g} starts a second, {' and '.join(plan.languages)}",
        (
            f"Python {platform.python_version()}, {os.cpu_count()} cores, medians of those in use: "
            f"{server:.2f} by the server, {foreign:.2f} by other programs"
        ),
        f"{ends.count('killed')} times kill -9, {ends.count('stopped')} orderly restarts",
        f"from the end of one life until the next was ready: {downtime} (median)",
        (
            f"{found.started:,} executions started, {found.executions:,} with children and further "
            f"runs; {found.disturbed:,} had a restart in their life"
        ),
        (
            f"{found.entries:,} journal entries, {found.effects:,} effects in the ledger, "
            f"{found.interrupted} reported as interrupted"
        ),
        f"{found.replayed} journals replayed, {soaked.followed:,} executions followed by events",
        f"clients heard while the server was away: {heard or 'nothing'}",
    ]
    lines = [*(f"- {one}" for one in facts), "", table(judged), ""]
    broken = found.problems
    lines += [f"BROKEN: {one}" for one in broken[:50]]
    lines += [f"... and {len(broken) - 50} more"] if len(broken) > 50 else []
    lines.append(f"{len(broken)} promises broken" if broken else "all promises kept")
    grown = [f"{row.name} ({row.over})" for row in judged if row.grows]
    lines.append(f"grows: {', '.join(grown)}" if grown else "nothing grows that is judged")
    return "\n".join(lines)
