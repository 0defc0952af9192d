"""The engine process whose files are damaged, and the process it is forked from.

`python damage_child.py` reads one job a line (JSON), as `child.py` does. A job's engine runs the
executions of `damage_programs` to their ends; its files are those of `failing_files`, which fail as
the job says and write down all they did, and each commit with what the store then held.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import damage_programs
from damage_truth import LOG_PAGES_MAX, contents
from failing_files import FailingFiles, Fault, Files

import flawless
from flawless.stores import SQLiteStore
from flawless.stores.sqlite.file import CACHE_KIB_READER, connect
from forking import ended, fork

EXECUTIONS: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "chain": (damage_programs.chain, ("chain", 6)),
    "once": (damage_programs.once, ("once",)),
    "family": (damage_programs.family, ("family",)),
    "listener": (damage_programs.listener, ("listener",)),
}
WORDS = ("one", "two", "three")
RESULT_S_MAX = 60.0


class WatchedStore:
    """A store that notes what it holds after each commit, and may kill the process there."""

    def __init__(self, store: SQLiteStore, files: Files, kill_at: int | None) -> None:
        self._store = store
        self._files = files
        self._kill_at = kill_at
        self._commits = 0
        self._connection: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def open(self) -> None:
        """Open the store, and a connection to look into it."""
        await self._store.open()
        assert self._store._parts is not None
        vfs = self._store._parts.writing.open_vfs
        self._connection = connect(self._store.path, vfs, cache_kib=CACHE_KIB_READER)
        self._files.note("opened", contents(self._connection))

    async def close(self) -> None:
        """Close both."""
        self._connection.close()
        await self._store.close()

    async def commit(self, writes: Sequence[Any], **options: Any) -> Any:
        """Commit, and look."""
        self._files.note("begun")
        results = await self._store.commit(writes, **options)
        self._files.note("committed", contents(self._connection))
        self._commits += 1
        if self._commits == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)
        return results


def live(job: dict[str, Any]) -> None:
    """Run a job in this process."""
    os.environ["DAMAGE_MARKS"] = job["marks"]
    store: Any = SQLiteStore(job["store"], log_pages_max=job.get("log_pages_max", LOG_PAGES_MAX))
    files = Files(faults=[Fault(**fault) for fault in job.get("faults", [])])
    report: dict[str, Any] = {"results": {}, "errors": {}, "problems": [], "failed": files.failed}
    layer = FailingFiles(files) if job.get("files") else None
    if job.get("record"):
        files.record = Path(job["record"]).open("ab", buffering=0)  # noqa: SIM115 (until the end)
        store = WatchedStore(store, files, job.get("kill_at"))
    try:
        if job.get("engine", True):
            _work(store, job, report)
        else:
            asyncio.run(_open(store))
    except flawless.FlawlessError as error:
        report["stopped"] = f"{type(error).__name__}: {error}"
    report["counts"] = dict(files.counts)
    del layer  # it is there for as long as somebody holds it
    Path(job["report"]).write_text(json.dumps(report))


async def _open(store: Any) -> None:
    await store.open()
    await store.close()


def _work(store: Any, job: dict[str, Any], report: dict[str, Any]) -> None:
    settings = flawless.Settings(evict_after_s=0.05, step_threads=4, stop_deadline_s=2.0)
    with flawless.Engine(store, modules=[damage_programs], settings=settings) as engine:
        until_s = time.monotonic() + RESULT_S_MAX
        if "fill" in job:
            _fill(Path(job["fill"]))
        watch = threading.Thread(target=_watch, args=(engine, job, report), daemon=True)
        watch.start()
        runs = {
            name: _insist(
                lambda name=name: engine.start(EXECUTIONS[name][0], *EXECUTIONS[name][1], id=name),
                until_s,
            )
            for name in job["executions"]
        }
        if "listener" in runs:
            with contextlib.suppress(flawless.ExecutionEnded):  # damaged: its result tells
                for word in WORDS:
                    _insist(lambda word=word: runs["listener"].send("word", word, id=word), until_s)
        for name, run in runs.items():
            try:
                report["results"][name] = run.result(timeout=until_s - time.monotonic())
            except flawless.FlawlessError as error:
                report["errors"][name] = f"{type(error).__name__}: {error}"
        report["health"] = engine.health()["problem"]


def _fill(ballast: Path) -> None:
    """Leave no byte on a file system."""
    with ballast.open("wb", buffering=0) as file:
        for size in (4096, 1):
            try:
                while True:
                    file.write(bytes(size))
            except OSError:
                continue


def _watch(engine: flawless.Engine, job: dict[str, Any], report: dict[str, Any]) -> None:
    """Note what health says when the store has trouble; free the disk then, or die."""
    try:
        while (problem := engine.health()["problem"]) is None:
            threading.Event().wait(0.01)
    except flawless.FlawlessError:
        return  # there was none until the end
    report["problems"].append(problem)
    if job.get("kill_in_trouble"):
        os.kill(os.getpid(), signal.SIGKILL)
    if "fill" in job:
        Path(job["fill"]).unlink()


def _insist(ask: Any, until_s: float) -> Any:
    """Ask again while the store has trouble that may pass, as a client should."""
    while True:
        try:
            return ask()
        except flawless.StoreError as error:
            if not error.retriable or time.monotonic() > until_s:
                raise
            threading.Event().wait(0.02)


if __name__ == "__main__":
    for line in sys.stdin:
        print(ended(fork(json.loads(line), live)), flush=True)
