"""Workflows with children; for the engine's tests.

Most stand here twice: in plain form, and in `async def` form under the same name with `_async`.
"""

import asyncio
from pathlib import Path

from life_programs import gated, mark

import flawless
from flawless import (
    Cancelled,
    continue_as_new,
    gather,
    publish,
    receive,
    send,
    step,
    workflow,
)

# --- children -------------------------------------------------------------------------------------


@workflow
def adds(a: int, b: int) -> int:
    return a + b


@workflow
async def adds_async(a: int, b: int) -> int:
    return a + b


@workflow
def fails(text: str) -> None:
    raise ValueError(text)


@workflow
def listens(count: int = 1) -> list[object]:
    return [receive("word") for _ in range(count)]


@workflow
def marks_when_cancelled(folder: str) -> str:
    try:
        receive("word")
    except Cancelled as cancelled:
        mark(folder, f"child cancelled: {cancelled}")
        raise
    mark(folder, "child ended")
    return "ended"


@workflow
def runs_on(left: int, total: int = 0) -> int:
    if left:
        continue_as_new(left - 1, total=total + left)
    return total


@workflow
def works(folder: str, name: str) -> str:
    mark(folder, f"child {name}")
    return gated(folder, name)


# --- parents --------------------------------------------------------------------------------------


@workflow
def asks(a: int, b: int) -> list[object]:
    child = adds.start(a, b)
    other = adds_async.start(child.result(), b=b)
    return [child.id, other.id, child.result(), other.result()]


@workflow
async def asks_async(a: int, b: int) -> list[object]:
    child = adds.start(a, b)
    other = adds_async.start(await child, b=b)
    return [child.id, other.id, await child, await other]


@workflow
def asks_much(count: int) -> int:
    return sum(gather(*(adds.start(n, 0) for n in range(count))))


@workflow
async def asks_much_async(count: int) -> int:
    return sum(await asyncio.gather(*(adds.start(n, 0) for n in range(count))))


@workflow
def sees_failure() -> list[str]:
    try:
        fails.start("broken").result()
    except flawless.ExecutionFailed as error:
        return [error.execution, error.type, error.message, str("ValueError" in error.traceback)]
    return ["no error"]


@workflow
async def sees_failure_async() -> list[str]:
    try:
        await fails.start("broken")
    except flawless.ExecutionFailed as error:
        return [error.execution, error.type, error.message, str("ValueError" in error.traceback)]
    return ["no error"]


@workflow
def passes_failure_on() -> None:
    fails.start("broken").result()


@workflow
async def passes_failure_on_async() -> None:
    await fails.start("broken")


@workflow
def talks() -> list[object]:
    child = listens.start(2)
    child.send("word", 1)
    child.send("word", 2)
    return child.result()


@workflow
async def talks_async() -> list[object]:
    child = listens.start(2)
    child.send("word", 1)
    child.send("word", 2)
    return await child


@workflow
def cancels_child(folder: str) -> list[object]:
    child = marks_when_cancelled.start(folder)
    first = child.cancel("enough")
    try:
        child.result()
    except flawless.ExecutionCancelled as error:
        return [first, error.reason, child.cancel(), child.done()]
    return ["not cancelled"]


@workflow
async def cancels_child_async(folder: str) -> list[object]:
    child = marks_when_cancelled.start(folder)
    first = child.cancel("enough")
    try:
        await child
    except flawless.ExecutionCancelled as error:
        return [first, error.reason, child.cancel(), child.done()]
    return ["not cancelled"]


@workflow
def closes(folder: str, policy: str, ending: str, child: str) -> str:
    marks_when_cancelled.start(folder, id=child, parent_close=policy)
    publish("started")
    if ending == "fail":
        raise RuntimeError("the parent fails")
    if ending == "wait":
        receive("never")
    return "parent ended"


@workflow
async def closes_async(folder: str, policy: str, ending: str, child: str) -> str:
    marks_when_cancelled.start(folder, id=child, parent_close=policy)
    publish("started")
    if ending == "fail":
        raise RuntimeError("the parent fails")
    if ending == "wait":
        await receive.start("never")
    return "parent ended"


@workflow
def names_child(child: str, a: int = 1) -> object:
    try:
        return adds.start(a, 1, id=child).result()
    except flawless.FlawlessError as error:
        return f"{type(error).__name__}: {error}"


@workflow
async def names_child_async(child: str, a: int = 1) -> object:
    try:
        return await adds.start(a, 1, id=child)
    except flawless.FlawlessError as error:
        return f"{type(error).__name__}: {error}"


@workflow
def names_child_twice(child: str) -> list[object]:
    outcomes = gather(
        adds.start(1, 1, id=child), adds.start(1, 1, id=child), return_exceptions=True
    )
    return [o if isinstance(o, int) else type(o).__name__ for o in outcomes]


@workflow
def begets_its_ancestor(ids: list[str]) -> object:
    """A chain of executions, whose last one is to be the first one again."""
    first, *others = ids
    try:
        return begets_its_ancestor.start(others, id=first).result()
    except flawless.ExecutionConflict as error:
        return str(error)


@workflow
def descends(depth: int) -> str:
    try:
        return descends.start(depth + 1).result()
    except flawless.EffectError as error:
        return f"{depth}: {error}"


@workflow
def misfits(what: str) -> str:
    try:
        match what:
            case "arguments":
                adds.start("one")
            case "types":
                adds.start("one", 2)
            case "policy":
                adds.start(1, 2, parent_close="keep")
            case "id":
                adds.start(1, 2, id=3)
            case "empty id":
                adds.start(1, 2, id="").result()
            case "run id":
                adds.start(1, 2, id="a~1").result()
            case "deadline":
                adds.start(1, 2, deadline=-1)
            case "child as argument":
                adds.start(adds.start(1, 2), 3)
            case "continue":
                continue_as_new()
            case "continue types":
                continue_as_new(7)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


@workflow
def has_a_runner(left: int) -> list[object]:
    child = runs_on.start(left)
    return [child.id, child.result()]


@workflow
async def has_a_runner_async(left: int) -> list[object]:
    child = runs_on.start(left)
    return [child.id, await child]


@workflow
def gathers_workers(folder: str, names: list[str]) -> list[str]:
    return gather(*(works.start(folder, name, id=f"child-{name}") for name in names))


@workflow
async def gathers_workers_async(folder: str, names: list[str]) -> list[str]:
    children = [works.start(folder, name, id=f"child-{name}") for name in names]
    return list(await asyncio.gather(*children))


@workflow
def has_a_late_child(folder: str) -> str:
    try:
        listens.start(deadline=0.2).result()
    except flawless.ExecutionCancelled as error:
        return error.reason
    return "not cancelled"


# --- what a retry has to get right ----------------------------------------------------------------


@step
def is_there(folder: str, name: str) -> bool:
    return (Path(folder) / name).exists()


@step
def must_exist(folder: str, name: str) -> None:
    if not (Path(folder) / name).exists():
        raise FileNotFoundError(name)


@workflow
def raises_until_mended(folder: str) -> str:
    if not is_there(folder, "mended"):
        raise ValueError("my own")
    return "mended"


@workflow
def has_a_child_that_raises(folder: str) -> str:
    return raises_until_mended.start(folder).result()


@workflow
def hears_words(count: int) -> list[object]:
    return [receive("word") for _ in range(count)]


@workflow
def tells_how_it_went(folder: str, name: str, to: str) -> None:
    try:
        must_exist(folder, name)
    except FileNotFoundError:
        send(to, "word", "it failed")
        raise
    send(to, "word", "it worked")


@workflow
def has_a_workflow_inside() -> str:
    @workflow
    def inner() -> str:
        return "inner"

    try:
        return inner.start().result()
    except flawless.UsageError as error:
        return str(error)


@workflow
def dozes_for_a_day() -> None:
    flawless.sleep("1d")


@workflow
def hears_of_a_sleeper() -> str:
    try:
        dozes_for_a_day.start(id="sleeper").result()
    except flawless.ExecutionFailed as error:
        return error.type
    return "rested"


@workflow
def chooses_a_child(folder: str, name: str) -> int:
    try:
        must_exist(folder, name)
    except FileNotFoundError:
        adds.start(1, 1).result()
        raise
    return adds.start(2, 2).result()


@workflow
def starts_x() -> int:
    return adds.start(3, 4, id="x").result()


@workflow
def hears_one_word() -> object:
    return receive("word")


@workflow
def has_two_listeners() -> list[object]:
    return gather(hears_one_word.start(), hears_one_word.start())
