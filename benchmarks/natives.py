"""The steps of `workloads`, in a module that has no workflows: components call them, too."""

from flawless import step


@step
def add_one(number: int) -> int:
    return number + 1


@step
async def add_one_async(number: int) -> int:
    return number + 1
