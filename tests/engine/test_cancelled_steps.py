"""Steps nobody waits for any more: threads are told, tasks cancelled, worker processes killed."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pool_steps
import pytest
from jumps import Bench, bench
from lives import until_async

from flawless import UsageError, step
from flawless.engine.clock import SystemClock
from flawless.engine.context import cancelled

told: list[str] = []
gates: dict[str, threading.Event] = {}


@step
def works_on(name: str) -> None:
    told.append(f"{name} begins")
    while not cancelled():
        gates[name].wait(0.001)
    told.append(f"{name} was told")


@step(timeout=0.3, retries=1, backoff=0.0)
def times_out(name: str) -> str:
    if gates[name].is_set():
        return f"cancelled: {cancelled()}"
    gates[name].set()
    while not cancelled():
        threading.Event().wait(0.001)
    told.append(f"{name} was told")
    return ""


@step
async def awaits(name: str) -> None:
    told.append(f"{name} begins: {cancelled()}")
    try:
        await asyncio.Event().wait()
    finally:
        told.append(f"{name} ends: {cancelled()}")


@step(timeout=0.05)
async def awaits_briefly(name: str) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        told.append(f"{name} ends: {cancelled()}")


@step
def quick() -> int:
    return 7


def on_a_bench(work: Callable[[Bench], Awaitable[None]]) -> None:
    """Do something with steps."""

    async def main() -> None:
        async with bench(SystemClock()) as made:
            await work(made)

    asyncio.run(main())


async def is_told(text: str) -> None:
    """Wait until a step has said something."""

    async def said() -> bool:
        return text in told

    await until_async(said, text)


async def marked(file: Path, count: int = 1) -> list[int]:
    """Wait until steps have left so many marks; return their processes."""

    async def there() -> bool:
        return file.exists() and file.read_text().count("\n") >= count

    await until_async(there, "marks")
    return [int(line) for line in file.read_text().split()]


def alive(process: int) -> bool:
    """Tell whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def test_outside_of_a_step() -> None:
    """There is nothing to ask about."""
    with pytest.raises(UsageError, match="no step is running"):
        cancelled()


def test_a_step_in_a_thread_is_told() -> None:
    """It can end early, its outcome is not reported, and its place is free at once."""
    gates["a"] = threading.Event()

    async def work(made: Bench) -> None:
        run, outcome = made.begin(works_on, "a")
        await is_told("a begins")
        made.performer.cancel(run)
        assert json.loads((await made.begin(quick)[1]).payload) == 7
        await is_told("a was told")
        assert not outcome.done()

    on_a_bench(work)


def test_an_attempt_beyond_its_timeout_is_told() -> None:
    """Each attempt has its own flag: the next one is not told what concerned the first."""
    gates["t"] = threading.Event()

    async def work(made: Bench) -> None:
        ended = await made.begin(times_out, "t")[1]
        assert json.loads(ended.payload) == "cancelled: False"
        assert [a.type for a in ended.attempts] == ["StepTimeout"]
        await is_told("t was told")

    on_a_bench(work)


def test_an_async_step_is_cancelled() -> None:
    """It sees `CancelledError`, and `cancelled()` is true while it cleans up."""

    async def work(made: Bench) -> None:
        run, outcome = made.begin(awaits, "b")
        await is_told("b begins: False")
        made.performer.cancel(run)
        await is_told("b ends: True")
        assert not outcome.done()
        timed_out = await made.begin(awaits_briefly, "c")[1]
        assert json.loads(timed_out.payload)["type"] == "StepTimeout"
        assert "c ends: True" in told

    on_a_bench(work)


def test_a_worker_process_is_killed_and_replaced(tmp_path: Path) -> None:
    """A cancelled step frees its worker: the next step gets another one."""
    marks = tmp_path / "marks"

    async def work(made: Bench) -> None:
        run, outcome = made.begin(pool_steps.waits, str(marks))
        (process,) = await marked(marks)
        made.performer.cancel(run)
        ended = await made.begin(pool_steps.pid)[1]
        assert json.loads(ended.payload) != process
        assert not alive(process)
        assert not outcome.done()

    on_a_bench(work)


def test_a_step_that_waits_for_a_worker_never_begins(tmp_path: Path) -> None:
    """Cancelled before its turn it leaves no mark; those behind it have their turn."""
    first, second = tmp_path / "first", tmp_path / "second"

    async def work(made: Bench) -> None:
        busy, _ = made.begin(pool_steps.waits, str(first))
        await marked(first)
        queued, outcome = made.begin(pool_steps.waits, str(second))
        last = made.begin(pool_steps.halve, 8)[1]
        made.performer.cancel(queued)
        made.performer.cancel(busy)
        assert json.loads((await last).payload) == 4
        assert not second.exists()
        assert not outcome.done()

    on_a_bench(work)


def test_a_healthy_worker_outlives_a_cancellation_that_comes_late() -> None:
    """A step that was called off before its worker had begun leaves the worker to the next."""

    async def work(made: Bench) -> None:
        first = json.loads((await made.begin(pool_steps.pid)[1]).payload)
        run, _ = made.begin(pool_steps.pid)
        await run_out(made)
        made.performer.cancel(run)  # it has ended
        assert json.loads((await made.begin(pool_steps.pid)[1]).payload) == first

    async def run_out(made: Bench) -> None:
        await made.begin(pool_steps.halve, 2)[1]

    on_a_bench(work)


def test_a_worker_beyond_its_timeout_is_killed_and_the_step_tried_again(tmp_path: Path) -> None:
    """The second attempt runs in another process, and the first one is gone."""
    marks = tmp_path / "marks"

    async def work(made: Bench) -> None:
        ended = await made.begin(pool_steps.hangs_once, str(marks))[1]
        first, second = await marked(marks, 2)
        assert json.loads(ended.payload) == second != first
        assert not alive(first)

    on_a_bench(work)


def test_steps_that_wait_for_a_worker_take_no_thread(tmp_path: Path) -> None:
    """With one thread and one worker, both busy with process steps or not, other steps go on."""

    async def work(made: Bench) -> None:
        runs = [made.begin(pool_steps.waits, str(tmp_path / "marks"))[0] for _ in range(5)]
        await marked(tmp_path / "marks")
        assert json.loads((await made.begin(quick)[1]).payload) == 7
        for run in runs:
            made.performer.cancel(run)

    on_a_bench(work)
