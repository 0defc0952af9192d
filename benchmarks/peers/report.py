"""`docs/benchmarks.md` and its charts, from the results of a run and a reading written by hand."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from benchmarks.peers import chart, plan
from benchmarks.peers.engines.names import ENGINES
from benchmarks.peers.results import Record, failures, summarise
from benchmarks.peers.rows import LIMITS, ROWS, Row, Table, best_peer
from benchmarks.peers.setup import ROOT
from benchmarks.peers.table import about, cell, told

PAGE: Final = ROOT / "docs" / "benchmarks.md"
IMAGES: Final = ROOT / "docs" / "images"
READING: Final = Path(__file__).with_name("reading.md")
"""Written by hand: what the figures mean, and where others are ahead."""
_HEAD: Final = """\
# Benchmarks: beside other engines

% Written by `python -m benchmarks.peers --report` from the results of one run, and
% `benchmarks/peers/reading.md`; edit that, not this page.

Measured on {date} by `make bench-peers`, on {machine}. Each engine is durable and set up as its
own documentation advises; all were measured in one run, block by block in turns, in {rounds}
round(s). Times of two runs tell nothing about each other: compare what stands in one row.
"""
_TABLE_NOTE: Final = """
Medians; in brackets how far the rounds are apart, as a part of the median. The best peer of each
row is in bold. *Calculated* means: fewer than the row says could be started, or resumed, in the
time there was, and what all would take follows from the rate.
"""
_ENGINES_NOTE: Final = """
Blocks that would take an engine too long are smaller for it; rates do not depend on that. Other
programs took {foreign} of one processor in the middle block, {foreign_max} in the worst.
"""


def write(records: Sequence[Record]) -> list[Path]:
    """Write the page and the charts; return what was written."""
    table = summarise(records)
    written = [_draw(row, table) for row in ROWS if row.charted and row.metric in table]
    PAGE.write_text(page(records))
    return [PAGE, *written]


def page(records: Sequence[Record]) -> str:
    """Return the page."""
    table = summarise(records)
    rounds = max(record.round for record in records)
    date = datetime.fromtimestamp(max(record.at for record in records), UTC).date()
    foreign = [r.foreign_percent for r in records if r.value is not None and r.engine in ENGINES]
    parts = [
        _HEAD.format(date=date, machine=_machine(), rounds=rounds),
        READING.read_text(),
        "## All figures",
        _TABLE_NOTE,
        _figures(records, table),
        "## Against our bars",
        _bars(table),
        "## What the machine can do",
        _limits(table),
        "## Charts",
        *(_image(row) for row in ROWS if row.charted and row.metric in table),
        "## Engines and settings",
        _ENGINES_NOTE.format(
            foreign=f"{statistics.median(foreign):.0f} %", foreign_max=f"{max(foreign):.0f} %"
        ),
        _settings(records),
        _failed(records),
    ]
    return "\n\n".join(part.strip("\n") for part in parts if part) + "\n"


def _engines(records: Sequence[Record]) -> list[str]:
    return [name for name in ENGINES if any(r.engine == name and r.metric for r in records)]


def _figures(records: Sequence[Record], table: Table) -> str:
    engines = _engines(records)
    lines = [
        f"| | {' | '.join(ENGINES[engine].title for engine in engines)} |",
        f"|---|{'---|' * len(engines)}",
    ]
    for row in ROWS:
        if row.metric in table:
            best = best_peer(row, table)
            cells = []
            for engine in engines:
                text = cell(row, table, engine)
                cells.append(f"**{text}**" if engine == best else text)
            lines.append(f"| {row.title}, {row.unit} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _bars(table: Table) -> str:
    lines = ["| | best peer | ours to it, and the bar |", "|---|---|---|"]
    for row in ROWS:
        best = best_peer(row, table)
        if best is not None:
            lines.append(f"| {row.title} | {ENGINES[best].title} | {told(row, table)} |")
    return "\n".join(lines)


def _limits(table: Table) -> str:
    lines = ["| | median |", "|---|---|"]
    for metric, title, unit in LIMITS:
        if metric in table:
            lines.append(f"| {title} | {table[metric]['machine'].median:,.0f} {unit} |")
    return "\n".join(lines)


def _settings(records: Sequence[Record]) -> str:
    lines = ["| engine | versions | settings |", "|---|---|---|"]
    for engine, extra in about(records).items():
        versions = ", ".join(f"{name} {what}" for name, what in extra["versions"].items())
        settings = "; ".join(f"{name}: {what}" for name, what in extra["settings"].items())
        caps = ", ".join(f"{k} {v:g}" for k, v in plan.CAPS.get(engine, {}).items())
        settings += f"; smaller: {caps}" if caps else ""
        lines.append(f"| {ENGINES[engine].title} | {versions} | {settings} |")
    return "\n".join(lines)


def _failed(records: Sequence[Record]) -> str:
    lines = [
        f"- {ENGINES[record.engine].title}, block {record.block}: {record.error}"
        for record in failures(records)
        if record.engine in ENGINES
    ]
    return "## What failed\n\n" + "\n".join(lines) if lines else ""


def _image(row: Row) -> str:
    return f"![{row.title}](images/{_name(row)})"


def _name(row: Row) -> str:
    return f"bench-{row.metric.replace('_', '-')}.svg"


def _draw(row: Row, table: Table) -> Path:
    summaries = table[row.metric]
    bars = [
        chart.Bar(ENGINES[engine].title, summaries[engine].median, cell(row, table, engine),
                  ENGINES[engine].ours)
        for engine in ENGINES
        if engine in summaries
    ]  # fmt: skip
    note = f"{row.unit}; {'shorter' if row.lower else 'longer'} is better"
    path = IMAGES / _name(row)
    path.write_text(chart.draw(row.title, note, bars))
    return path


def _machine() -> str:
    """Return what this is, in a few words."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    disk = next(
        (
            f"{line.split()[2]} on {line.split()[0]}"
            for line in reversed(Path("/proc/mounts").read_text().splitlines())
            if str(ROOT).startswith(line.split()[1])
        ),
        "unknown",
    )
    kernel = platform.release().partition("-")[0]  # what follows is the distributor's
    return (
        f"{os.cpu_count()} cores ({model}), {memory_gb:.0f} GB, Linux {kernel}, "
        f"{disk}, CPython {platform.python_version()}"
    )
