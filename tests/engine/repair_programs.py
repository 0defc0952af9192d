"""Workflows that undo, park, fail, are repaired and live long; for the engine's tests.

Steps that are to fail do so while a file is missing, or while one is there.
"""

import asyncio
import time
from pathlib import Path

from life_programs import mark, once, pass_gate

import flawless
from flawless import (
    compensation,
    continue_as_new,
    gather,
    http,
    publish,
    receive,
    respond,
    sleep,
    step,
    workflow,
)


def _note(folder: str, text: str) -> None:
    with (Path(folder) / "marks").open("a") as file:
        file.write(text + "\n")


# --- compensation ---------------------------------------------------------------------------------


@step
def books(folder: str, what: str) -> str:
    _note(folder, f"book {what}")
    return what


@step
def unbooks(folder: str, what: str) -> None:
    if (Path(folder) / f"stuck {what}").exists():
        _note(folder, f"cannot undo {what}")
        raise ConnectionError(f"{what} is stuck")
    _note(folder, f"undo {what}")


@step
async def unbooks_async(folder: str, what: str) -> None:
    unbooks.function(folder, what)


@step
def has_no_seats() -> None:
    raise LookupError("no seats")


async def unbooks_by_hand(folder: str, what: str) -> None:
    await unbooks_async(folder, what)


@workflow
def unbooks_as_child(folder: str, what: str) -> None:
    unbooks(folder, what)


@workflow
def travels(folder: str, ending: str) -> str:
    with compensation() as undo:
        for what in ("hotel", "flight", "car"):
            undo(unbooks, folder, books(folder, what))
        match ending:
            case "raise":
                raise ValueError("changed my mind")
            case "step":
                has_no_seats()
            case "wait":
                receive("go")
            case "clear":
                undo.clear()
                raise ValueError("changed my mind")
            case "again":
                continue_as_new(folder, "well")
    return "travelled"


@workflow
async def travels_async(folder: str, ending: str) -> str:
    async with compensation() as undo:
        for what in ("hotel", "flight", "car"):
            undo(unbooks_by_hand, folder, await books.start(folder, what))
        match ending:
            case "raise":
                raise ValueError("changed my mind")
            case "step":
                has_no_seats()
            case "wait":
                await receive.start("go")
            case "clear":
                undo.clear()
                raise ValueError("changed my mind")
            case "again":
                continue_as_new(folder, "well")
    return "travelled"


@workflow
def travels_with_child(folder: str) -> str:
    """An undo that is a child execution."""
    with compensation() as undo:
        undo(unbooks_as_child.start, folder, books(folder, "hotel"))
        receive("go")
    return "travelled"


@workflow
def travels_and_tells(folder: str) -> str:
    """What is raised when an undo was decided to have failed."""
    try:
        return travels.function(folder, "raise")
    except flawless.EffectError as error:
        return f"{type(error).__name__}: {error} <- {error.__cause__}"


@workflow
def misuses_undo(what: str) -> str:
    try:
        with compensation() as undo:
            match what:
                case "call":
                    undo(books("/tmp", "x"))
                case "coroutine":
                    undo(unbooks_by_hand, "folder", "x")
                case "arguments":
                    undo(unbooks, "folder")
    except flawless.UsageError as error:
        return str(error)
    return "accepted"


# --- interrupted effects --------------------------------------------------------------------------


@step(on_interrupt="park")
def ships(folder: str, name: str) -> str:
    pass_gate(folder, name)
    return name


@step(on_interrupt="park")
async def ships_async(folder: str, name: str) -> str:
    return ships.function(folder, name)


@workflow
def ships_once(folder: str, name: str) -> str:
    try:
        sent = ships(folder, name)
    except flawless.EffectError as error:
        sent = f"{type(error).__name__}: {error}"
    mark(folder, "shipped")
    return sent


@workflow
async def ships_once_async(folder: str, name: str) -> str:
    try:
        sent = await ships.start(folder, name)
    except flawless.EffectError as error:
        sent = f"{type(error).__name__}: {error}"
    await mark.start(folder, "shipped")
    return sent


@workflow
def ships_two(folder: str, one: str, two: str) -> list[object]:
    outcomes = gather(ships.start(folder, one), ships.start(folder, two), return_exceptions=True)
    return [o if isinstance(o, str) else f"{type(o).__name__}: {o}" for o in outcomes]


@workflow
async def ships_two_async(folder: str, one: str, two: str) -> list[object]:
    futures = [ships.start(folder, one), ships.start(folder, two)]
    outcomes = await asyncio.gather(*futures, return_exceptions=True)
    return [o if isinstance(o, str) else f"{type(o).__name__}: {o}" for o in outcomes]


@workflow
def ships_or_hears(folder: str, name: str) -> list[object]:
    """Something parks while messages and timers go on."""
    shipment = ships.start(folder, name)
    heard = receive("word")
    mark(folder, f"heard {heard}")
    return [heard, shipment.result()]


@workflow
def posts(url: str) -> list[object]:
    answer = http.post(url, json={"a": 1}, on_interrupt="park")
    return [answer.status_code, answer.text]


@workflow
async def posts_async(url: str) -> list[object]:
    answer = await http.post.start(url, json={"a": 1}, on_interrupt="park")
    return [answer.status_code, answer.text]


@workflow
def waits_then_ships(folder: str, name: str) -> str:
    try:
        return ships(folder, name)
    finally:
        mark(folder, "left")


@workflow
def ships_at_most_once(folder: str, name: str) -> str:
    return once(folder, name)


# --- failures that are repaired -------------------------------------------------------------------


@step(retries=1, backoff=0.001)
def finds(folder: str, name: str) -> str:
    _note(folder, f"look for {name}")
    if not (Path(folder) / name).exists():
        raise FileNotFoundError(name)
    return f"found {name} at attempt {flawless.step_info().attempt}"


@workflow
def seeks(folder: str, name: str) -> str:
    mark(folder, "before")
    found = finds(folder, name)
    mark(folder, "after")
    return found


@workflow
async def seeks_async(folder: str, name: str) -> str:
    await mark.start(folder, "before")
    found = await finds.start(folder, name)
    await mark.start(folder, "after")
    return found


@workflow
def seeks_started(folder: str, names: list[str]) -> list[str]:
    mark(folder, "before")
    return list(gather(*(finds.start(folder, name) for name in names)))


@workflow
async def seeks_started_async(folder: str, names: list[str]) -> list[str]:
    await mark.start(folder, "before")
    return list(await asyncio.gather(*(finds.start(folder, name) for name in names)))


@workflow
def seeks_by_child(folder: str, name: str) -> str:
    mark(folder, "parent")
    return seeks.start(folder, name).result()


@workflow
async def seeks_by_child_async(folder: str, name: str) -> str:
    await mark.start(folder, "parent")
    return await seeks.start(folder, name)


@workflow
def gets(folder: str, url: str) -> str:
    mark(folder, "before")
    return http.get(url).text


@workflow
async def gets_async(folder: str, url: str) -> str:
    mark(folder, "before")
    return (await http.get.start(url)).text


@workflow
def catches_then_fails(folder: str, name: str) -> str:
    try:
        found = finds(folder, name)
    except FileNotFoundError:
        found = mark(folder, "not found")
        raise
    return found


@workflow
async def catches_then_fails_async(folder: str, name: str) -> str:
    try:
        found = await finds.start(folder, name)
    except FileNotFoundError:
        found = await mark.start(folder, "not found")
        raise
    return found


@workflow
def raises(folder: str) -> None:
    mark(folder, "before")
    raise RuntimeError("a mistake in the code")


@workflow
def raises_without_effects() -> None:
    raise RuntimeError("a mistake in the code")


@workflow
def takes_steps(folder: str, count: int) -> int:
    for n in range(count):
        mark(folder, f"step {n}")
    return count


@workflow
def computes_long(folder: str, seconds: float) -> str:
    """Long enough for a low limit, and not for a high one."""
    mark(folder, "before")
    total = 0
    for n in range(int(seconds * 10_000_000)):
        total += n
    return f"computed {total > 0}"


@workflow
def hears_then_seeks(folder: str, name: str) -> list[object]:
    """Messages received before and after the failure count once."""
    first = receive("word")
    found = finds(folder, name)
    return [first, found, receive("word")]


@workflow
def counts(n: int) -> int:
    return n


@workflow
def does_all_then_raises(folder: str, fails: str) -> list[object]:
    """A step, a message, a child; then it fails while a file is missing."""
    first = mark(folder, "first")
    word = receive("word")
    child = counts.start(7).result()
    found = finds(folder, fails)
    return [first, word, child, found]


@workflow
async def does_all_then_raises_async(folder: str, fails: str) -> list[object]:
    first = await mark.start(folder, "first")
    word, child = await asyncio.gather(receive.start("word"), counts.start(7))
    found = await finds.start(folder, fails)
    return [first, word, child, found]


# --- runs -----------------------------------------------------------------------------------------


@step
def key() -> str:
    return str(flawless.idempotency_key())


@workflow
def rolls(left: int, seen: list[list[object]] | None = None) -> list[list[object]]:
    seen = seen or []
    publish(left)
    word = receive("word")
    seen.append([word, key(), flawless.execution_id()])
    if left:
        continue_as_new(left - 1, seen=seen)
    return seen


@workflow
async def rolls_async(left: int, seen: list[list[object]] | None = None) -> list[list[object]]:
    seen = seen or []
    publish(left)
    word = await receive.start("word")
    seen.append([word, await key.start(), flawless.execution_id()])
    if left:
        continue_as_new(left - 1, seen=seen)
    return seen


@workflow
def rolls_and_marks(folder: str, left: int) -> str:
    mark(folder, f"run {left}")
    mark.start(folder, f"started {left}")
    if left:
        continue_as_new(folder, left - 1)
    return "over"


@workflow
async def rolls_and_marks_async(folder: str, left: int) -> str:
    await mark.start(folder, f"run {left}")
    mark.start(folder, f"started {left}")
    if left:
        async with asyncio.TaskGroup() as group:
            group.create_task(_again(folder, left))
    return "over"


async def _again(folder: str, left: int) -> None:
    continue_as_new(folder, left - 1)


@workflow
def responds_in_each_run(left: int) -> str:
    respond(left)
    if left:
        continue_as_new(left - 1)
    return "over"


@workflow(deadline=3600)
def rolls_with_deadline(left: int) -> str:
    sleep(1800)
    if left:
        continue_as_new(left - 1)
    return "over"


@workflow
def bills(months: int) -> int:
    """A subscription: one run a month."""
    sleep(days=30)
    if months > 1:
        continue_as_new(months - 1)
    return 0


# --- long lives -----------------------------------------------------------------------------------


@step
async def one() -> int:
    return 1


@workflow
def has_many_effects(count: int) -> int:
    total = 0
    for n in range(count):
        if n % 10 == 0:
            total += one.start().result()
        elif n % 10 == 1:
            sleep(0)
        else:
            time.time()
    receive("word")
    return total


@workflow
async def has_many_effects_async(count: int) -> int:
    total = 0
    for n in range(count):
        if n % 10 == 0:
            total += await one()
        elif n % 10 == 1:
            await asyncio.sleep(0.000001)
        else:
            time.time()
    await receive.start("word")
    return total
