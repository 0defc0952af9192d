"""Engines on files that fail or were damaged: a nursery of them, and what they must achieve."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from damage_truth import DATABASE

import stored
from flawless.core.entries import Entered, Entry
from flawless.engine.replay import replay
from flawless.stores import SQLiteStore
from flawless.stores.sqlite.file import CACHE_KIB_WRITER, connect, end_session
from flawless.wasm import Component, python_runtime

HERE = Path(__file__).resolve().parent
KILLED = -9
EXECUTIONS = ["chain", "once", "family", "listener"]
ONCE = "once"


@dataclass(frozen=True, slots=True)
class Life:
    """One life of an engine: how it ended, and its report if it could write one."""

    status: int
    report: dict[str, Any]
    output: str


class Lives:
    """Runs jobs of `damage_child`, in a folder of its own and, where there is one, in memory."""

    def __init__(self) -> None:
        memory = Path("/dev/shm")
        place = memory if memory.is_dir() else None
        self.folder = Path(tempfile.mkdtemp(prefix="flawless-damage-", dir=place))
        self._nursery = subprocess.Popen(
            [sys.executable, str(HERE / "damage_child.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )
        self._made = 0
        self.template = self.new() / DATABASE
        begun = self.live(self.template, [])
        assert begun.status == 0, begun.output
        _make_small(self.template)
        calm = self.new()
        shutil.copy(self.template, calm / DATABASE)
        undisturbed = self.live(calm / DATABASE, EXECUTIONS)
        assert undisturbed.status == 0, undisturbed.output
        self.results: dict[str, Any] = undisturbed.report["results"]
        assert sorted(self.results) == sorted(EXECUTIONS), undisturbed

    def close(self) -> None:
        """End the nursery, and remove all files."""
        assert self._nursery.stdin is not None
        with self._nursery:
            self._nursery.stdin.close()
        shutil.rmtree(self.folder)

    @cached_property
    def _component(self) -> Component:
        return Component.load(python_runtime.build())

    def new(self) -> Path:
        """Return a new folder."""
        self._made += 1
        folder = self.folder / str(self._made)
        folder.mkdir()
        return folder

    def copy(self) -> Path:
        """Return a copy of the template in a new folder."""
        path = self.new() / DATABASE
        shutil.copy(self.template, path)
        return path

    def live(self, store: Path, executions: list[str], **job: Any) -> Life:
        """Run an engine on a store until the executions have ended, or as the job says."""
        folder = store.parent
        output, report = folder / "output", folder / "report"
        job = {
            "store": str(store),
            "marks": str(folder / "marks"),
            "executions": executions,
            "report": str(report),
            "output": str(output),
        } | job
        output, report = Path(job["output"]), Path(job["report"])
        report.unlink(missing_ok=True)
        assert self._nursery.stdin is not None
        assert self._nursery.stdout is not None
        self._nursery.stdin.write(json.dumps(job) + "\n")
        self._nursery.stdin.flush()
        status = int(self._nursery.stdout.readline())
        written = json.loads(report.read_text()) if report.exists() else {}
        return Life(status, written, output.read_text(errors="replace"))

    def marks(self, store: Path) -> list[str]:
        """Return what the steps of a store's executions have done to the world."""
        file = store.parent / "marks"
        return file.read_text().splitlines() if file.exists() else []

    def flip_in_journal(self, store: Path, chance: Random) -> str:
        """Change a bit in the journal of an execution that has not ended; return its id."""

        def flip(connection: Any) -> str:
            rows = connection.execute(
                "SELECT e.id, j.position, j.data FROM journal j JOIN execution e "
                "ON e.key = j.position >> 24 WHERE e.status < 3 AND e.id IN (?, ?, ?)",
                tuple(name for name in EXECUTIONS if name != "family"),
            ).fetchall()
            name, position, data = chance.choice(rows)
            changed = bytearray(data)
            changed[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
            connection.execute(
                "UPDATE journal SET data = ? WHERE position = ?", (bytes(changed), position)
            )
            return str(name)

        async def main() -> str:
            opened = SQLiteStore(store)
            await opened.open()
            assert opened._parts is not None
            try:
                return flip(opened._parts.writing)
            finally:
                await opened.close()

        return asyncio.run(main())

    def broken(
        self, store: Path, report: dict[str, Any], kills: int = 1, *, replays: bool = True
    ) -> list[str]:
        """Return the promises that an engine has broken which ended all executions.

        With `replays`, each journal is replayed to its end, which takes longer than all else.
        """
        if "stopped" in report:
            return [f"the engine stopped: {report['stopped']}"]
        problems = [f"{name} failed: {text}" for name, text in report["errors"].items()]
        marks = Counter(self.marks(store))
        for name, expected in self.results.items():
            got = report["results"].get(name)
            for n, answer in enumerate(expected):
                if (
                    got is not None
                    and got[n] != answer
                    and not (name == ONCE and kills and got[n] == "Interrupted")
                ):
                    problems.append(f"{name} is {got}, expected {expected}")
        problems += [
            f"{name} was done {times} times"
            for name, times in marks.items()
            if times > (1 if name.startswith(ONCE) else 1 + kills)
        ]
        if not replays:
            return problems
        return problems + [
            f"{one.record.id}: the journal does not replay to its end"
            for one in stored.read(store)
            if replay(one.record.id, one.entries, one.deployment, self._component).end
            != one.entries[-1]
        ]


def kept(path: Path) -> dict[str, list[Entry]]:
    """Return all journals of a store."""
    return {str(one.record.id): one.entries for one in stored.read(path)}


def entered(journals: dict[str, list[Entry]]) -> set[str]:
    """Return the marks of steps that must not be done again, by these journals."""
    begun = sum(isinstance(entry, Entered) for entry in journals.get(ONCE, []))
    return {f"{ONCE}-{n}" for n in range(begun)}


def _make_small(path: Path) -> None:
    """Leave out the bytes of the runtime's component: the engine has them, and files stay small."""
    from flawless.stores.sqlite import file

    assert file._load_checksums()
    connection = connect(path, "cksmvfs", cache_kib=CACHE_KIB_WRITER)
    connection.execute("UPDATE blob SET data = ?", (zlib.compress(b""),))
    connection.execute("VACUUM")
    end_session(connection, path)
    connection.close()
