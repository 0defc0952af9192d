"""Workflows with effects of all kinds, plain and async, for the comparison of paths.

See `path_workflows`, which has the constructs of the language.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import flawless
from flawless import http, receive, select, sleep, step, workflow

log: list[str] = []


@step
def double(number: int) -> int:
    """Twice as much."""
    return 2 * number


@step
async def slowly(number: int) -> int:
    """Give it back, a moment later."""
    await asyncio.sleep(number / 1_000)
    return number


@workflow
def child(number: int) -> int:
    """Run on its own."""
    if number > 2:
        raise ValueError(f"{number} is too much")
    return double(number)


@workflow
def effects(site: str) -> list[Any]:
    """Steps, HTTP, clock, randomness, sleep, messages, children: branches that they decide."""
    told: list[Any] = []
    for _ in range(20):
        if random.random() < 0.5:
            told.append("low")
        else:
            told.append("high")
    dice = random.sample(range(100), 3)
    if dice[0] > dice[1]:
        told.append("falls")
    if uuid.uuid4().int % 2:
        told.append("odd")
    if int(time.time() * 1_000) % 2:
        told.append("odd moment")
    if datetime.now(UTC).microsecond % 2:
        told.append("odd time")
    sleep(0.001)
    for path in ("a", "bb"):
        answer = http.get(f"{site}/{path}")
        if len(answer.text) > 2:
            told.append(answer.text)
    try:
        http.post(f"{site}/status/404", json={"n": 1}).raise_for_status()
    except flawless.HTTPStatusError as error:
        told.append(str(error))
    while (message := receive("note", timeout=5)) != "end":
        told.append(message)
    if receive("never", timeout=0.001) is None:
        told.append("nobody")
    futures = [double.start(n) for n in range(3)]
    told += [future.result() for future in futures]
    for number in (1, 5):
        try:
            told.append(child(number))
        except flawless.ExecutionFailed as error:
            told.append(type(error).__name__)
        except ValueError:
            told.append("value")
    started = [child.start(n) for n in (1, 2)]
    first: Any = select(*started, sleep.start(20))
    told.append(first is not None)
    print("so far", len(told))
    return told


async def numbers(count: int) -> AsyncIterator[int]:
    """Yield numbers, with a pause before each."""
    for number in range(count):
        await asyncio.sleep(0)
        yield number


@contextlib.asynccontextmanager
async def lent(name: str) -> AsyncIterator[str]:
    """Lend something."""
    log.append(f"lend {name}")
    try:
        yield name
    finally:
        await asyncio.sleep(0)
        log.append(f"back {name}")


async def part(number: int) -> int:
    """Do some work."""
    got = await slowly.start(20 - 5 * number)
    if number == 2:
        raise KeyError(number)
    return got + await slowly(1)


async def worker(queue: asyncio.Queue[int], done: list[int]) -> None:
    """Work until it is cancelled."""
    try:
        while True:
            done.append(await queue.get())
            queue.task_done()
    except asyncio.CancelledError:
        done.append(-1)
        raise


@workflow
async def concurrent(count: int) -> list[Any]:
    """Tasks, groups, queues, timeouts, events, async generators and context managers."""
    log.clear()
    told: list[Any] = list(await asyncio.gather(*(slowly(9 - 3 * n) for n in range(count))))
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(part(n)) for n in range(2)]
    told += [task.result() for task in tasks]
    try:
        async with asyncio.TaskGroup() as group:
            for n in (1, 2):
                group.create_task(part(n))
    except* KeyError as errors:
        told.append(len(errors.exceptions))
    told += [n async for n in numbers(3) if n != 1]
    async for n in numbers(2):
        told.append(n)
    async with lent("pen") as pen:
        told.append(pen)
    queue: asyncio.Queue[int] = asyncio.Queue()
    done: list[int] = []
    workers = [asyncio.create_task(worker(queue, done)) for _ in range(2)]
    for n in range(4):
        queue.put_nowait(n)
    await queue.join()
    for each in workers:
        each.cancel()
    await asyncio.gather(*workers, return_exceptions=True)
    told += done
    try:
        async with asyncio.timeout(0.002):
            await asyncio.sleep(5)
    except TimeoutError:
        told.append("timeout")
    finished, pending = await asyncio.wait(
        [asyncio.create_task(asyncio.sleep(n / 100, n)) for n in (0, 5)],
        return_when=asyncio.FIRST_COMPLETED,
    )
    told += [len(finished), len(pending)]
    for one in pending:
        one.cancel()
    return told + log


CASES: list[tuple[Any, list[Any]]] = [(effects, ["SITE"]), (concurrent, [4])]
"""Workflows and their arguments; `SITE` stands for the address of the local service."""
