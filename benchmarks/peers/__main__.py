"""Flawless beside its peers: `make bench-peers`, or `python -m benchmarks.peers`.

    python -m benchmarks.peers --prepare               # environments, code, stores full of sleepers
    python -m benchmarks.peers --budget-minutes 25     # the run, in so much time
    python -m benchmarks.peers --report                # docs/benchmarks.md from its results
    python -m benchmarks.peers --only flawless-python,restate --blocks a,c --scale 0.1 --rounds 1

A run that was stopped goes on with `--resume`. Its results are JSON lines; `--show` prints them.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from rich.console import Console

from benchmarks.peers import plan, report, results, setup
from benchmarks.peers.engines.names import ENGINES
from benchmarks.peers.run import Run, prepare_sleepers
from benchmarks.peers.sizes import Sizes
from benchmarks.peers.table import show

USUAL = tuple(name for name in ENGINES if name != "flawless-python-loaded")
console = Console(width=200)


def main() -> None:
    """Do what the options say."""
    options = _options()
    if options.show or options.report:
        records = _newest(results.read(options.out), options.run)
        if not records:
            raise SystemExit(f"there are no results in {options.out}")
        if options.report:
            for path in report.write(records):
                console.print(f"wrote {path.relative_to(setup.ROOT)}", highlight=False)
        show(records, console)
        return
    until = None
    if options.budget_minutes is not None:
        until = time.monotonic() + 60 * options.budget_minutes
    ready = setup.prepare(options.only)
    name = options.run or time.strftime("%Y%m%dT%H%M%S")
    if options.resume:
        name = _newest(results.read(options.out), None)[-1].run
    run = Run(name, options.out, ready, Sizes().scaled(options.scale), until)
    if options.prepare:
        with run.services():
            run.about(list(ready.programs))
        if "g2" in options.blocks:
            prepare_sleepers(run)
        return
    run.all(options.blocks, options.rounds)
    show(_newest(results.read(options.out), name), console)


def _newest(records: list[results.Record], name: str | None) -> list[results.Record]:
    """Return the records of one run, by its name, or of the last one that measured something."""
    measured = [record.run for record in records if record.round > 0]
    wanted = name or (measured[-1] if measured else "")
    return [record for record in records if record.run == wanted]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=_names(ENGINES), default=list(USUAL), metavar="A,B")
    parser.add_argument("--blocks", type=_names(plan.BLOCKS), default=list(plan.BLOCKS),
                        metavar="A,B")  # fmt: skip
    parser.add_argument("--scale", type=float, default=1.0, help="of all sizes")
    parser.add_argument("--budget-minutes", type=float, default=None,
                        help="start nothing that would not be over by then")  # fmt: skip
    parser.add_argument("--out", type=Path, default=setup.FOLDER / "results.jsonl")
    parser.add_argument("--run", default=None, help="the name of the run in the results")
    parser.add_argument("--resume", action="store_true", help="go on with the newest run")
    parser.add_argument("--prepare", action="store_true", help="only set up what a run needs")
    parser.add_argument("--report", action="store_true", help="write docs/benchmarks.md")
    parser.add_argument("--show", action="store_true", help="only print what was measured")
    return parser.parse_args()


def _names(known: object) -> object:
    """Return what takes names apart, and refuses those that are not known."""
    names = list(known)  # type: ignore[call-overload]  # a dict or a tuple of names

    def parse(text: str) -> list[str]:
        chosen = text.split(",")
        for name in chosen:
            if name not in names:
                raise argparse.ArgumentTypeError(f"{name} is not one of {', '.join(names)}")
        return [name for name in names if name in chosen]

    return parse


if __name__ == "__main__":
    main()
