"""The process that plays a scene and is killed, and the process it is forked from.

`python stage.py` imports everything once, then reads one job a line (JSON) from its standard input.
For each it forks a child and writes its process id; the child plays the job's scene with an engine
on an SQLite file, and writes a report or dies on the way. Then it writes the child's exit status.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import scenes
from rust_scenes import RUST_SCENES
from scenes import BEGAN, SCENES, Scene, load

import flawless
from flawless.stores import SQLiteStore
from flawless.testing import Lab
from forking import ended, fork

scenes.on_stage = True
RESULT_S_MAX = 60.0
_TIME_BYTES = 20


class Stage:
    """What a life is to die of, and the virtual time, which outlives it."""

    def __init__(self, job: dict[str, Any]) -> None:
        self.commits = 0
        self._crash: str = job["crash"]
        self._time = os.open(job["time"], os.O_RDWR | os.O_CREAT)
        saved = os.pread(self._time, _TIME_BYTES, 0)
        self.began = BEGAN + timedelta(microseconds=int(saved or 0))

    def begin(self) -> None:
        """The engine is open."""
        if self._crash.startswith("time:"):
            timer = threading.Timer(float(self._crash.removeprefix("time:")), die)
            timer.daemon = True
            timer.start()

    def save_time(self, clock: Any) -> None:
        """Remember the virtual time."""
        passed = (clock.now.replace(tzinfo=None) - BEGAN) // timedelta(microseconds=1)
        os.pwrite(self._time, f"{passed:<{_TIME_BYTES}}".encode(), 0)

    def reach(self, side: str) -> None:
        """Die if this is the commit to die at."""
        if self._crash == f"commit:{self.commits}:{side}":
            die()


class DeadlyStore:
    """A store that kills its process at a commit, and saves the virtual time with each."""

    def __init__(self, store: Any, stage: Stage) -> None:
        self.clock: Any = None
        self._store = store
        self._stage = stage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def commit(self, writes: Sequence[Any], **options: Any) -> Any:
        """Commit, or die before or after it."""
        self._stage.commits += 1
        if self.clock is not None:
            self._stage.save_time(self.clock)
        self._stage.reach("before")
        results = await self._store.commit(writes, **options)
        self._stage.reach("after")
        return results


def die() -> None:
    """Die as if the power had gone."""
    os.kill(os.getpid(), signal.SIGKILL)


def live(job: dict[str, Any]) -> None:
    """Play a scene to its end, and write the report."""
    scene: Scene = (SCENES | RUST_SCENES)[job["scene"]]
    module = job["component"] or load(scene.folder, scene.module)
    stage = Stage(job)
    store: Any = DeadlyStore(SQLiteStore(job["store"]), stage)
    settings = flawless.Settings(evict_after_s=job["evict_after_s"], stop_deadline_s=2.0)
    engine: flawless.Engine
    if scene.virtual:
        engine = Lab(module, store=store, now=stage.began, network=True, settings=settings)
        store.clock = engine.clock
    else:
        engine = flawless.Engine(store, modules=[module], settings=settings)
    report: dict[str, Any] = {"ends": {}}
    with engine:
        stage.begin()
        began_s = time.monotonic()
        runs = scene.play(engine, module, job["url"])
        for run in runs:
            try:
                report["ends"][run.id] = repr(run.result(timeout=RESULT_S_MAX))
            except flawless.ExecutionFailed as error:
                report["ends"][run.id] = f"{error.type}: {error.message}"
        report["seconds"] = time.monotonic() - began_s
        report["runs"] = [record.id for record in engine.list(runs=True, limit=1_000)]
        report["states"] = {run.id: repr(run.state()) for run in runs}
        for run in runs:
            run.replay()
    report["commits"] = stage.commits
    Path(job["report"]).write_text(json.dumps(report))


if __name__ == "__main__":
    for line in sys.stdin:
        child = fork(json.loads(line), live)
        print(child, flush=True)
        print(ended(child), flush=True)
