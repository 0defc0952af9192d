"""Workflows that wait for several things at once; for the engine's tests.

Most stand here twice: in plain form, and in `async def` form under the same name with `_async`.
"""

import asyncio

from life_programs import gated, mark
from talk_programs import breaks, double, double_async

from flawless import (
    as_completed,
    gather,
    receive,
    select,
    sleep,
    wait,
    workflow,
)


@workflow
def selects(folder: str, timeout: float) -> str:
    word, timer, work = (
        receive.start("word"),
        sleep.start(timeout),
        gated.start(folder, "work"),
    )
    first = select(word, timer, work)
    assert first is not None
    name = {id(word): "word", id(timer): "timer", id(work): "work"}[id(first)]
    work.cancel()
    return f"{name} {first.result()}".removesuffix(" None")


@workflow
async def selects_async(folder: str, timeout: float) -> str:
    word, timer, work = (
        receive.start("word"),
        sleep.start(timeout),
        gated.start(folder, "work"),
    )
    done, _ = await asyncio.wait([word, timer, work], return_when=asyncio.FIRST_COMPLETED)
    (first,) = done
    name = {id(word): "word", id(timer): "timer", id(work): "work"}[id(first)]
    work.cancel()
    return f"{name} {first.result()}".removesuffix(" None")


@workflow
def completes(folder: str, names: list[str]) -> list[str]:
    return [future.result() for future in as_completed([gated.start(folder, n) for n in names])]


@workflow
async def completes_async(folder: str, names: list[str]) -> list[str]:
    futures = [gated.start(folder, name) for name in names]
    return [await future for future in asyncio.as_completed(futures)]


@workflow
def waits_for_some(folder: str, names: list[str], timeout: float) -> list[list[str]]:
    futures = {gated.start(folder, name): name for name in names}
    done, pending = wait(futures, timeout=timeout)
    return [[futures[f] for f in done], [futures[f] for f in pending]]


@workflow
async def waits_for_some_async(folder: str, names: list[str], timeout: float) -> list[list[str]]:
    futures = {gated.start(folder, name): name for name in names}
    done, pending = await asyncio.wait(futures, timeout=timeout)
    return [
        [name for f, name in futures.items() if f in done],
        [name for f, name in futures.items() if f in pending],
    ]


@workflow
def partly_fails(folder: str) -> list[object]:
    futures = [double.start(1), breaks.start("no"), mark.start(folder, "done all the same")]
    try:
        gather(*futures)
    except ValueError as error:
        first = str(error)
    else:
        first = "no error"
    outcomes = gather(*futures, return_exceptions=True)
    return [first, *(o if isinstance(o, int | str) else type(o).__name__ for o in outcomes)]


@workflow
async def partly_fails_async(folder: str) -> list[object]:
    futures = [double.start(1), breaks.start("no"), mark.start(folder, "done all the same")]
    try:
        await asyncio.gather(*futures)
    except ValueError as error:
        first = str(error)
    else:
        first = "no error"
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    return [first, *(o if isinstance(o, int | str) else type(o).__name__ for o in outcomes)]


@workflow
def never_awaits(folder: str, fails: bool) -> str:
    mark.start(folder, "started")
    breaks.start("nobody looks")
    receive.start("word")
    sleep.start(days=300)
    if fails:
        raise RuntimeError("the workflow fails")
    return "returned"


@workflow
async def never_awaits_async(folder: str, fails: bool) -> str:
    mark.start(folder, "started")
    breaks.start("nobody looks")
    receive.start("word")
    sleep.start(days=300)
    if fails:
        raise RuntimeError("the workflow fails")
    return "returned"


@workflow
def awaits_twice() -> list[int]:
    future = double.start(4)
    return [future.result(), future.result(), *gather(future, future)]


@workflow
async def awaits_twice_async() -> list[int]:
    future = double.start(4)
    return [await future, await future, *await asyncio.gather(future, future)]


@workflow
def fans_out(count: int) -> int:
    return sum(gather(*(double_async.start(n) for n in range(count))))


@workflow
async def fans_out_async(count: int) -> int:
    return sum(await asyncio.gather(*(double_async.start(n) for n in range(count))))


@workflow
async def uses_asyncio(folder: str) -> list[object]:
    """Queue, Event, Semaphore, TaskGroup, shield and timeouts, each over steps and messages."""
    queue: asyncio.Queue[int | None] = asyncio.Queue(2)
    event, gate = asyncio.Event(), asyncio.Semaphore(2)
    log: list[object] = []
    inside = most = 0

    async def produce() -> None:
        for n in range(4):
            await queue.put(await double.start(n))
        await queue.put(None)

    async def consume() -> None:
        while (item := await queue.get()) is not None:
            log.append(item)
        event.set()

    async def guarded(n: int) -> int:
        nonlocal inside, most
        async with gate:
            inside += 1
            most = max(most, inside)
            value: int = await double.start(n)
            inside -= 1
            return value

    async def follows() -> None:
        await event.wait()
        log.append("event")

    async with asyncio.TaskGroup() as group:
        group.create_task(produce())
        group.create_task(consume())
        group.create_task(follows())
        tasks = [group.create_task(guarded(n)) for n in range(6)]
    log.append(sum(task.result() for task in tasks))
    log.append(most)
    try:
        async with asyncio.timeout(0.01):
            await receive.start("never")
    except TimeoutError:
        log.append("timeout")
    shielded = asyncio.ensure_future(asyncio.shield(mark.start(folder, "shielded")))
    log.append(await shielded)
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(asyncio.sleep(1000))
            group.create_task(as_coroutine("one fails"))
    except* ValueError as errors:
        log.append(str(errors.exceptions[0]))
    return log


async def as_coroutine(text: str) -> None:
    await breaks.start(text)
