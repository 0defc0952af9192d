"""The results on a terminal."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table as Printed

from benchmarks.peers.engines.names import ENGINES
from benchmarks.peers.results import Record, Summary, failures, summarise
from benchmarks.peers.rows import (
    BARE_MAX,
    LIMITS,
    ROWS,
    Row,
    Table,
    Verdict,
    best_peer,
    to_bare_commit,
    verdicts,
)

OF_ALL = ("s", "MB", "kB")
"""Units of what depends on how many there are."""


def show(records: Iterable[Record], console: Console) -> None:
    """Print medians, spread, bars, what the machine can do, versions, and what failed."""
    records = list(records)
    table = summarise(records)
    engines = [name for name in ENGINES if any(r.engine == name for r in records)]
    printed = Printed(title="medians; in brackets how far the rounds are apart; * the best peer")
    printed.add_column("what")
    for engine in engines:
        printed.add_column(ENGINES[engine].title, justify="right")
    printed.add_column("ours to the best peer, and the bar")
    for row in ROWS:
        if row.metric in table:
            best = best_peer(row, table)
            cells = [cell(row, table, engine, best=engine == best) for engine in engines]
            printed.add_row(f"{row.title}, {row.unit}", *cells, told(row, table))
    console.print(printed)
    for line in limits(table):
        console.print(f"  {line}", highlight=False)
    for engine, extra in about(records).items():
        console.print(f"{engine}: {extra}", highlight=False, markup=False)
    for record in failures(records):
        console.print(
            f"failed: {record.engine} {record.block} in round {record.round}: {record.error}",
            style="yellow", markup=False,
        )  # fmt: skip


def cell(row: Row, table: Table, engine: str, *, best: bool = False) -> str:
    """Return a median, its spread, and whether it was calculated, or is of fewer."""
    summary = table[row.metric].get(engine)
    if summary is None:
        return ""
    text = row.shown(summary.median) + ("*" if best else "")
    if len(summary.values) > 1:
        text += f" ({summary.spread:.0%})"
    most = max(other.counts[-1] for other in table[row.metric].values())
    return text + _noted(row, summary, max(most, summary.extra.get("of", 0)))


def _noted(row: Row, summary: Summary, most: int) -> str:
    """Say so where fewer were reached than elsewhere, unless it is a rate."""
    extra, count = summary.extra, summary.counts[-1]
    if extra.get("calculated"):
        return f" (from {extra['resumed']:,} in {extra['resumed_s']:.0f} s)"
    return f" (of {count:,})" if row.unit in OF_ALL and count < most else ""


def told(row: Row, table: Table) -> str:
    """Return ratios and bars in words."""
    parts = [_judged(verdict, row) for verdict in verdicts(row, table)]
    if row.metric == "step_ms":
        parts += [
            f"{_language(engine)} {ratio:.2f}x a bare commit (at most {BARE_MAX:g}: "
            f"{'met' if ratio <= BARE_MAX else 'missed'})"
            for engine, ratio in to_bare_commit(table).items()
        ]
    return "; ".join(parts)


def _judged(verdict: Verdict, row: Row) -> str:
    text = f"{_language(verdict.engine)} {verdict.ratio:.2f}x"
    if verdict.bar is None:
        return text
    sign = "at most" if row.lower else "at least"
    return f"{text} ({sign} {verdict.bar:g}: {'met' if verdict.met else 'missed'})"


def _language(engine: str) -> str:
    return ENGINES[engine].title.split(", ")[1]


def limits(table: Table) -> list[str]:
    """Return what the machine can do."""
    return [
        f"{title}: {table[metric]['machine'].median:,.0f} {unit}"
        for metric, title, unit in LIMITS
        if metric in table
    ]


def about(records: Iterable[Record]) -> dict[str, dict[str, dict[str, str]]]:
    """Return versions and settings by engine."""
    return {
        record.engine: record.extra
        for record in records
        if record.block == "about" and record.extra
    }
