"""Python and Rust side by side, and the engine's own work: `python -m benchmarks.languages`.

One engine for each column lives in this process, and they do the same work in turns:

- `Python, loaded`: each guest imports the workflows' module when it starts;
- `Python, baked`: the module is part of the component;
- `Rust`: the crate `benchmarks/rust`, built here, or left out where there is no toolchain;
- `no guest`: all that the engine does for an execution, with a stand-in that has its result at once
  in the guest's place. It is what a start costs at least, whatever the language.

The medians of all rounds are shown, of the time that passed and, in brackets, of the time that the
process computed, which other programs on the machine disturb less. The ratios beside them are of
the computed time within one round, to that without a guest.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import platform
import statistics
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

import flawless
from benchmarks import bare_commit, natives
from flawless.engine import execution as live
from flawless.errors import FlawlessError
from flawless.rust.build import build
from flawless.wasm import Finished

CRATE: Final = Path(__file__).with_name("rust")
NO_GUEST: Final = "no guest"
_NAMES: Final = ("Python, loaded", "Python, baked", "Rust", NO_GUEST)
TOGETHER = 50
GUESTS = 100
"""Live guests whose memory is measured."""
console = Console(width=120)


class StandIn:
    """In a guest's place: it returns at once."""

    def __init__(self, *_: Any) -> None:
        pass

    def start(self, *_: Any) -> Finished:
        """Finish."""
        return Finished(b'{"ok":0}')

    def close(self) -> None:
        """Do nothing."""


@dataclass(frozen=True, slots=True)
class Column:
    """One way to run the workflows: its engine, and what their names begin with."""

    engine: flawless.Engine
    prefix: str
    stands_in: bool = False

    def workflow(self, name: str) -> str:
        """Return the full name of a workflow."""
        return f"{self.prefix}.{name}"

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it is this column's turn, its guests are what it says."""
        with patch.object(live, "Guest", StandIn) if self.stands_in else contextlib.nullcontext():
            yield


@dataclass(frozen=True, slots=True)
class Taken:
    """What one piece of work took, in seconds, for each of its parts."""

    passed_s: float
    computed_s: float


def noop(column: Column) -> Taken:
    """Start what returns at once, one after the other; the median passed."""
    count, times, computed = 60, [], process_time()
    for _ in range(count):
        began = perf_counter()
        column.engine.start(column.workflow("noop")).result()
        times.append(perf_counter() - began)
    return Taken(statistics.median(times), (process_time() - computed) / count)


def noops(column: Column) -> Taken:
    """Start many that return at once, `TOGETHER` at the same time."""
    return _together(column, "noop", (), 200, TOGETHER, 200)


def sequential(column: Column) -> Taken:
    """Steps of one execution, one after the other."""
    return _together(column, "steps", (200,), 1, 1, 200)


def concurrent(column: Column) -> Taken:
    """Steps of many executions at the same time; starting them is included."""
    return _together(column, "steps", (10,), 100, 100, 1_000)


def replay(column: Column) -> Taken:
    """Replay an execution of many steps; starting the guest is included."""
    count = 1_000
    run = column.engine.start(column.workflow("steps"), count, id="to-be-replayed")
    run.result(timeout=120)
    began, computed = perf_counter(), process_time()
    run.replay()
    return Taken((perf_counter() - began) / count, (process_time() - computed) / count)


@dataclass(frozen=True, slots=True)
class Row:
    """A measurement, and how its times are shown."""

    name: str
    work: Callable[[Column], Taken]
    unit: str
    shown: Callable[[float], float]
    needs_guest: bool = True


ROWS: Final = (
    Row("no-op, start to result, p50", noop, "us", lambda s: s * 1e6, needs_guest=False),
    Row(f"no-op executions, {TOGETHER} at once", noops, "/s", lambda s: 1 / s, needs_guest=False),
    Row("sequential step", sequential, "us", lambda s: s * 1e6),
    Row("100 executions x 10 steps", concurrent, "steps/s", lambda s: 1 / s),
    Row("replay", replay, "effects/s", lambda s: 1 / s),
)


def main() -> None:
    """Measure, print a table, and write JSON if asked to."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.languages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--component", type=Path, default=None, help="of benchmarks/rust, built")
    parser.add_argument("--json", type=Path, default=None)
    options = parser.parse_args()
    component = options.component or _built()
    taken: dict[str, dict[str, list[Taken]]] = {row.name: {} for row in ROWS}
    bare_us: list[float] = []
    with ExitStack() as stack:
        folder = Path(
            stack.enter_context(
                tempfile.TemporaryDirectory(prefix="flawless-bench-", dir=options.folder)
            )
        )
        columns = {
            name: stack.enter_context(_column(folder / f"{n}.db", name, component))
            for n, name in enumerate(_names(component))
        }
        for number in range(options.rounds + 1):
            console.print(f"round {number} of {options.rounds}", style="dim")
            bare_us.append(bare_commit.measure(options.folder, 0.5).p50_us)
            order = [*columns][number % len(columns) :] + [*columns][: number % len(columns)]
            for row in ROWS:
                for name in order:
                    if row.needs_guest and name == NO_GUEST:
                        continue
                    with columns[name].turn():
                        measured = row.work(columns[name])
                    if number:  # the first round warms up
                        taken[row.name].setdefault(name, []).append(measured)
        memory = {
            name: _bytes_each(folder / f"memory-{n}.db", name, component)
            for n, name in enumerate(columns)
            if name != NO_GUEST
        }
    show(taken, memory, statistics.median(bare_us))
    if options.json is not None:
        document = {
            "python": platform.python_version(), "machine": platform.machine(),
            "bare_commit_us": bare_us, "memory_bytes": memory,
            "taken": {
                row: {name: [asdict(one) for one in all_] for name, all_ in columns_.items()}
                for row, columns_ in taken.items()
            },
        }  # fmt: skip
        options.json.write_text(json.dumps(document, indent=1))


def show(
    taken: dict[str, dict[str, list[Taken]]], memory: dict[str, float], bare_us: float
) -> None:
    """Print medians, and ratios to the engine without a guest."""
    table = Table(title=f"Python and Rust; a bare one-row commit took {bare_us:,.0f} us")
    names = [name for name in _NAMES if name in taken[ROWS[0].name]]
    table.add_column("what")
    for name in names:
        table.add_column(name, justify="right")
    for row in ROWS:
        cells = []
        for name in names:
            all_ = taken[row.name].get(name)
            cells.append("" if all_ is None else _cell(row, all_, taken[row.name].get(NO_GUEST)))
        table.add_row(f"{row.name}, {row.unit}", *cells)
    table.add_row(
        "memory of a guest that waits, kB",
        *(f"{memory[name] / 1e3:,.0f}" if name in memory else "" for name in names),
    )
    console.print(table)


def _cell(row: Row, all_: list[Taken], base: list[Taken] | None) -> str:
    passed = row.shown(statistics.median(one.passed_s for one in all_))
    computed = row.shown(statistics.median(one.computed_s for one in all_))
    text = f"{passed:,.0f} ({computed:,.0f})"
    if base is None:
        return text
    ratios = [one.computed_s / other.computed_s for one, other in zip(all_, base, strict=True)]
    return f"{text} {statistics.median(ratios):.2f}x"


def _names(component: Path | None) -> list[str]:
    return [name for name in _NAMES if name != "Rust" or component is not None]


def _built() -> Path | None:
    try:
        return build(CRATE).path
    except FlawlessError as error:
        console.print(f"Rust is left out: {error}", style="yellow")
        return None


@contextmanager
def _column(
    path: Path, name: str, component: Path | None, settings: flawless.Settings | None = None
) -> Iterator[Column]:
    rust = component is not None and name in ("Rust", NO_GUEST)
    modules: list[Any] = [component, natives] if rust else ["benchmarks.workloads"]
    baked = name == "Python, baked"
    with flawless.Engine(path, modules=modules, baked=baked, settings=settings) as engine:
        prefix = "bench" if rust else "benchmarks.workloads"
        yield Column(engine, prefix, stands_in=name == NO_GUEST)


def _bytes_each(path: Path, name: str, component: Path | None) -> float:
    """Return what a live guest takes that waits for a message."""
    settings = flawless.Settings(guests_max=GUESTS + 10, evict_after_s=600.0)
    with _column(path, name, component, settings) as column:
        for _ in range(3):
            column.engine.start(column.workflow("noop")).result()
        before = _own_bytes()
        for _ in range(GUESTS):
            column.engine.start(column.workflow("waiter"))
        grown = _own_bytes() - before
        assert column.engine.health()["guests"] == GUESTS, "all of them live"
    return grown / GUESTS


def _own_bytes() -> int:
    """Memory of this process, what it shares counted in parts."""
    gc.collect()
    with Path("/proc/self/smaps_rollup").open() as file:
        return next(int(line.split()[1]) for line in file if line.startswith("Pss:")) * 1024


def _together(
    column: Column, name: str, args: tuple[Any, ...], executions: int, at_once: int, parts: int
) -> Taken:
    """Run executions, `at_once` of them at the same time, from one asyncio program."""

    async def one(gate: asyncio.Semaphore) -> None:
        async with gate:
            await (await column.engine.start_async(column.workflow(name), *args))

    async def all_of_them() -> None:
        gate = asyncio.Semaphore(at_once)
        await asyncio.gather(*(one(gate) for _ in range(executions)))

    began, computed = perf_counter(), process_time()
    asyncio.run(all_of_them())
    return Taken((perf_counter() - began) / parts, (process_time() - computed) / parts)


if __name__ == "__main__":
    main()
