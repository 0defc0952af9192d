"""The engine process that is killed, and the process it is forked from.

`python child.py` imports everything once, then reads one job a line (JSON) from its standard input.
For each it forks a child, which opens an engine on the job's store, runs the job's workflows to
their ends and writes a report, or kills itself on the way; then it writes the child's exit status.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import faults
import storm_workflows
from points import CrashingStore, Points, wrap_performers

import flawless
from flawless.stores import SQLiteStore

RESULT_S_MAX = 60.0
RESULT_WITH_FAULT_S_MAX = 4.0


def live(job: dict[str, Any]) -> None:
    """Run a job in this process, and write its report if that is survived."""
    points = Points(job["crash"])
    wrap_performers(points)
    around = faults.plant(job["fault"]) if job["fault"] else None
    store: Any = CrashingStore(SQLiteStore(job["store"]), points)
    if around is not None:
        store = around(store)
    settings = flawless.Settings(evict_after_s=0.1, step_threads=8, stop_deadline_s=2.0)
    patience_s = RESULT_WITH_FAULT_S_MAX if job["fault"] else RESULT_S_MAX
    report: dict[str, Any] = {"results": {}, "errors": {}}
    with flawless.Engine(store, modules=[storm_workflows], settings=settings) as engine:
        runs = [
            engine.start(f"storm_workflows.{name}", f"{job['ledger']}-{name}", id=name)
            for name in job["workflows"]
        ]
        for run in runs:
            try:
                report["results"][run.id] = run.result(timeout=patience_s)
            except flawless.FlawlessError as error:
                report["errors"][run.id] = f"{type(error).__name__}: {error}"
    report["counts"] = dict(points.counts)
    Path(job["report"]).write_text(json.dumps(report))


def fork(job: dict[str, Any]) -> int:
    """Run a job in a forked child and return its exit status, -9 when it was killed."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with Path(job["output"]).open("ab", buffering=0) as output:
                os.dup2(output.fileno(), 1)
                os.dup2(output.fileno(), 2)
            os.close(0)
            os.open(os.devnull, os.O_RDONLY)
            live(job)
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    for line in sys.stdin:
        print(fork(json.loads(line)), flush=True)
