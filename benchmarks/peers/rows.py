"""The rows of the comparison: what is better, the bars we set ourselves, and who is ahead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from benchmarks.peers.engines.names import ENGINES
from benchmarks.peers.results import Summary

OURS: Final = ("flawless-python", "flawless-rust")
BARE_MAX: Final = 1.5
"""A sequential step may take so many times a bare one-row commit of the same store."""

Table = dict[str, dict[str, Summary]]
"""Metric -> engine -> summary."""


def _short(value: float) -> str:
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"


@dataclass(frozen=True, slots=True)
class Row:
    """One metric, and how far ahead of the best peer of the row we mean to be."""

    metric: str
    title: str
    unit: str
    lower: bool = True
    """Whether lower is better."""
    python: float | None = 1.0
    """The bar of workflows in Python, as a ratio to the best peer; None: there is none."""
    rust: float | None = 1.0
    charted: bool = False

    def bar(self, engine: str) -> float | None:
        """Return the bar of one of ours."""
        return self.rust if engine == "flawless-rust" else self.python

    def shown(self, value: float) -> str:
        """Return a value for people."""
        return _short(value)


ROWS: Final = (
    Row("noop_p50_ms", "no-op, start to result, p50", "ms", True, 0.9, 0.4, True),
    Row("noop_p99_ms", "no-op, start to result, p99", "ms"),
    Row("noops_per_s", "no-op executions, 50 at once", "/s", False, 1.2, 4.0, True),
    Row("step_ms", "sequential step", "ms", True, 0.3, 0.3, True),
    Row("long_step_ms", "sequential step, of 1,000 in one execution", "ms"),
    Row(
        "long_to_short_ratio", "a step of 1,000 to one of 250 (1 is linear)", "x", True, None, None
    ),
    Row("fan_steps_per_s", "200 executions x 10 steps", "steps/s", False, 2.0, 2.0, True),
    Row("wide_steps_per_s", "100 executions x 100 steps", "steps/s", False, 4.0, 4.0, True),
    Row("store_bytes_per_step", "database growth per step", "bytes", True, 0.5, 0.5, True),
    Row("disk_bytes_per_step", "written to the disk per step", "bytes"),
    Row("load_p50_ms", "latency at half of own capacity, p50", "ms", True, None, None),
    Row("load_p99_ms", "latency at half of own capacity, p99", "ms"),
    Row("overdue_resumed_s", "500 overdue sleepers after a kill: all resumed", "s"),
    Row("midstep_resumed_s", "500 killed in mid-step: all in it again", "s"),
    Row("midstep_done_s", "500 killed in mid-step: all done", "s"),
    Row("many_resumed_s", "10,000 killed in mid-step: all in it again", "s", True, 0.5, 0.5, True),
    Row("caught_up_s", "restart until the step after 1,000 runs", "s"),
    Row("replay_per_s", "replay after a restart", "entries/s", False),
    Row("idle_mb", "memory, idle", "MB", True, None, None),
    Row("sleeping_mb", "memory with 2,000 sleeping", "MB", True, 1.0, 1.0, True),
    Row("many_sleepers_start_s", "start-up with 100,000 sleeping", "s"),
    Row("sleeper_kb", "memory for each of 100,000 sleeping, all counted", "kB", True, None, None),
)

LIMITS: Final = (
    ("bare_sync_us", "sync (fdatasync) of 4 kB", "us"),
    ("bare_commit_us", "one-row commit, SQLite, WAL, synchronous=FULL", "us"),
    ("bare_commits_per_s", "one-row commits", "/s"),
    ("bare_commits_of_100_per_s", "commits of 100 rows", "/s"),
    ("postgresql_commits_1_per_s", "one-row commits, PostgreSQL, 1 client", "/s"),
    ("postgresql_commits_20_per_s", "one-row commits, PostgreSQL, 20 clients", "/s"),
)


def peers(row: Row, table: Table) -> dict[str, Summary]:
    """Return the summaries of a row without ours."""
    return {
        engine: summary
        for engine, summary in table.get(row.metric, {}).items()
        if not ENGINES[engine].ours
    }


def best_peer(row: Row, table: Table) -> str | None:
    """Return the peer that is ahead in a row; None where there is no peer, or nothing to win."""
    others = peers(row, table) if row.python is not None else {}
    choose: Callable[..., str] = min if row.lower else max
    return choose(others, key=lambda engine: others[engine].median) if others else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one of ours stands in a row."""

    engine: str
    ratio: float
    """Ours to the best peer."""
    bar: float | None
    met: bool
    ahead: bool


def verdicts(row: Row, table: Table) -> list[Verdict]:
    """Compare ours with the best peer of a row."""
    best = best_peer(row, table)
    if best is None:
        return []
    theirs, made = table[row.metric][best].median, []
    for engine in OURS:
        own = table[row.metric].get(engine)
        if own is None or not theirs:
            continue
        ratio, bar = own.median / theirs, row.bar(engine)
        met = bar is None or (ratio <= bar if row.lower else ratio >= bar)
        made.append(Verdict(engine, ratio, bar, met, ratio <= 1 if row.lower else ratio >= 1))
    return made


def to_bare_commit(table: Table) -> dict[str, float]:
    """Return how many times a bare commit a sequential step of ours takes, the middle one."""
    bare = table.get("bare_commit_us", {}).get("machine")
    steps = table.get("step_ms", {})
    if bare is None:
        return {}
    return {engine: steps[engine].median * 1e3 / bare.median for engine in OURS if engine in steps}
