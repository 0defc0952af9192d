"""One function per measurement; each opens engines of its own in an empty folder."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

import flawless
from benchmarks import timetravel, workloads
from flawless.core.encoding import encode_entries

Figures = dict[str, tuple[float, str]]
"""Value and unit by name."""

STEPS_SEQUENTIAL = 1_000
STARTS = 200


@dataclass(frozen=True, slots=True)
class Context:
    """Where to measure, and how much."""

    folder: Path
    sleepers: int


@contextmanager
def engine(context: Context, *, baked: bool = False) -> Iterator[flawless.Engine]:
    """An engine on a fresh SQLite file, warmed up."""
    path = context.folder / f"bench{'-baked' if baked else ''}.db"
    with flawless.Engine(path, modules=["benchmarks.workloads"], baked=baked) as made:
        for _ in range(5):
            made.start(workloads.noop).result()
        made.start(workloads.steps, 50).result()
        yield made


def starts(context: Context) -> Figures:
    """Start to result of a workflow that returns at once, one after the other and together."""
    figures: Figures = {}
    for baked in (False, True):
        kind = "baked" if baked else "loaded"
        with engine(context, baked=baked) as made:
            times = sorted(_timed(_start_one, made) for _ in range(STARTS))
            together_s = _timed(_together, made, workloads.noop, 500, 50)
        figures[f"no-op, start to result, {kind}, p50"] = (times[STARTS // 2] * 1e3, "ms")
        figures[f"no-op, start to result, {kind}, p99"] = (times[STARTS * 99 // 100] * 1e3, "ms")
        figures[f"no-op executions, 50 at once, {kind}"] = (500 / together_s, "executions/s")
    return figures


def sequential(context: Context) -> Figures:
    """Steps of one execution, one after the other."""
    count = STEPS_SEQUENTIAL
    with engine(context) as made:
        sync_s = _timed(_together, made, workloads.steps, 1, 1, count)
        async_s = _timed(_together, made, workloads.steps_async, 1, 1, count)
    return {
        "sequential step, sync": (sync_s / count * 1e6, "us/step"),
        "sequential step, async": (async_s / count * 1e6, "us/step"),
    }


def concurrent(context: Context) -> Figures:
    """Steps of many executions at the same time; starting them is included."""
    figures: Figures = {}
    for executions, count in ((200, 10), (100, 100)):
        for baked in (False, True):
            kind = "baked" if baked else "loaded"
            with engine(context, baked=baked) as made:
                for name, workflow in (("sync", workloads.steps), ("async", workloads.steps_async)):
                    seconds = _timed(_together, made, workflow, executions, executions, count)
                    what = f"{executions} x {count} steps, {name}, {kind}"
                    figures[what] = (executions * count / seconds, "steps/s")
    return figures


def journal(context: Context) -> Figures:
    """Bytes a step adds to the journal beyond its result, and to the closed file in all."""
    count = 5_000
    with engine(context) as made:
        run = made.start(workloads.steps, 10)
        run.result()
    before = _file_bytes(context)
    with engine(context) as made:
        run = made.start(workloads.steps, count)
        run.result()
        entries = run.journal()
    after = _file_bytes(context)
    payload = sum(len(getattr(entry, "payload", None) or b"") for entry in entries)
    stored = len(encode_entries(0, entries))
    return {
        "journal of a step beyond its result": ((stored - payload) / count, "bytes"),
        "database growth per step": ((after - before) / count, "bytes"),
    }


def replay(context: Context) -> Figures:
    """Effects answered per second while an execution of 5,000 steps is replayed."""
    count = 5_000
    with engine(context) as made:
        run = made.start(workloads.steps, count)
        run.result()
        times = [_timed(run.replay) for _ in range(3)]
    return {"replay, with start of the guest": (count / min(times), "effects/s")}


def sleepers(context: Context) -> Figures:
    """Memory of an engine whose executions all sleep, and the time to open it again."""
    with engine(context, baked=True) as made:
        gc.collect()
        before = _rss_bytes()
        seconds = _timed(_start_all, made, context.sleepers)
        gc.collect()
        grown = _rss_bytes() - before
        waiting = made.health()["executions"]["waiting"]
    bytes_each = _file_bytes(context) / context.sleepers
    assert waiting == context.sleepers, f"{waiting:,} of {context.sleepers:,} sleep"
    reopened = _timed(_open_and_close, context)
    return {
        f"memory of {context.sleepers:,} sleepers": (grown / context.sleepers, "bytes each"),
        "sleepers put to sleep": (context.sleepers / seconds, "executions/s"),
        f"opening an engine with {context.sleepers:,} sleepers": (reopened, "s"),
        "database per sleeper": (bytes_each, "bytes"),
    }


def time_travel(context: Context) -> Figures:
    """Replays with and without a tracer, and ways through them."""
    return timetravel.measure(context.folder)


ALL: dict[str, Callable[[Context], Figures]] = {
    "starts": starts,
    "sequential": sequential,
    "concurrent": concurrent,
    "journal": journal,
    "replay": replay,
    "timetravel": time_travel,
    "sleepers": sleepers,
}


def _timed(work: Callable[..., object], *args: object) -> float:
    began = perf_counter()
    work(*args)
    return perf_counter() - began


def _start_one(made: flawless.Engine) -> None:
    made.start(workloads.noop).result()


def _together(
    made: flawless.Engine, workflow: object, executions: int, at_once: int, *args: object
) -> None:
    """Run executions, `at_once` of them at the same time, from one asyncio program."""

    async def one(gate: asyncio.Semaphore) -> None:
        async with gate:
            run = await made.start_async(workflow, *args)  # type: ignore[call-overload]  # any workflow
            await run

    async def main() -> None:
        gate = asyncio.Semaphore(at_once)
        await asyncio.gather(*(one(gate) for _ in range(executions)))

    asyncio.run(main())


def _start_all(made: flawless.Engine, count: int) -> None:
    _together(made, workloads.noop, 1, 1)

    async def one(gate: asyncio.Semaphore) -> None:
        async with gate:
            await made.start_async(workloads.sleeper, 1_000_000.0)

    async def main() -> None:
        gate = asyncio.Semaphore(100)
        for begin in range(0, count, 1_000):
            await asyncio.gather(*(one(gate) for _ in range(begin, min(begin + 1_000, count))))

    asyncio.run(main())
    while made.health()["in_memory"]:
        os.sched_yield()


def _open_and_close(context: Context) -> None:
    path = context.folder / "bench-baked.db"
    with flawless.Engine(path, modules=["benchmarks.workloads"], baked=True) as made:
        made.start(workloads.noop).result()


def _rss_bytes() -> int:
    with Path("/proc/self/statm").open() as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _file_bytes(context: Context) -> int:
    return sum(path.stat().st_size for path in context.folder.glob("bench*.db*"))


assert sys.platform == "linux", "memory is read from /proc"
