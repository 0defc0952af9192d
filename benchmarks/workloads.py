"""Workflows and steps that do nothing: what is left is the engine's own work."""

from flawless import sleep, step, workflow


@step
def add_one(number: int) -> int:
    return number + 1


@step
async def add_one_async(number: int) -> int:
    return number + 1


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
