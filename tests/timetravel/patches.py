"""Recordings of `patch_programs`, and changed versions of it."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import patch_programs

from flawless import Engine
from flawless.engine.handle import Execution
from flawless.errors import ExecutionFailed
from flawless.timetravel import Recording
from flawless.timetravel.code import Code, code_of_files

SOURCE = Path(patch_programs.__file__).read_text()


@functools.cache
def recordings(site: str) -> dict[str, Recording]:
    """Return executions that have ended, failed, or go on."""
    with Engine(":memory:", modules=[patch_programs]) as engine:
        runs: dict[str, Execution[Any]] = {
            "for ever": engine.start(patch_programs.watch_for_ever, id="somebody"),
            "book": engine.start(patch_programs.buy, "book", 700),
            "piano": engine.start(patch_programs.buy, "piano", 700),
            "together": engine.start(patch_programs.together, 2),
            "rested": engine.start(patch_programs.rest),
            "terminated": engine.start(patch_programs.wait_for, "nobody"),
            "asked": engine.start(patch_programs.ask, f"{site}/path?key=1"),
            "asleep": engine.start(patch_programs.wait_for, "you"),
            "family": engine.start(patch_programs.family, "you", id="family"),
            "undone": engine.start(patch_programs.undone, "all"),
        }
        for name in ("book", "piano", "together", "asked", "rested"):
            try:
                runs[name].result(timeout=60)
            except ExecutionFailed:
                assert name == "piano"
        for name, length in (
            ("terminated", 2),
            ("asleep", 2),
            ("undone", 2),
            ("for ever", 2),
            ("family", 3),
        ):
            while len(runs[name].journal()) < length:
                pass
        runs["terminated"].terminate()
        while runs["terminated"].status != "cancelled":
            pass
        return {name: Recording.of(run) for name, run in runs.items()}


@functools.cache
def patched(*changes: tuple[str, str]) -> Code:
    """Return the programs with texts replaced, each of which they have once."""
    text = SOURCE
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is there {text.count(old)} times"
        text = text.replace(old, new)
    return code_of_files({"patch_programs.py": text}, ["patch_programs"])


def lines_of(text: str) -> int:
    """Return the number of the only line of the programs that has this text."""
    (number,) = (n for n, line in enumerate(SOURCE.splitlines(), 1) if text in line)
    return number
