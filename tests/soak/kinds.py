"""What is started in a soak: the storms' workflows, in both languages, each with its share.

One server has a name only once, and in Rust the workflows of the storms are called as in Python. So
the Python modules are served under other names, as copies that `lay_out` makes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import people

import rust_programs

CRASH = Path(__file__).resolve().parent.parent / "crash"
MODULES = ("workflows", "conversations", "repairs")
STEPS = "storm_steps.py"

PYTHON, RUST = "python", "rust"
ASYNCIO_ONLY = {"receives_async", "races_async", "cancels_async", "stopped_async"}
PROBE = "many"
"""Six steps, one after the other, and no pause: what latency is measured with."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One workflow: how often it is started among all, and who deals with its executions."""

    name: str
    module: str
    weight: float
    person: people.Person | None = None
    delay_s: float | None = None

    def workflow(self, language: str) -> str:
        """Return its name at the server."""
        prefix = PYTHON if language == PYTHON else "storm"
        return f"{prefix}_{self.module}.{self.name}"

    def languages(self, served: tuple[str, ...]) -> tuple[str, ...]:
        """Return those of the served languages that it is written in."""
        return tuple(one for one in served if one == PYTHON or self.name not in ASYNCIO_ONLY)


KINDS = (
    Kind(PROBE, "workflows", 30),
    Kind("steps", "workflows", 6),
    Kind("requests", "workflows", 6),
    Kind("retries", "workflows", 4),
    Kind("sleeps", "workflows", 6),
    Kind("futures", "workflows", 4),
    Kind("concurrent", "workflows", 4),
    Kind("processes", "workflows", 3),
    Kind("receives", "conversations", 4, people.write),
    Kind("receives_async", "conversations", 2, people.write),
    Kind("talks", "conversations", 3),
    Kind("shows", "conversations", 4, people.watch),
    Kind("races", "conversations", 3, people.go),
    Kind("races_async", "conversations", 2, people.go),
    Kind("families", "conversations", 2),
    Kind("leaves", "conversations", 2),
    Kind("leaves_failing", "conversations", 1),
    Kind("cancels_async", "conversations", 1),
    Kind("stopped", "conversations", 3, people.stop),
    Kind("stopped_async", "conversations", 2, people.stop),
    Kind("terminated", "conversations", 2, people.terminate),
    Kind("begins_later", "conversations", 3, people.write_items, 0.4),
    Kind("never_begins", "conversations", 2, people.call_off, 600.0),
    Kind("expires", "conversations", 2),
    Kind("sagas", "repairs", 2),
    Kind("sagas_async", "repairs", 2, people.stop),
    Kind("sagas_parked", "repairs", 1, people.decide),
    Kind("parks", "repairs", 3, people.decide),
    Kind("parks_async", "repairs", 2, people.decide),
    Kind("mended", "repairs", 2, people.mend),
    Kind("mended_below", "repairs", 2, people.mend),
    Kind("restarted", "repairs", 2, people.mend_from_start),
    Kind("continues", "repairs", 3, people.write_items),
    Kind("continues_async", "repairs", 2, people.write_items),
)
"""Steps of all sorts, HTTP, sleeps, messages, states, children, cancellations, repairs.

Of the storms' workflows `cancels` is not here: one of its children waits for a request that takes
eight seconds, and has to be cancelled before, which a server that is away may not manage.
"""


def lay_out(folder: Path, served: tuple[str, ...]) -> list[Path]:
    """Put what is to be served into a folder; return the arguments of `flawless up`."""
    folder.mkdir()
    steps = folder / STEPS
    steps.write_text((CRASH / STEPS).read_text())
    given = [steps]
    for name in MODULES if PYTHON in served else ():
        source = (CRASH / f"storm_{name}.py").read_text()
        module = folder / f"{PYTHON}_{name}.py"
        module.write_text(re.sub(rf"\bstorm_({'|'.join(MODULES)})\b", rf"{PYTHON}_\1", source))
        given.append(module)
    return [*given, rust_programs.wasm()] if RUST in served else given
