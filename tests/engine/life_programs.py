"""Workflows and steps for tests that end an engine in the middle of them.

Steps leave a line in `FOLDER/marks`, so that any process can tell how often each ran. A gated step
stops at the named pipe `FOLDER/NAME` until a test opens it; where there is none, it goes on.
"""

import asyncio
import time
from pathlib import Path

import flawless
from flawless import http, sleep, step, workflow


def note(folder: str, text: str) -> None:
    with (Path(folder) / "marks").open("a") as file:
        file.write(text + "\n")


def pass_gate(folder: str, name: str) -> None:
    note(folder, f"begin {name}")
    gate = Path(folder) / name
    if gate.exists():
        gate.read_bytes()
    note(folder, f"end {name}")


# --- steps ----------------------------------------------------------------------------------------


@step
def mark(folder: str, text: str) -> str:
    note(folder, text)
    return text


@step
def gated(folder: str, name: str, padding: int = 0) -> str:
    pass_gate(folder, name)
    return name + " " * padding


@step(at_most_once=True)
def once(folder: str, name: str) -> str:
    pass_gate(folder, name)
    return name


@step(retries=5, backoff=60, backoff_max=60)
def stubborn(folder: str, wins_at: int) -> int:
    attempt = flawless.step_info().attempt
    note(folder, f"attempt {attempt}")
    if attempt < wins_at:
        raise ConnectionError(f"attempt {attempt} failed")
    return attempt


@step(retries=3, backoff=1.2, backoff_max=1.2)
def patient(folder: str) -> int:
    attempt = flawless.step_info().attempt
    if attempt < 2:
        raise ConnectionError(f"attempt {attempt} failed")
    return attempt


# --- workflows ------------------------------------------------------------------------------------


@workflow
def plain(n: int) -> int:
    return n


@workflow
def naps(folder: str, name: str, seconds: float) -> float:
    before = time.time()
    mark(folder, f"{name} lies down")
    sleep(seconds)
    mark(folder, f"{name} gets up")
    return time.time() - before


@workflow
def dozes(seconds: float) -> str:
    sleep(seconds)
    return "rested"


@workflow
def dozes_then_works(folder: str, seconds: float) -> str:
    sleep(seconds)
    return gated(folder, "after sleep")


@workflow
def works(folder: str, name: str, padding: int = 0) -> list[str]:
    first = mark(folder, f"{name} first")
    middle = gated(folder, name, padding).rstrip()
    return [first, middle, mark(folder, f"{name} last")]


@workflow
def works_once(folder: str, name: str) -> str:
    try:
        return once(folder, name)
    except flawless.Interrupted as error:
        mark(folder, "interrupted")
        return f"Interrupted: {error}"


@workflow
async def works_once_started(folder: str, name: str) -> str:
    started = once.start(folder, name)
    await asyncio.sleep(0.01)
    try:
        return await started
    except flawless.Interrupted:
        return "Interrupted"


@workflow
def tries(folder: str, wins_at: int) -> int:
    return stubborn(folder, wins_at)


@workflow
def tries_patiently(folder: str) -> int:
    return patient(folder)


@workflow
async def fans_out(folder: str, left: str, right: str) -> list[str]:
    futures = [gated.start(folder, left), mark.start(folder, right)]
    return [await future for future in futures]


@workflow
async def gives_up(folder: str, name: str, seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            return await gated.start(folder, name)
    except TimeoutError:
        return "gave up"


@workflow
def fetches(method: str, url: str, idempotent: bool) -> str:
    try:
        return http.request(method, url, idempotent=idempotent).text
    except flawless.Interrupted:
        return "Interrupted"


@workflow
def errands(folder: str, count: int) -> int:
    total = 0
    for n in range(count):
        total += len(mark(folder, f"errand {n}"))
        sleep(0.01)
    return total


@workflow
def times(folder: str, count: int) -> list[float]:
    seen = [time.time()]
    for n in range(count):
        gated(folder, f"time {n}")
        seen.append(time.time())
    return seen
