"""Runs workflows through one storm: what befalls the engine in each of its lives."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import notebook
from checker import Member, Story, check, check_harm, root_of
from child import GUESTS_MAX
from disturbances import kills
from ledger import Ledger
from record import Tally

import rust_programs
import stored
from flawless.core.entries import End
from flawless.engine.replay import replay
from flawless.errors import FlawlessError
from flawless.ids import latest_run
from flawless.wasm import Component, python_runtime

HERE = Path(__file__).resolve().parent
KILLED = -9
PATIENCE_S = 60.0
REPLAYED_MAX = 500
"""Of more executions than this, that many are replayed, from all over the crowd."""

CALM = {
    "naps": ["ahead:-180000,asleep:1", "ahead:-90000,asleep:1"],
    "dozes": ["ahead:-90000,asleep:1"],
}
"""What has to befall a workflow that would not end otherwise, so that it ends at once."""


@dataclass(frozen=True, slots=True)
class Life:
    """One life of the engine process: how it ended, and its report if it ended well."""

    status: int
    report: dict[str, Any] | None


class Field:
    """Everything a storm needs: the ledger, the processes that engines are forked from, a store."""

    def __init__(self, folder: Path, *, language: str = "python", parallel: int = 2) -> None:
        self._folder = folder
        self.language = language
        in_rust = language == "rust"
        wasm = rust_programs.wasm().read_bytes() if in_rust else python_runtime.build()
        self._component = Component.load(wasm)
        self._nurseries: SimpleQueue[subprocess.Popen[str]] = SimpleQueue()
        self._all = [self._nursery() for _ in range(parallel)]
        for nursery in self._all:
            self._nurseries.put(nursery)
        self.pool = ThreadPoolExecutor(parallel)
        self.ledger = Ledger()
        self.tally = Tally(language)
        self._runs = itertools.count(1)
        self._calm: dict[str, tuple[Story, dict[str, int]]] = {}
        self._template = folder / "template.db"
        begun = self._live(self._template, [], "none", "")
        assert begun.status == 0, (folder / "output").read_text()

    def close(self) -> None:
        """End all processes."""
        self.pool.shutdown()
        for nursery in self._all:
            assert nursery.stdin is not None
            with nursery:
                nursery.stdin.close()
        self.ledger.close()

    def calm(self, workflow: str) -> Story:
        """Return the undisturbed run of a workflow."""
        return self._undisturbed(workflow)[0]

    def counts(self, workflow: str) -> dict[str, int]:
        """Return how many points of each kind an undisturbed run passes."""
        return self._undisturbed(workflow)[1]

    def storm(
        self,
        workflows: str,
        lives: Sequence[str],
        *,
        fault: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> list[str]:
        """Disturb the engine so in each of its lives, then let it end; return what is broken.

        `workflows` is one name, or several joined by `+`: those run at the same time. `many*9` is
        nine executions of one. See `disturbances.py` for what a life is.
        """
        executions = executions_of(workflows)
        calm = {name: self.calm(name) for name in {id_.partition("-")[0] for id_ in executions}}
        stories, report = self.play(executions, lives, fault=fault, patience_s=patience_s)
        judge = check_harm if any("=starve" in life for life in lives) else check
        problems = [
            f"{story.id}: {problem}"
            for story in stories
            for problem in judge(story, calm[story.workflow])
        ]
        if report["guests_max"] > GUESTS_MAX:
            problems.append(f"{report['guests_max']} guests were alive at the same time")
        if fault is None:
            self.tally.add(stories, report, problems)
        return problems

    def play(
        self,
        executions: Sequence[str],
        lives: Sequence[str],
        *,
        fault: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> tuple[list[Story], dict[str, Any]]:
        """Play a storm; return what became of the executions, and the last life's report."""
        run = f"run{next(self._runs)}"
        folder = self._folder / run
        folder.mkdir()
        store = folder / "storm.db"
        shutil.copy(self._template, store)
        killed = []
        life = Life(KILLED, None)
        for spec in [*lives, ""]:
            life = self._live(store, executions, run, spec, fault, patience_s)
            if life.status == 0:
                break  # it ended before such a point was reached
            points = list(kills(spec))
            told = (folder / "output").read_text()
            starved = "=starve" in spec and "MemoryError" in told  # it could not even begin
            assert life.status == KILLED or starved, told
            assert points or "memory:" in spec
            killed.append(points[0] if points else "memory")
        assert life.report is not None
        life.report["killed"] = killed
        notes = notebook.read(store.with_name("told"))
        guests = [note.facts["count"] for note in notes if note.kind == "guests"]
        life.report["guests_max"] = max(guests, default=0)
        stories = self.stories(run, store, executions, len(killed), life.report)
        shutil.rmtree(folder)
        return stories, life.report

    def stories(
        self,
        run: str,
        store: Path,
        executions: Sequence[str],
        kills: int,
        report: dict[str, Any],
    ) -> list[Story]:
        """Gather what all witnesses know of executions."""
        families: dict[str, list[Member]] = {}
        found = stored.read(store)
        each = -(-len(found) // REPLAYED_MAX)
        for n, one in enumerate(found):
            end = one.entries[-1] if n % each else self._replayed_end(one)
            member = Member(one.record, one.entries, end)
            families.setdefault(root_of(one.record.id), []).append(member)
        told: dict[str, list[notebook.Told]] = {}
        for note in notebook.read(store.with_name("told")):
            told.setdefault(note.execution, []).append(note)
        return [
            Story(
                workflow=id_.partition("-")[0],
                id=id_,
                kills=kills,
                result=report["results"].get(id_),
                error=report["errors"].get(id_),
                seen=self.ledger.seen(f"{run}-{id_}"),
                family=families.get(id_, []),
                told=told.get(id_, []),
            )
            for id_ in executions
        ]

    # --- inside -------------------------------------------------------------------------------

    def _undisturbed(self, workflow: str) -> tuple[Story, dict[str, int]]:
        if workflow not in self._calm:
            [story], report = self.play([workflow], CALM.get(workflow, []))
            ends = ("ExecutionFailed", "ExecutionCancelled")
            assert story.error is None or story.error.startswith(ends), story.error
            problems = check(story, story)
            assert not problems, problems
            self._calm[workflow] = story, report["counts"]
        return self._calm[workflow]

    def _live(
        self,
        store: Path,
        executions: Sequence[str],
        run: str,
        life: str,
        fault: str | None = None,
        patience_s: float = PATIENCE_S,
    ) -> Life:
        report = store.with_name("report")
        report.unlink(missing_ok=True)
        job = {
            "store": str(store),
            "executions": list(executions),
            "language": self.language,
            "ledger": f"{self.ledger.url}/{run}",
            "life": life,
            "fault": fault,
            "patience_s": patience_s,
            "report": str(report),
            "told": str(store.with_name("told")),
            "output": str(store.with_name("output")),
        }
        nursery = self._nurseries.get()
        try:
            assert nursery.stdin is not None
            assert nursery.stdout is not None
            nursery.stdin.write(json.dumps(job) + "\n")
            nursery.stdin.flush()
            status = int(nursery.stdout.readline())
        finally:
            self._nurseries.put(nursery)
        written = json.loads(report.read_text()) if report.exists() else None
        return Life(status, written)

    def _replayed_end(self, one: stored.Stored) -> End | None:
        try:
            name = latest_run(one.record.id)  # what it was called when it ran
            return replay(name, one.entries, one.deployment, self._component).end
        except FlawlessError:
            return None

    def _nursery(self) -> subprocess.Popen[str]:
        env = dict(os.environ)
        if self.language == "rust":
            env["PROGRAMS_WASM"] = str(rust_programs.wasm())
        return subprocess.Popen(
            [sys.executable, str(HERE / "child.py")],
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )


def survive(
    field: Field, workflows: str, storms: Sequence[Sequence[str]], *, patience_s: float = PATIENCE_S
) -> None:
    """Play the storms and fail with one line for each that broke a promise: to see it again."""
    for execution in executions_of(workflows):
        field.calm(execution.partition("-")[0])

    def run(lives: Sequence[str]) -> str:
        problems = field.storm(workflows, lives, patience_s=patience_s)
        rust = ["--rust"] if field.language == "rust" else []
        again = shlex.join([*rust, workflows, *lives])
        told = "\n    ".join(problems)
        return f"\npython tests/crash/reproduce.py {again}\n    {told}" if problems else ""

    failures = "".join(field.pool.map(run, storms))
    assert not failures, failures


def executions_of(workflows: str) -> list[str]:
    """Return the ids of the executions that a storm is about."""
    found = []
    for one in workflows.split("+"):
        name, _, times = one.partition("*")
        found += [name] if not times else [f"{name}-{n}" for n in range(int(times))]
    return found


def points(counts: dict[str, int], kinds: Sequence[str] = ("commit", "perform")) -> list[str]:
    """Return every crash point of these kinds that a run with such counts passes."""
    return [
        f"{kind}:{number}:{side}"
        for kind in kinds
        for number in range(1, counts.get(kind, 0) + 1)
        for side in ("before", "after")
    ]
