"""What counting and tracing cost: `python -m benchmarks.telemetry [--rounds N]`.

Three engines live in this process at the same time and do the same work in turns: one that counts
nothing, one as it is, one that traces to an exporter that throws spans away. Each figure is a ratio
to the first engine within one round; the median of all rounds is shown, for the time that passed
and for the time the process computed, which other programs on the machine disturb less.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from rich.console import Console
from rich.table import Table

import flawless
from benchmarks import workloads
from flawless.engine import monitor
from flawless.engine.telemetry import Telemetry
from flawless.engine.tracing import Tracing

STEPS = 300
STARTS = 40


class Uncounted(Telemetry):
    """Counts nothing."""

    __slots__ = ()

    def effect_ended(self, *_: Any, **__: Any) -> None:
        """Do nothing."""

    committed = wrote = execution_ended = effect_ended  # type: ignore[assignment]  # nothing at all


class Nowhere(SpanExporter):
    """Throws spans away."""

    count = 0

    def export(self, spans: Any) -> SpanExportResult:
        """Count them."""
        self.count += len(spans)
        return SpanExportResult.SUCCESS


def sequential(engine: flawless.Engine) -> None:
    """Do steps one after the other."""
    engine.start(workloads.steps, STEPS).result()


def starts(engine: flawless.Engine) -> None:
    """Start what returns at once, one after the other."""
    for _ in range(STARTS):
        engine.start(workloads.noop).result()


WORK: dict[str, tuple[Callable[[flawless.Engine], None], int]] = {
    "sequential step": (sequential, STEPS),
    "no-op, start to result": (starts, STARTS),
}


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.telemetry", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    options = parser.parse_args()
    times: dict[tuple[str, str], list[tuple[float, float]]] = {}
    exporter = Nowhere()
    with ExitStack() as stack:
        folder = stack.enter_context(
            tempfile.TemporaryDirectory(prefix="flawless-bench-", dir=options.folder)
        )
        engines = {
            name: stack.enter_context(engine(Path(folder), name, telemetry, tracing))
            for name, telemetry, tracing in (
                ("uncounted", Uncounted, None),
                ("as it is", Telemetry, None),
                ("traced", Telemetry, Tracing(exporter)),
            )
        }
        for number in range(options.rounds + 1):
            order = [*engines][number % 3 :] + [*engines][: number % 3]
            for what, (work, count) in WORK.items():
                for name in order:
                    began = perf_counter(), process_time()
                    work(engines[name])
                    ended = perf_counter(), process_time()
                    if number:  # the first round warms up
                        taken = ((ended[0] - began[0]) / count, (ended[1] - began[1]) / count)
                        times.setdefault((what, name), []).append(taken)
    assert exporter.count > options.rounds * STEPS
    show(times)


def engine(
    folder: Path, name: str, telemetry: type[Telemetry], tracing: Tracing | None
) -> flawless.Engine:
    """Return an engine that counts so."""
    monitor.Telemetry = telemetry  # type: ignore[misc]  # for the engine that is made now
    settings = flawless.Settings(tracing=tracing)
    path = folder / f"{name.replace(' ', '-')}.db"
    return flawless.Engine(path, modules=["benchmarks.workloads"], settings=settings)


def show(times: dict[tuple[str, str], list[tuple[float, float]]]) -> None:
    """Print medians, and ratios to the engine that counts nothing."""
    table = Table(title="What counting and tracing cost")
    for heading in ("what", "engine", "time, us", "ratio", "computed, us", "ratio"):
        table.add_column(heading)
    for (what, name), taken in times.items():
        base = times[what, "uncounted"]
        cells = []
        for kind in (0, 1):
            middle = statistics.median(one[kind] for one in taken)
            ratios = [one[kind] / other[kind] for one, other in zip(taken, base, strict=True)]
            cells += [f"{middle * 1e6:,.0f}", f"{statistics.median(ratios):.3f}"]
        table.add_row(what, name, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
