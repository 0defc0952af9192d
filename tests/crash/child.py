"""The engine process that is killed, and the process it is forked from.

`python child.py` imports everything once, then reads one job a line (JSON) from its standard input.
For each it forks a child, which opens an engine on the job's store, runs the job's executions to
their ends and writes a report, or dies on the way; then it writes the child's exit status.
"""

from __future__ import annotations

import contextlib
import json
import resource
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import faults
import storm_conversations
import storm_lives
import storm_repairs
import storm_steps
import storm_workflows
from disturbances import MovableClock, kill_if_too_large, settings_of
from drivers import DELAYS_S, DRIVERS, Outsider, Person
from notebook import Notebook
from points import CrashingStore, Points, wrap_performers

import flawless
import rust_programs
from flawless.stores import SQLiteStore
from forking import ended, fork

MODULES = [storm_workflows, storm_conversations, storm_repairs, storm_lives]
"""The workflows have the same names in Rust."""

RESULT_S_MAX = 60.0
RESULT_WITH_FAULT_S_MAX = 4.0
CROWD = 60
"""So many executions have somebody outside each; of more, only the ends are waited for."""
GUESTS_MAX = 64

_LOOK_S = 0.01


def live(job: dict[str, Any]) -> None:
    """Run a job in this process, and write its report if that is survived."""
    life = job["life"]
    clock = MovableClock(settings_of(life).get("ahead", 0.0))
    points = Points(life, clock)
    outside = wrap_performers(points)
    planted = faults.plant(job["fault"], outside) if job["fault"] else faults.Planted(outside)
    store: Any = planted.around(CrashingStore(SQLiteStore(job["store"]), points))
    settings = flawless.Settings(
        evict_after_s=0.1,
        step_threads=16,
        guests_max=GUESTS_MAX,
        stop_deadline_s=2.0,
        outside=planted.outside,
    )
    patience_s = RESULT_WITH_FAULT_S_MAX if job["fault"] else job["patience_s"]
    in_rust = job["language"] == "rust"
    modules = [rust_programs.wasm(), storm_steps] if in_rust else MODULES
    with flawless.Engine(store, modules=modules, settings=settings, clock=clock) as engine:
        notebook = Notebook(Path(job["told"]))
        person = Person(engine, clock, notebook, points, time.monotonic() + patience_s)
        report = run_all(person, job["ledger"], job["executions"])
    report["counts"] = dict(points.counts)
    report["resident_max"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    Path(job["report"]).write_text(json.dumps(report))


def run_all(person: Person, ledger: str, executions: Sequence[str]) -> dict[str, Any]:
    """See executions to their ends; return what became of them."""
    report: dict[str, Any] = {"results": {}, "errors": {}}
    with watched(person) as all_started:
        runs = [
            person.begin(
                full_name(workflow_of(id_)),
                f"{ledger}-{id_}",
                id=id_,
                delay=DELAYS_S.get(workflow_of(id_)),
            )
            for id_ in executions
        ]
        all_started.set()
        acting = runs if len(runs) <= CROWD else []
        with ThreadPoolExecutor(len(acting) or 1) as people:
            driven = {
                run.id: people.submit(drive, person, run, f"{ledger}-{run.id}") for run in acting
            }
        for run in runs:
            try:
                if run.id in driven:
                    driven[run.id].result()
                result = run.result(timeout=person.patience_s)
            except Exception as error:
                told = report["errors"][run.id] = f"{type(error).__name__}: {error}"
                if isinstance(error, flawless.ExecutionFailed | flawless.ExecutionCancelled):
                    person.note_end(run, told)
            else:
                report["results"][run.id] = result
                person.note_end(run, result)
            with contextlib.suppress(flawless.ResultTimeout, flawless.ExecutionNotFound):
                wait_for_children(run, person)
    return report


@contextlib.contextmanager
def watched(person: Person) -> Iterator[threading.Event]:
    """Look on: how many guests are alive, and whether all executions are asleep."""
    over, all_started = threading.Event(), threading.Event()

    def look() -> None:
        most = 0
        naps = person.points.naps
        was_asleep = False
        while not over.wait(_LOOK_S):
            if person.guests > most:
                person.notebook.note("guests", "", count=(most := person.guests))
            if naps and all_started.is_set():
                asleep = person.nothing_to_do()
                if asleep and not was_asleep:
                    person.points.reach(naps.pop(0))
                was_asleep = asleep

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield all_started
    finally:
        over.set()
        looking.join()


def workflow_of(execution: str) -> str:
    """Return the workflow that an execution with such an id runs."""
    return execution.partition("-")[0]


def full_name(workflow: str) -> str:
    """Return the name of a workflow as the engine knows it."""
    module = next(module for module in MODULES if hasattr(module, workflow))
    return f"{module.__name__}.{workflow}"


def drive(person: Person, run: Any, ledger: str) -> None:
    """Do to an execution what people do."""
    driver = DRIVERS.get(workflow_of(run.id))
    if driver is not None:
        driver(Outsider(person, run, ledger))


def wait_for_children(run: Any, person: Person) -> None:
    """Return when all that an execution has started has ended."""
    for record in run.children():
        child = person.engine.get(record.id)
        with contextlib.suppress(flawless.ExecutionFailed, flawless.ExecutionCancelled):
            child.result(timeout=person.patience_s)
        wait_for_children(child, person)


if __name__ == "__main__":
    for line in sys.stdin:
        job = json.loads(line)
        child = fork(job, live)
        if limit := settings_of(job["life"]).get("memory"):
            kill_if_too_large(child, limit * (1 << 20))
        print(ended(child), flush=True)
