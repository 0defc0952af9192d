"""Workflows that are cancelled; for the engine's tests.

Most stand here twice: in plain form, and in `async def` form under the same name with `_async`.
"""

import asyncio
import os
import threading
import time
from pathlib import Path

from family_programs import marks_when_cancelled
from life_programs import mark

import flawless
from flawless import (
    Cancelled,
    gather,
    http,
    messages,
    receive,
    select,
    sleep,
    step,
    workflow,
)


def _note(folder: str, text: str) -> None:
    with (Path(folder) / "marks").open("a") as file:
        file.write(text + "\n")


@step
def lingers(folder: str) -> str:
    """Work until it is told that nobody wants the outcome."""
    _note(folder, "step begins")
    while not flawless.cancelled():
        threading.Event().wait(0.005)
    _note(folder, "step was told")
    return "late"


@step
async def lingers_async(folder: str) -> None:
    _note(folder, "step begins")
    try:
        await asyncio.Event().wait()
    finally:
        _note(folder, "step was told")


@step(process=True)
def lingers_in_process(folder: str) -> None:
    _note(folder, f"pid {os.getpid()}")
    _note(folder, "step begins")
    while True:
        time.sleep(0.05)


@workflow
def waits_for(folder: str, what: str) -> str:
    try:
        match what:
            case "message":
                receive("word")
            case "message for days":
                receive("word", timeout="30d")
            case "messages":
                list(messages("word"))
            case "sleep":
                sleep(days=300)
            case "time.sleep":
                time.sleep(86_400 * 300)
            case "started sleep":
                sleep.start(days=300).result()
            case "step":
                lingers(folder)
            case "started step":
                lingers.start(folder).result()
            case "async step":
                lingers_async.start(folder).result()
            case "process step":
                lingers_in_process(folder)
            case "gather":
                gather(receive.start("word"), sleep.start(days=3))
            case "select":
                select(receive.start("word"), sleep.start(days=3), timeout="9d")
            case "child":
                marks_when_cancelled.start(folder, parent_close="cancel").result()
            case url:
                http.get(url)
    except Cancelled as cancelled:
        mark(folder, f"cleans up: {cancelled}")
        sleep(0.01)
        raise
    finally:
        mark(folder, "finally")
    return "not cancelled"


@workflow
async def waits_for_async(folder: str, what: str) -> str:
    try:
        match what:
            case "message":
                await receive.start("word")
            case "message for days":
                await asyncio.wait_for(receive.start("word"), 86_400 * 30)
            case "messages":
                async for _ in messages("word"):
                    pass
            case "sleep":
                await asyncio.sleep(86_400 * 300)
            case "time.sleep":
                time.sleep(86_400 * 300)
            case "started sleep":
                await sleep.start(days=300)
            case "step":
                lingers(folder)
            case "started step":
                await lingers.start(folder)
            case "async step":
                await lingers_async(folder)
            case "process step":
                await lingers_in_process.start(folder)
            case "gather":
                await asyncio.gather(receive.start("word"), asyncio.sleep(86_400))
            case "select":
                await asyncio.wait([receive.start("word"), sleep.start(days=3)])
            case "child":
                await marks_when_cancelled.start(folder, parent_close="cancel")
            case url:
                await http.get.start(url)
    except Cancelled as cancelled:
        await mark.start(folder, f"cleans up: {cancelled}")
        await asyncio.sleep(0.01)
        raise
    finally:
        mark(folder, "finally")
    return "not cancelled"


@workflow
def cleans_up_slowly(folder: str) -> str:
    try:
        receive("word")
    finally:
        mark(folder, "cleans up")
        sleep(days=1)
        mark(folder, "has cleaned up")
    return "not cancelled"


@workflow
async def cleans_up_slowly_async(folder: str) -> str:
    try:
        await receive.start("word")
    finally:
        await mark.start(folder, "cleans up")
        await asyncio.sleep(86_400)
        await mark.start(folder, "has cleaned up")
    return "not cancelled"


@workflow
def refuses(folder: str) -> str:
    """Go on in spite of being cancelled, which is allowed."""
    try:
        receive("word")
    except Cancelled:
        return "refused"
    return "not cancelled"


@workflow
async def refuses_async(folder: str) -> str:
    try:
        await receive.start("word")
    except Cancelled:
        return "refused"
    return "not cancelled"


@workflow
def fails_when_cancelled() -> None:
    try:
        receive("word")
    finally:
        raise RuntimeError("the clean-up failed")


@workflow
def takes_steps_until_cancelled(folder: str) -> None:
    n = 0
    while True:
        mark(folder, f"step {n}")
        n += 1


@workflow(deadline=0.3)
def has_a_deadline(folder: str) -> str:
    try:
        receive("word")
    except Cancelled as cancelled:
        mark(folder, f"deadline: {cancelled}")
        raise
    return "in time"


@workflow(deadline=0.3)
async def has_a_deadline_async(folder: str) -> str:
    try:
        await receive.start("word")
    except Cancelled as cancelled:
        await mark.start(folder, f"deadline: {cancelled}")
        raise
    return "in time"


@workflow
async def groups(folder: str) -> str:
    """Tasks in a group, each with something to clean up."""

    async def member(n: int) -> None:
        try:
            await receive.start(f"word {n}")
        finally:
            await mark.start(folder, f"member {n} cleans up")

    async with asyncio.TaskGroup() as group:
        for n in range(3):
            group.create_task(member(n))
    return "not cancelled"


@workflow
async def has_a_timeout() -> str:
    """A cancellation inside of a timeout is none of the timeout's."""
    try:
        async with asyncio.timeout(100_000):
            await receive.start("word")
    except TimeoutError:
        return "timeout"
    return "heard"


@workflow
def catches_exceptions() -> str:
    """`except Exception` does not catch a cancellation."""
    try:
        receive("word")
    except Exception as error:
        return f"caught {type(error).__name__}"
    return "heard"


@workflow
def is_quick(folder: str, n: int) -> int:
    for _ in range(n):
        adds_step(1, 2)
    sleep(0.001)
    return n


@step
def adds_step(a: int, b: int) -> int:
    return a + b
