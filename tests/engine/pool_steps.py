"""Steps for worker processes."""

import asyncio
import os
import threading
from pathlib import Path

from flawless import idempotency_key, step, step_info


class Odd(Exception):
    def __init__(self, number: int) -> None:
        super().__init__(f"{number} is odd")
        self.number = number


@step(process=True)
def pid() -> int:
    return os.getpid()


@step(process=True)
async def halve(number: int) -> int:
    await asyncio.sleep(0)
    if number % 2:
        raise Odd(number)
    return number // 2


@step(process=True)
def about() -> list[object]:
    info = step_info()
    return [info.execution_id, info.attempt, idempotency_key()]


@step(process=True)
def dies(status: int) -> None:
    os._exit(status)


@step(process=True, timeout=0.5)
def hangs(marks: str) -> None:
    with Path(marks).open("a") as file:
        file.write(f"{os.getpid()}\n")
    threading.Event().wait(30)


@step(process=True)
def waits(marks: str) -> None:
    with Path(marks).open("a") as file:
        file.write(f"{os.getpid()}\n")
    threading.Event().wait(30)


@step(process=True, retries=9, backoff=0.0, timeout=2.0)
def hangs_once(marks: str) -> int:
    """Hang the first time it gets here: on a busy machine a worker may be killed before it does."""
    is_first = not Path(marks).exists()
    with Path(marks).open("a") as file:
        file.write(f"{os.getpid()}\n")
    if is_first:
        threading.Event().wait(30)
    return os.getpid()
