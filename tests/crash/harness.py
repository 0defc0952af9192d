"""Runs one workflow through one storm: a list of crash points, one per life of the engine."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from checker import Member, Story, check, root_of
from ledger import Ledger

import rust_programs
import stored
from flawless.core.entries import End
from flawless.engine.replay import replay
from flawless.errors import FlawlessError
from flawless.ids import latest_run
from flawless.wasm import Component, python_runtime

HERE = Path(__file__).resolve().parent
KILLED = -9


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
        self.killed: list[str] = []
        """The points that were reached: here an engine died."""
        self._runs = itertools.count(1)
        self._calm: dict[str, tuple[Story, dict[str, int]]] = {}
        self._template = folder / "template.db"
        begun = self._live(self._template, [], "none", None, None)
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
        self, workflows: str, crashes: Sequence[str], *, fault: str | None = None
    ) -> list[str]:
        """Kill the engine at these points, one per life, then let it end; return what is broken.

        `workflows` is one name, or several joined by `+`: those run at the same time.
        """
        names = workflows.split("+")
        calm = {name: self.calm(name) for name in names}
        stories, _ = self._play(names, crashes, fault)
        return [
            f"{story.workflow}: {problem}"
            for story in stories
            for problem in check(story, calm[story.workflow])
        ]

    # --- inside -------------------------------------------------------------------------------

    def _undisturbed(self, workflow: str) -> tuple[Story, dict[str, int]]:
        if workflow not in self._calm:
            [story], counts = self._play([workflow], [], None)
            ends = ("ExecutionFailed", "ExecutionCancelled")
            assert story.error is None or story.error.startswith(ends), story.error
            problems = check(story, story)
            assert not problems, problems
            self._calm[workflow] = story, counts
        return self._calm[workflow]

    def _play(
        self, workflows: Sequence[str], crashes: Sequence[str], fault: str | None
    ) -> tuple[list[Story], dict[str, int]]:
        run = f"run{next(self._runs)}"
        folder = self._folder / run
        folder.mkdir()
        store = folder / "storm.db"
        shutil.copy(self._template, store)
        kills = 0
        life = Life(KILLED, None)
        for crash in [*crashes, None]:
            life = self._live(store, workflows, run, crash, fault)
            if life.status == 0:
                break  # it ended before the point was reached
            assert life.status == KILLED, (folder / "output").read_text()
            assert crash is not None
            self.killed.append(crash)
            kills += 1
        assert life.report is not None
        found = stored.read(store)
        stories = []
        for workflow in workflows:
            family = [
                Member(one.record, one.entries, self._replayed_end(one))
                for one in found
                if root_of(one.record.id) == workflow
            ]
            stories.append(
                Story(
                    workflow,
                    kills,
                    life.report["results"].get(workflow),
                    life.report["errors"].get(workflow),
                    self.ledger.seen(f"{run}-{workflow}"),
                    family,
                )
            )
        shutil.rmtree(folder)
        return stories, life.report["counts"]

    def _live(
        self, store: Path, workflows: Sequence[str], run: str, crash: str | None, fault: str | None
    ) -> Life:
        report = store.with_name("report")
        report.unlink(missing_ok=True)
        job = {
            "store": str(store),
            "workflows": list(workflows),
            "language": self.language,
            "ledger": f"{self.ledger.url}/{run}",
            "crash": crash,
            "fault": fault,
            "report": str(report),
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


def points(counts: dict[str, int], kinds: Sequence[str] = ("commit", "perform")) -> list[str]:
    """Return every crash point of these kinds that a run with such counts passes."""
    return [
        f"{kind}:{number}:{side}"
        for kind in kinds
        for number in range(1, counts.get(kind, 0) + 1)
        for side in ("before", "after")
    ]
