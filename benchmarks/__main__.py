"""All measurements in one run: `make bench`, or `python -m benchmarks [--only NAME] [--json FILE]`.

The machine is part of the result: the bare one-row SQLite commit of the same disk is measured
between the rounds, and every durable figure is also given as a ratio to it. Rounds are interleaved,
medians are shown; compare ratios within one run, never times of two runs.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks import bare_commit, measures

console = Console()


def main() -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=sorted(measures.ALL), default=None)
    parser.add_argument("--sleepers", type=int, default=100_000)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()

    chosen = options.only or list(measures.ALL)
    bare_us: list[float] = []
    results: dict[str, list[measures.Figures]] = {name: [] for name in chosen}
    for number in range(options.rounds):
        for name in chosen:
            if name == "sleepers" and number:
                continue  # once is enough: it counts bytes, not time
            bare_us.append(bare_commit.measure(options.folder, 1.0).p50_us)
            console.print(f"round {number + 1}/{options.rounds}: {name}", style="dim")
            with tempfile.TemporaryDirectory(prefix="flawless-bench-", dir=options.folder) as data:
                settings = measures.Context(Path(data), sleepers=options.sleepers)
                results[name].append(measures.ALL[name](settings))
    bare = statistics.median(bare_us)
    show(results, bare)
    if options.json is not None:
        document = {
            "python": platform.python_version(),
            "machine": platform.machine(),
            "bare_commit_us": bare_us,
            "results": results,
        }
        options.json.write_text(json.dumps(document, indent=1))


def show(results: dict[str, list[measures.Figures]], bare_us: float) -> None:
    """Print medians, spread, and the ratio to the bare commit where there is one."""
    table = Table(title=f"Flawless on CPython {platform.python_version()}")
    for heading, justify in (
        ("what", "left"), ("median", "right"), ("min to max", "right"), ("unit", "left"),
        ("to the bare commit", "left"),
    ):  # fmt: skip
        table.add_column(heading, justify=justify)  # type: ignore[arg-type]  # a literal of rich
    table.add_row("bare one-row SQLite commit, p50", f"{bare_us:,.0f}", "", "us", "1")
    table.add_row("bare one-row SQLite commits", f"{1e6 / bare_us:,.0f}", "", "/s", "1")
    for rounds in results.values():
        for name in rounds[0]:
            values = [figures[name][0] for figures in rounds]
            unit = rounds[0][name][1]
            middle = statistics.median(values)
            table.add_row(
                name, f"{middle:,.1f}", f"{min(values):,.1f} to {max(values):,.1f}", unit,
                _ratio(unit, middle, bare_us),
            )  # fmt: skip
    console.print(table)


def _ratio(unit: str, value: float, bare_us: float) -> str:
    ratios: dict[str, Callable[[], float]] = {
        "us/step": lambda: value / bare_us,
        "steps/s": lambda: value * bare_us / 1e6,
    }
    return f"{ratios[unit]():.2f}x" if unit in ratios else ""


if __name__ == "__main__":
    sys.exit(main())
