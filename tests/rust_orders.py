"""Recordings of the orders in tests/rust/programs/src/travel.rs, and their lines."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from pathlib import Path

import rust_programs
import travel_steps
from flawless import Client, Engine
from flawless.errors import ExecutionFailed
from flawless.timetravel import Recording
from serving import serving

FILE = "tests/rust/programs/src/travel.rs"
WORKFLOW = "programs.travel.ordered"
WORDS = {"done": "well", "failed": "fail", "panicked": "panic", "aborted": "abort"}
"""What each order is told; one more is told nothing, and waits."""
OTHERS = ("renamed", "leaves")
CHANGES = {
    b"travel_steps.pack": b"travel_steps.wrap",
    b"heard ": b"HEARD ",
    b"renamed": b"removed",
}
_LINES = (rust_programs.ROOT / FILE).read_text().splitlines()


def line(text: str) -> int:
    """Return the number of the first line of the source that begins so."""
    return next(n for n, one in enumerate(_LINES, 1) if one.strip().startswith(text))


@functools.cache
def recordings() -> dict[str, Recording]:
    """Return recordings: orders that ended in each way and one that `waits`, and what is shorter,
    whose code is another one in `changed`.
    """
    with Engine(modules=[str(rust_programs.wasm()), travel_steps]) as engine:
        runs = [engine.start(WORKFLOW, "tea", 7, id=name) for name in (*WORDS, "waits")]
        short = [engine.start("programs.travel.awaited", id=name) for name in ("heard", "hears")]
        others = [engine.start(f"programs.travel.{name}", id=name) for name in OTHERS]
        for run in (*runs[:-1], short[0]):
            run.send("word", WORDS.get(run.id, "well"))
        for run in (*runs[:-1], short[0], *others):
            with contextlib.suppress(ExecutionFailed):
                run.result(timeout=60)
        while len(runs[-1].journal()) < 12 or len(short[1].journal()) < 2:
            pass
        return {run.id: Recording.of(run) for run in (*runs, *short, *others)}


@contextlib.contextmanager
def served(folder: Path, **more: str) -> Iterator[str]:
    """Give the address of a server on which orders have ended, and `more` has begun."""
    with serving(folder / "data", [str(rust_programs.wasm()), travel_steps.__file__]) as (_, api):
        address = str(api.base_url).removesuffix("/api/v1/")
        with Client(address) as client:
            for name, word in WORDS.items():
                client.start(WORKFLOW, ["tea", 7], id=name)
                client.send(name, "word", word)
            for name, workflow in more.items():
                client.start(f"programs.travel.{workflow}", id=name)
            for name in WORDS:
                client.outcome(name, wait_s=60)
        yield address


@functools.cache
def changed() -> bytes:
    """Return the component with other texts: a step, a result and a workflow are other ones.

    There is one for all tests, since compiling it takes a while on a machine that has not.
    """
    content = rust_programs.wasm().read_bytes()
    for old, new in CHANGES.items():
        assert old in content
        assert len(old) == len(new)
        content = content.replace(old, new)
    return content
