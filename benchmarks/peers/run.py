"""A run: each turn in a process of its own, its figures appended to the results at once.

A run that was stopped goes on where it was: what is in the file under its name is not run again.
No failure of an engine ends it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from benchmarks.peers import machine, plan, postgres, results, setup
from benchmarks.peers.crashes import copy_prepared
from benchmarks.peers.engines.names import ENGINES
from benchmarks.peers.peer import kill
from benchmarks.peers.plan import Turn
from benchmarks.peers.results import Record
from benchmarks.peers.setup import FOLDER, Ready
from benchmarks.peers.sizes import Sizes

PREPARED: Final = FOLDER / "sleepers"
DEPLOYED: Final = FOLDER / "deployed"
DATA: Final = FOLDER / "data"
MADE_FROM: Final = "made-from"
"""Beside a store: what stands for the code that made it."""
console = Console()


@dataclass(slots=True)
class Run:
    """One run, and where its results go."""

    name: str
    out: Path
    ready: Ready
    sizes: Sizes
    until: float | None = None
    """The monotonic time at which it has to be over."""
    taken_s: dict[tuple[str, str], float] = field(default_factory=dict)
    done: set[tuple[int, str, str]] = field(default_factory=set)

    def __post_init__(self) -> None:
        """See what is there already."""
        self.done = {(r.round, r.block, r.engine) for r in results.read(self.out) if self._own(r)}

    def _own(self, record: Record) -> bool:
        return record.run == self.name

    def all(self, blocks: Sequence[str], rounds: int) -> None:
        """Run everything that is not done, as far as the time allows."""
        engines = list(self.ready.programs)
        turns = list(plan.turns(engines, blocks, rounds))
        with self.services():
            self.about(engines)
            measured: set[int] = set()
            for number, turn in enumerate(turns, 1):
                if turn.round not in measured:
                    measured.add(turn.round)
                    self.machine(turn.round)
                if (turn.round, turn.block, turn.engine) in self.done:
                    continue
                if not self.fits(turn):
                    self.say(number, len(turns), turn, "left out: no time is left")
                    continue
                began = time.monotonic()
                records = self.turn(turn)
                self.taken_s[turn.block, turn.engine] = time.monotonic() - began
                self.say(number, len(turns), turn, _told(records, time.monotonic() - began))

    def services(self) -> AbstractContextManager[None]:
        """Return what runs beside the engines as long as they need it."""
        return postgres.server() if self.ready.postgres else nullcontext()

    def about(self, engines: Sequence[str]) -> None:
        """Deploy the code where that takes long, and ask each engine what it is."""
        for engine in engines:
            if (0, "about", engine) in self.done:
                continue
            folder, digest = DEPLOYED / engine, _digest(engine)
            stamp = folder / MADE_FROM
            if not stamp.exists() or stamp.read_text() != digest:
                shutil.rmtree(folder, ignore_errors=True)
            records = self.turn(Turn(0, "about", engine), folder)
            stamp.write_text(digest)
            if any(record.error for record in records):
                console.print(f"{engine} did not start: {records[-1].error}", style="yellow")

    def machine(self, number: int) -> None:
        """Measure what the machine can do."""
        if (number, machine.NAME, machine.NAME) in self.done:
            return
        figures = machine.measure(DATA / machine.NAME, with_postgres=self.ready.postgres)
        records = [
            Record(
                self.name, number, machine.NAME, machine.NAME, f.metric, f.value, f.unit, f.count
            )
            for f in figures
        ]
        results.append(self.out, records)

    def fits(self, turn: Turn) -> bool:
        """Tell whether a turn would be over in time."""
        if self.until is None:
            return True
        usual = plan.USUAL_S[turn.block]
        if turn.block == "g2" and not (PREPARED / turn.engine).exists():
            usual += plan.sizes_of(turn.engine, self.sizes).bulk_limit_s
        expected = self.taken_s.get((turn.block, turn.engine), usual)
        return time.monotonic() + expected <= self.until

    def turn(self, turn: Turn, folder: Path | None = None) -> list[Record]:
        """Give a block to an engine, in a process of its own."""
        lasting = folder is not None
        folder = folder or DATA / f"{turn.engine}-{turn.block}-{turn.round}"
        if not lasting:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        prepared = PREPARED / turn.engine
        if turn.block == "g2" and prepared.exists():
            copy_prepared(prepared, folder)
        out = folder.with_suffix(".jsonl")
        task = {
            "engine": turn.engine, "block": turn.block, "folder": str(folder), "out": str(out),
            "sizes": dataclasses.asdict(plan.sizes_of(turn.engine, self.sizes)),
        }  # fmt: skip
        error = self._drive(turn.engine, task, folder.with_suffix(".log"))
        records = self._records(turn, out, error)
        if not lasting:
            shutil.rmtree(folder, ignore_errors=True)
        results.append(self.out, records)
        return records

    def _drive(self, engine: str, task: dict[str, Any], log: Path) -> str:
        command = [str(self.ready.programs[engine]), "-m", "benchmarks.peers.drive"]
        with log.open("w") as file:
            process = subprocess.Popen(
                [*command, json.dumps(task)], stdout=file, stderr=file,
                env=setup.variables(self.ready), cwd=setup.ROOT,
            )  # fmt: skip
            try:
                process.wait(plan.BLOCK_S_MAX)
            except subprocess.TimeoutExpired:
                return f"it took longer than {plan.BLOCK_S_MAX:.0f} s"
            finally:
                kill(process)
        return "" if process.returncode >= 0 else signal.Signals(-process.returncode).name

    def _records(self, turn: Turn, out: Path, error: str) -> list[Record]:
        lines = out.read_text().splitlines() if out.exists() else []
        out.unlink(missing_ok=True)
        made, foreign = [], 0.0
        base = Record(self.name, turn.round, turn.engine, turn.block)
        for line in map(json.loads, lines):
            if "foreign_percent" in line:
                foreign = line["foreign_percent"]
            elif "metric" in line:
                made.append(dataclasses.replace(base, **line))
            elif "versions" in line:
                made.append(dataclasses.replace(base, extra=line))
            else:
                error = line["error"]
        if error:
            made.append(dataclasses.replace(base, error=error))
        return [dataclasses.replace(record, foreign_percent=foreign) for record in made]

    def say(self, number: int, of: int, turn: Turn, what: str) -> None:
        """Show how far it is."""
        left = (
            "" if self.until is None else f" {max(0, self.until - time.monotonic()) / 60:4.1f} min"
        )
        console.print(
            f"{number:4}/{of}{left} round {turn.round} {turn.block:3} {turn.engine:22} {what}",
            highlight=False,
            soft_wrap=True,
        )


def prepare_sleepers(run: Run) -> None:
    """Make the stores full of sleepers that (g2) begins with, where they are a folder.

    Those that were made before, by the same code, are left as they are.
    """
    for engine in run.ready.programs:
        folder = PREPARED / engine
        stamp, made_from = folder / MADE_FROM, f"{_digest(engine)} {run.sizes.sleepers_many}"
        if engine == "dbos-postgresql" or (stamp.exists() and stamp.read_text() == made_from):
            continue
        shutil.rmtree(folder, ignore_errors=True)
        records = run.turn(Turn(0, "sleepers", engine), folder)
        console.print(f"{engine}: {_told(records, 0.0)}", highlight=False, soft_wrap=True)
        if any(record.error for record in records):
            shutil.rmtree(folder, ignore_errors=True)
        else:
            stamp.write_text(made_from)


def _digest(engine: str) -> str:
    """Return what stands for the code of an engine."""
    known, digest = ENGINES[engine], hashlib.sha256()
    files = [setup.REQUIREMENTS / f"peers-{known.environment}.txt"]
    if known.ours:
        folders = ("src/flawless", "guests", "benchmarks/rust", "benchmarks/peers/engines")
        files = sorted(
            path
            for folder in folders
            for path in (setup.ROOT / folder).rglob("*")
            if path.is_file() and path.suffix != ".pyc"
        )
    for path in files:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _told(records: Sequence[Record], seconds: float) -> str:
    parts = [
        record.error[:100] if record.error else f"{record.metric} {record.value:,.4g} {record.unit}"
        for record in records
        if record.error or record.value is not None
    ]
    return f"{seconds:5.1f} s  " + "; ".join(parts)
