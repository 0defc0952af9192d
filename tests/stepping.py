"""Recordings of the workflows in `stepped.py`, made once for all tests of a process."""

from __future__ import annotations

import functools
from pathlib import Path

import pytest

import stepped
from flawless import Engine
from flawless.timetravel import Recording, export_bytes

NOW_US = 1_700_000_000_000_000
PLACES = 30
FILE = "stepped.py"
_LINES = Path(stepped.__file__).read_text().splitlines()


def line(text: str) -> int:
    """Return the number of the one line of `stepped.py` with this text."""
    found = [number for number, one in enumerate(_LINES, 1) if one.strip() == text]
    assert len(found) == 1, (text, found)
    return found[0]


@functools.cache
def recordings() -> dict[str, Recording]:
    """Return recordings: a long and a short one that completed, an async one, one that failed,
    and one that waits.
    """
    with Engine(modules=[stepped]) as engine:
        runs = [
            engine.start(stepped.tour, PLACES, id="tour"),
            engine.start(stepped.tour, 2, id="short"),
            engine.start(stepped.relay, 3, id="relay"),
            engine.start(stepped.fall, id="fall"),
        ]
        for run in runs:
            if run.id == "fall":
                with pytest.raises(Exception, match="too many"):
                    run.result()
            else:
                run.result()
        waits = engine.start(stepped.hold, id="hold")
        while len(waits.journal()) < 2:
            pass
        return {run.id: Recording.of(run) for run in [*runs, waits]}


def exported(name: str, folder: Path) -> Path:
    """Write an export of one of them, without its component, which this machine knows."""
    path = folder / f"{name}.flawless"
    path.write_bytes(export_bytes(recordings()[name], now_us=NOW_US, contents="code"))
    return path
