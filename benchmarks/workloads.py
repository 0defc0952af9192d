"""Workflows and steps that do nothing: what is left is the engine's own work."""

from benchmarks.natives import add_one, add_one_async
from flawless import receive, sleep, workflow


@workflow
def noop() -> int:
    return 0


@workflow
def steps(count: int) -> int:
    number = 0
    for _ in range(count):
        number = add_one(number)
    return number


@workflow
async def steps_async(count: int) -> int:
    number = 0
    for _ in range(count):
        number = await add_one_async(number)
    return number


@workflow
def sleeper(seconds: float) -> None:
    sleep(seconds)


@workflow
def waiter() -> int:
    return receive("go", type=int)
