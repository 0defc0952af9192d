"""How a soak is told of: the chart, and the report."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

from flatness import Point, Row, floors, table
from picture import Chart, Line, Panel, draw
from reckoning import Read, sizes, windows
from soaking import Soaked


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
        Panel("Store for each execution, KiB", [Line("database", [sizes(soaked.samples)])]),
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
