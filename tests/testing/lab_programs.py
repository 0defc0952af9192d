"""Workflows and steps for the tests of the test kit."""

import asyncio
import random
import time
from dataclasses import dataclass

import flawless
from flawless import (
    compensation,
    continue_as_new,
    gather,
    http,
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

YEAR_S = 365 * 86_400
MONTH_S = YEAR_S / 12

ledger: list[str] = []
"""What real steps did to the world."""


@dataclass
class Order:
    id: str
    cents: int


# --- steps ----------------------------------------------------------------------------------------


@step
def charge(order: Order) -> str:
    ledger.append(f"charge {order.id}")
    return f"receipt {order.id}"


@step
async def notify(who: str, text: str = "hello") -> str:
    return f"{text}, {who}"


@step(retries=3, backoff="1h", backoff_factor=2, backoff_max="1d")
def flaky(name: str) -> str:
    raise ConnectionError(name)


@step(timeout="10m")
def slow(name: str) -> str:
    return name


@step(at_most_once=True)
def once(name: str) -> str:
    ledger.append(f"once {name}")
    return name


@step(at_most_once=True, on_interrupt="park")
def once_or_ask(name: str) -> str:
    return name


@step
def refund(ref: str) -> None:
    ledger.append(f"refund {ref}")


@step
def number() -> int:
    """Not idempotent: a crash before its outcome is recorded lets it count twice."""
    ledger.append("number")
    return len(ledger)


@step(process=True)
def heavy(n: int) -> int:
    return n


# --- time -----------------------------------------------------------------------------------------


@workflow
def monthly(years: int) -> list[float]:
    began = time.time()
    seen = []
    for _ in range(years * 12):
        sleep(MONTH_S)
        seen.append(time.time() - began)
    return seen


@workflow
def sleeper(name: str, seconds: float) -> float:
    sleep(seconds)
    notify.start(name).result()
    return time.time()


@workflow
def subscription(months_left: int, billed: int = 0) -> int:
    sleep(MONTH_S)
    charge(Order(f"month-{billed}", 990))
    if months_left > 1:
        continue_as_new(months_left - 1, billed + 1)
    return billed + 1


@workflow
def patient(seconds: float) -> str | None:
    return receive("confirm", timeout=seconds)


@workflow(deadline="30d")
def endless() -> None:
    try:
        receive("never")
    finally:
        notify.start("cleaner").result()


@workflow
def stubborn() -> None:
    try:
        receive("never")
    finally:
        sleep(days=3)


@workflow
def forever() -> None:
    while True:
        sleep(days=30_000)


@workflow
async def races(seconds: float) -> str:
    try:
        async with asyncio.timeout(seconds):
            return await notify.start("racer")
    except TimeoutError:
        return "too late"


@workflow
def chance() -> float:
    return random.random()


# --- steps and requests ---------------------------------------------------------------------------


@workflow
def pays(order: Order) -> str:
    return charge(order)


@workflow
def notifies(who: str) -> str:
    return notify.start(who, text="hi").result()


@workflow
def tries(name: str) -> str:
    try:
        return flaky(name)
    except ConnectionError as error:
        return f"gave up: {error}"


@workflow
def waits_for_slow(name: str) -> str:
    try:
        return slow(name)
    except flawless.StepTimeout as error:
        return f"StepTimeout: {error}"


@workflow
def selects(timeout: float) -> str:
    first = select(notify.start("left"), slow.start("right"), timeout=timeout)
    return "none" if first is None else str(first.result())


@workflow
def computes(n: int) -> int:
    return heavy(n)


@workflow
def charges_once(name: str) -> str:
    try:
        return once(name)
    except flawless.Interrupted:
        return "interrupted"


@workflow
def asks_after_crash(name: str) -> str:
    return once_or_ask(name)


@workflow
def fetches(url: str, method: str = "GET", timeout: float = 30) -> list:
    try:
        response = http.request(method, url, timeout=timeout)
    except flawless.HTTPError as error:
        return [type(error).__name__, str(error)]
    return [response.status, response.text]


@workflow
def shows_a_secret(name: str, url: str) -> list:
    response = http.get(url, headers={"Authorization": flawless.secret(name)})
    return [response.status, response.text]


@workflow
def posts(url: str, body: dict) -> dict:
    return http.post(url, json=body, params={"a": "b"}).json()


@workflow
def counts() -> int:
    return number()


# --- everything -----------------------------------------------------------------------------------


@workflow
def child(name: str) -> str:
    sleep(hours=1)
    return notify.start(name).result()


@workflow
def everything(order: Order, run: int = 1) -> dict:
    if run == 1:
        charge(order)
        sleep(days=2)
        continue_as_new(order, run=2)
    seen = {"run": run, "time": time.time(), "random": random.random()}
    print("run", run)
    publish({"run": run})
    seen["rate"] = http.get("https://rates.example/usd").json()["rate"]
    seen["posted"] = http.post("https://books.example/entries", json={"order": order.id}).status
    children = [child.start(f"child {n}") for n in range(2)]
    seen["children"] = gather(*children)
    first = select(notify.start("left"), sleep.start(3600), timeout="1d")
    seen["first"] = None if first is None else str(first.result())
    seen["confirmed"] = receive("confirm", timeout="1d")
    seen["silence"] = receive("never", timeout="1h")
    try:
        with compensation() as undo:
            undo(refund, order.id)
            flaky("the bank")
    except ConnectionError as error:
        seen["failed"] = str(error)
    respond("nearly done")
    send(flawless.execution_id(), "self", 1)
    seen["self"] = receive("self")
    return seen


@workflow
async def everything_async(order: Order) -> list:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(ask(n)) for n in range(3)]
    inbox = [message.payload async for message in messages("confirm", timeout=3600)]
    return [[task.result() for task in tasks], inbox, order.id]


async def ask(n: int) -> str:
    await asyncio.sleep(n * 60)
    return await notify.start(f"task {n}")


@workflow
def waits() -> object:
    return receive("confirm")
