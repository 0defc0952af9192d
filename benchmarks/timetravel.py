"""Time travel: how fast an execution is replayed, traced and not, and how fast one gets anywhere.

Run it alone with `python -m benchmarks --only timetravel`.
"""

from __future__ import annotations

import gc
import os
import statistics
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import flawless
from benchmarks import workloads
from flawless.timetravel.model import Watch
from flawless.timetravel.path import trace
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer

EFFECTS = 1_000
TARGET = 900
ROUNDS = 3
"""Of all measures, one after the other; the median of each counts."""
LARGE = 10_000
"""Effects of the execution whose memory is measured, beside one of `EFFECTS`."""

Figures = dict[str, tuple[float, str]]


def measure(folder: Path) -> Figures:
    """Return rates, times and memory of replays of executions of so many steps."""
    recordings = _recordings(folder)
    small = recordings[EFFECTS]
    small.replay()  # compiles nothing, and finds everything in memory
    ways: dict[str, Callable[[], object]] = {
        "untraced": small.replay,
        "with stacks": lambda: trace(small),
        "with stacks and lines": lambda: trace(small, lines=True),
        "with stacks, lines and variables": lambda: trace(small, lines=True, variables=True),
    }
    jumps: dict[str, Callable[[], object]] = {
        f"jump to effect {TARGET} of {EFFECTS:,}": lambda: _jump(small, TARGET),
        "one effect back from there": lambda: _jump(small, TARGET - 1),
        "one line back from there": lambda: _jump(small, TARGET - 1, lines=1),
    }
    times: dict[str, list[float]] = {name: [] for name in ways | jumps}
    for _ in range(ROUNDS):
        for name, work in (ways | jumps).items():
            times[name].append(_timed(work))
    seconds = {name: statistics.median(values) for name, values in times.items()}
    figures: Figures = {
        f"replay of {EFFECTS:,} effects, {name}": (EFFECTS / seconds[name], "effects/s")
        for name in ways
    }
    figures |= {name: (seconds[name] * 1e3, "ms") for name in jumps}
    for count, recording in recordings.items():
        figures |= _memory(recording, count)
    return figures


def _recordings(folder: Path) -> dict[int, Recording]:
    with flawless.Engine(folder / "bench.db", modules=["benchmarks.workloads"]) as engine:
        runs = {count: engine.start(workloads.steps, count) for count in (EFFECTS, LARGE)}
        for run in runs.values():
            run.result()
        return {count: Recording.of(run) for count, run in runs.items()}


def _jump(recording: Recording, point: int, *, lines: int = 0) -> None:
    """Go to a point (and some lines further), and look at the variables there."""
    with Replayer(recording) as replay:
        stop = replay.go(Watch(point=point))
        if lines:
            stop = replay.go(Watch(count=lines))
        assert stop.frames, stop
        replay.variables(0)


def _memory(recording: Recording, count: int) -> Figures:
    """Return what a path keeps in memory, and what a guest that is stopped near its end takes."""
    tracemalloc.start()
    path = trace(recording, lines=True)
    path_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    del path
    gc.collect()
    before = _rss_bytes()
    with Replayer(recording) as replay:
        replay.go(Watch(point=count - 1))
        guest_bytes = _rss_bytes() - before
    return {
        f"memory of a path of {count:,} effects with lines": (path_bytes / 1e6, "MB"),
        f"memory of a replay at effect {count - 1:,}": (guest_bytes / 1e6, "MB"),
    }


def _timed(work: Callable[[], object]) -> float:
    began = perf_counter()
    work()
    return perf_counter() - began


def _rss_bytes() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
