"""The engine process that is killed, and the process it is forked from.

`python child.py` imports everything once, then reads one job a line (JSON) from its standard input.
For each it forks a child, which opens an engine on the job's store, runs the job's workflows to
their ends and writes a report, or kills itself on the way; then it writes the child's exit status.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import faults
import storm_conversations
import storm_repairs
import storm_steps
import storm_workflows
from drivers import DELAYS_S, DRIVERS, Outsider
from points import CrashingStore, Points, wrap_performers

import flawless
import rust_programs
from flawless.stores import SQLiteStore
from forking import ended, fork

MODULES = [storm_workflows, storm_conversations, storm_repairs]
"""The workflows have the same names in Rust."""

RESULT_S_MAX = 60.0
RESULT_WITH_FAULT_S_MAX = 4.0


def live(job: dict[str, Any]) -> None:
    """Run a job in this process, and write its report if that is survived."""
    points = Points(job["crash"])
    outside = wrap_performers(points)
    planted = faults.plant(job["fault"], outside) if job["fault"] else faults.Planted(outside)
    store: Any = planted.around(CrashingStore(SQLiteStore(job["store"]), points))
    settings = flawless.Settings(
        evict_after_s=0.1, step_threads=16, stop_deadline_s=2.0, outside=planted.outside
    )
    patience_s = RESULT_WITH_FAULT_S_MAX if job["fault"] else RESULT_S_MAX
    until_s = time.monotonic() + patience_s
    report: dict[str, Any] = {"results": {}, "errors": {}}
    in_rust = job["language"] == "rust"
    modules = [rust_programs.wasm(), storm_steps] if in_rust else MODULES
    with flawless.Engine(store, modules=modules, settings=settings) as engine:
        runs = [
            engine.start(
                full_name(name), f"{job['ledger']}-{name}", id=name, delay=DELAYS_S.get(name)
            )
            for name in job["workflows"]
        ]
        with ThreadPoolExecutor(len(runs) or 1) as people:
            driven = [
                people.submit(drive, engine, run, f"{job['ledger']}-{run.id}", until_s)
                for run in runs
            ]
        for run, driver in zip(runs, driven, strict=True):
            try:
                driver.result()
                report["results"][run.id] = run.result(timeout=until_s - time.monotonic())
            except Exception as error:
                report["errors"][run.id] = f"{type(error).__name__}: {error}"
            with contextlib.suppress(flawless.ResultTimeout):
                wait_for_children(run, engine, until_s)
    report["counts"] = dict(points.counts)
    Path(job["report"]).write_text(json.dumps(report))


def full_name(workflow: str) -> str:
    """Return the name of a workflow as the engine knows it."""
    module = next(module for module in MODULES if hasattr(module, workflow))
    return f"{module.__name__}.{workflow}"


def drive(engine: flawless.Engine, run: Any, ledger: str, until_s: float) -> None:
    """Do to an execution what people do."""
    driver = DRIVERS.get(run.id)
    if driver is not None:
        driver(Outsider(engine, run, ledger, until_s))


def wait_for_children(run: Any, engine: flawless.Engine, until_s: float) -> None:
    """Return when all that an execution has started has ended."""
    for record in run.children():
        child = engine.get(record.id)
        with contextlib.suppress(flawless.ExecutionFailed, flawless.ExecutionCancelled):
            child.result(timeout=max(0.01, until_s - time.monotonic()))
        wait_for_children(child, engine, until_s)


if __name__ == "__main__":
    for line in sys.stdin:
        print(ended(fork(json.loads(line), live)), flush=True)
