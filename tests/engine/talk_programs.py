"""Workflows that talk, and show what they do; for the engine's tests.

Most stand here twice: in plain form, and in `async def` form under the same name with `_async`.
"""

import asyncio
from dataclasses import dataclass
from itertools import islice

from life_programs import gated, mark

import flawless
from flawless import (
    gather,
    messages,
    publish,
    receive,
    respond,
    select,
    send,
    sleep,
    step,
    workflow,
)


@dataclass
class Confirm:
    by: str
    amount: int = 0


class Opaque:
    def __init__(self, *parts: object) -> None:
        self.parts = parts


@step
def double(n: int) -> int:
    return 2 * n


@step
async def double_async(n: int) -> int:
    await asyncio.sleep(0)
    return 2 * n


@step
def breaks(text: str) -> None:
    raise ValueError(text)


# --- messages -------------------------------------------------------------------------------------


@workflow
def hears(count: int = 1) -> list[object]:
    return [receive("word") for _ in range(count)]


@workflow
async def hears_async(count: int = 1) -> list[object]:
    return [await receive.start("word") for _ in range(count)]


@workflow
def hears_typed() -> str:
    first = receive(Confirm)
    second = receive("plain", type=Confirm)
    assert isinstance(first, Confirm)
    assert isinstance(second, Confirm)
    return f"{first.by} {first.amount} {second.by}"


@workflow
async def hears_typed_async() -> str:
    second, first = await asyncio.gather(
        receive.start("plain", type=Confirm), receive.start(Confirm)
    )
    assert isinstance(first, Confirm)
    assert isinstance(second, Confirm)
    return f"{first.by} {first.amount} {second.by}"


@workflow(messages={"confirm": Confirm, "amounts": list[int]})
def hears_declared() -> list[object]:
    confirm = receive("confirm")
    assert isinstance(confirm, Confirm)
    return [confirm.by, receive("amounts")]


@workflow(messages={"confirm": Confirm, "amounts": list[int]})
async def hears_declared_async() -> list[object]:
    confirm = await receive.start("confirm")
    assert isinstance(confirm, Confirm)
    return [confirm.by, await receive.start("amounts")]


@workflow
def hears_any(count: int) -> list[list[object]]:
    return [[m.name, m.payload, m.id] for m in islice(messages(), count)]


@workflow
async def hears_any_async(count: int) -> list[list[object]]:
    heard: list[list[object]] = []
    async for message in messages():
        heard.append([message.name, message.payload, message.id])
        if len(heard) == count:
            break
    return heard


@workflow
def hears_in_order(names: list[str]) -> list[object]:
    return [receive(name) for name in names]


@workflow
async def hears_in_order_async(names: list[str]) -> list[object]:
    return [await receive.start(name) for name in names]


@workflow
def hears_within(timeout: float) -> object:
    return receive("word", timeout=timeout)


@workflow
async def hears_within_async(timeout: float) -> object:
    try:
        async with asyncio.timeout(timeout):
            return await receive.start("word")
    except TimeoutError:
        return None


@workflow
def collects(timeout: float) -> list[object]:
    return [message.payload for message in messages("word", timeout=timeout)]


@workflow
async def collects_async(timeout: float) -> list[object]:
    return [message.payload async for message in messages("word", timeout=timeout)]


@workflow
def works_then_hears(folder: str, name: str) -> list[object]:
    gated(folder, name)
    return [receive("word"), receive("word")]


@workflow
async def works_then_hears_async(folder: str, name: str) -> list[object]:
    await gated.start(folder, name)
    return [await receive.start("word"), await receive.start("word")]


@workflow
def sleeps_then_hears(days: float) -> object:
    sleep(days=days)
    return receive("word", timeout=0)


@workflow
async def sleeps_then_hears_async(days: float) -> object:
    await asyncio.sleep(days * 86_400)
    return await receive.start("word")


@workflow
def hears_and_marks(folder: str, count: int) -> list[object]:
    heard = []
    for _ in range(count):
        word = receive("word")
        mark(folder, f"heard {word}")
        heard.append(word)
    return heard


@workflow
async def hears_and_marks_async(folder: str, count: int) -> list[object]:
    heard = []
    for _ in range(count):
        word = await receive.start("word")
        await mark.start(folder, f"heard {word}")
        heard.append(word)
    return heard


@workflow
def changes_its_mind() -> list[object]:
    first = receive.start("word")
    first.cancel()
    missed = receive("word", timeout=0.01)
    publish("listens again")
    return [missed, receive("word")]


@workflow
async def changes_its_mind_async() -> list[object]:
    first = receive.start("word")
    first.cancel()
    missed: object = None
    try:
        missed = await asyncio.wait_for(receive.start("word"), 0.01)
    except TimeoutError:
        publish("listens again")
    return [missed, await receive.start("word")]


@workflow
def tells(to: str, name: str, payload: object) -> str:
    try:
        send(to, name, payload)
    except flawless.FlawlessError as error:
        return f"{type(error).__name__}: {error}"
    return "sent"


@workflow
async def tells_async(to: str, name: str, payload: object) -> str:
    try:
        await send.start(to, name, payload)
    except flawless.FlawlessError as error:
        return f"{type(error).__name__}: {error}"
    return "sent"


@workflow
def tells_object(to: str) -> str:
    send(to, Confirm("ann", 3))
    send(to, "plain", Confirm("bob"))
    return "sent"


@workflow
def tells_many(to: str, count: int) -> int:
    for n in range(count):
        send(to, "word", n)
    return count


@workflow
async def tells_many_async(to: str, count: int) -> int:
    for n in range(count):
        await send.start(to, "word", n)
    return count


@workflow
def plays(other: str, rounds: int, begins: bool) -> list[object]:
    heard = []
    if begins:
        send(other, "ball", 0)
    for _ in range(rounds):
        ball = receive("ball")
        heard.append(ball)
        if ball < 2 * rounds - 1:
            send(other, "ball", ball + 1)
    return heard


@workflow
async def plays_async(other: str, rounds: int, begins: bool) -> list[object]:
    heard = []
    if begins:
        await send.start(other, "ball", 0)
    for _ in range(rounds):
        ball = await receive.start("ball")
        heard.append(ball)
        if ball < 2 * rounds - 1:
            await send.start(other, "ball", ball + 1)
    return heard


@workflow
def misuses(what: str) -> str:
    """Do something that is refused, and return the refusal."""
    try:
        match what:
            case "receive nothing":
                receive(3)
            case "receive opaque":
                receive(Opaque)
            case "receive colon":
                receive(":cancel")
            case "receive negative":
                receive("word", timeout=-1)
            case "receive huge":
                receive("word", timeout=1e12)
            case "sleep negative":
                sleep(-1)
            case "sleep huge":
                sleep(days=100_000)
            case "sleep nan":
                sleep(float("nan"))
            case "start huge":
                sleep.start(days=100_000)
            case "send colon":
                send(flawless.execution_id(), ":cancel", {})
            case "send list":
                send(flawless.execution_id(), [1])
            case "respond twice":
                respond(1)
                respond(2)
            case "gather call":
                gather(double(1))
            case "gather list":
                gather([double.start(1)])
            case "select nothing":
                select()
            case "future as argument":
                double(double.start(1))
            case "publish much":
                publish("x" * 5_000_000)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return "accepted"


@workflow
def returns_a_future() -> object:
    return double.start(1)


# --- state and response ---------------------------------------------------------------------------


@workflow
def shows(folder: str) -> str:
    publish({"stage": "begun", "parts": [1, None]})
    gated(folder, "middle")
    publish({"stage": "over"})
    return "done"


@workflow
async def shows_async(folder: str) -> str:
    publish({"stage": "begun", "parts": [1, None]})
    await gated.start(folder, "middle")
    publish({"stage": "over"})
    return "done"


@workflow
def responds(value: object) -> object:
    respond(value)
    return receive("word")


@workflow
async def responds_async(value: object) -> object:
    respond(value)
    return await receive.start("word")


@workflow
def responds_after(seconds: float) -> str:
    sleep(seconds)
    respond("late")
    sleep(seconds)
    return "end"


@workflow
def counts_up(folder: str, count: int) -> int:
    for n in range(1, count + 1):
        publish(n)
        mark(folder, str(n))
    return count
