"""Workflows and steps for the engine's tests; imported natively and in guests."""

import asyncio
import logging
import os
import random
import signal
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from enum import Enum

import flawless
from flawless import http, sleep, step, workflow

log = logging.getLogger("shop")


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


@dataclass
class Item:
    name: str
    price: Decimal
    colour: Colour = Colour.RED


@dataclass
class Order:
    id: int
    items: list[Item]
    due: datetime | None = None


class CardDeclined(Exception):
    def __init__(self, card: str) -> None:
        super().__init__(f"card {card} was declined")
        self.card = card


calls: dict[str, int] = {}
"""How often each step ran, by name; for tests in the same process."""


def _count(name: str) -> int:
    calls[name] = calls.get(name, 0) + 1
    return calls[name]


# --- steps ----------------------------------------------------------------------------------------


@step
def add(a: int, b: int) -> int:
    _count("add")
    return a + b


@step
async def add_async(a: int, b: int) -> int:
    await asyncio.sleep(0)
    return a + b


@step
def total(order: Order) -> Decimal:
    return sum((item.price for item in order.items), Decimal(0))


@step
def decline(card: str) -> str:
    raise CardDeclined(card)


@step(retries=5, backoff=0.001)
def flaky(key: str, failures: int) -> str:
    if _count(f"flaky {key}") <= failures:
        raise ConnectionError(f"attempt {calls[f'flaky {key}']}")
    info = flawless.step_info()
    return f"{info.attempt} {info.idempotency_key}"


@step(retries=5, backoff=0.001, give_up_on=ValueError)
def gives_up(key: str) -> str:
    _count(f"gives up {key}")
    raise ValueError("no use")


@step(timeout=0.05)
def hangs(key: str) -> None:
    release[key].wait(30)


@step(timeout=0.05)
async def hangs_async() -> None:
    await asyncio.Event().wait()


release: dict[str, threading.Event] = {}


@step
def note(key: str) -> None:
    _count(f"note {key}")


@step
async def note_async(key: str) -> None:
    await asyncio.sleep(0.01)
    _count(f"note {key}")


@step
def exits() -> None:
    sys.exit(3)


@step
def unserialisable() -> object:
    return threading.Lock()


@step
def large(size: int) -> str:
    return "x" * size


@step(process=True)
def process_id() -> int:
    return os.getpid()


@step(process=True)
def crashes() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


@step(process=True, timeout=0.3)
def hangs_in_process() -> None:
    while True:
        time.sleep(0.05)


@step(process=True)
def declines_in_process(card: str) -> None:
    raise CardDeclined(card)


# --- workflows ------------------------------------------------------------------------------------


@workflow
def plain(n: int, text: str = "x") -> str:
    """Join a text n times."""
    return text * n


@workflow
def sums(numbers: list[int]) -> int:
    result = 0
    for number in numbers:
        result = add(result, number)
    return result


@workflow
async def sums_async(numbers: list[int]) -> int:
    parts = await asyncio.gather(*(add_async(number, 0) for number in numbers))
    return sum(parts)


@workflow
def typed(order: Order) -> tuple[Decimal, Order]:
    return total(order), order


@workflow
def world() -> dict[str, object]:
    return {
        "now": datetime.now(UTC),
        "time": time.time(),
        "random": random.random(),
        "uuid": uuid.uuid4(),
        "bytes": os.urandom(8),
        "set": list({"a", "b", "c", "d", "e"}),
        "id": flawless.execution_id(),
    }


@workflow
def pays(card: str) -> str:
    try:
        return decline(card)
    except CardDeclined as error:
        return f"caught {error.card}"


@workflow
def pays_uncaught(card: str) -> str:
    return decline(card)


@workflow
def retries(key: str, failures: int) -> str:
    return flaky(key, failures)


@workflow
def gives_up_at_once(key: str) -> str:
    try:
        return gives_up(key)
    except ValueError as error:
        return str(error)


@workflow
def waits(key: str) -> str:
    try:
        hangs(key)
    except flawless.StepTimeout as error:
        return str(error)
    return "no timeout"


@workflow
async def waits_async() -> str:
    try:
        await hangs_async()
    except TimeoutError as error:
        return type(error).__name__
    return "no timeout"


@workflow
def step_exits() -> str:
    try:
        exits()
    except flawless.StepFailed as error:
        return error.type
    return "nothing"


@workflow
def step_returns_lock() -> str:
    unserialisable()
    return "nothing"


@workflow
def step_returns_much(size: int) -> str:
    try:
        large(size)
    except flawless.ValueTooLarge as error:
        return str(error)
    return "fits"


@workflow
def in_process() -> int:
    return process_id()


@workflow
def process_crashes() -> str:
    try:
        crashes()
    except flawless.StepFailed as error:
        return str(error)
    return "nothing"


@workflow
def process_hangs() -> str:
    try:
        hangs_in_process()
    except flawless.StepTimeout as error:
        return str(error)
    return "nothing"


@workflow
def process_raises() -> str:
    try:
        declines_in_process("4711")
    except CardDeclined as error:
        return error.card
    return "nothing"


@workflow
def sleeps(seconds: float) -> float:
    before = time.time()
    sleep(seconds)
    return time.time() - before


@workflow
def sleeps_like_python(seconds: float) -> float:
    before = time.time()
    time.sleep(seconds)
    return time.time() - before


@workflow
async def sleeps_async(seconds: float) -> float:
    before = time.time()
    await asyncio.sleep(seconds)
    return time.time() - before


@workflow
def logs() -> None:
    print("printed", 1)
    log.warning("warned %s", "twice")
    try:
        raise ValueError("inside")
    except ValueError:
        log.exception("went wrong")


@workflow
def fetches(method: str, url: str) -> dict[str, object]:
    answer = http.request(method, url, headers={"X-Name": "v"}, json={"a": [1, None]})
    return {"status": answer.status_code, "text": answer.text, "headers": dict(answer.headers)}


@workflow
def fetches_bytes(url: str) -> bytes:
    return http.post(url, content=bytes(range(256))).content


@workflow
def fetch_error(url: str, timeout: float = 5.0, max_bytes: int | None = None) -> str:
    try:
        http.get(url, timeout=timeout, max_bytes=max_bytes, redirects=3)
    except flawless.HTTPError as error:
        return type(error).__name__
    return "no error"


@workflow
async def fetches_together(urls: list[str]) -> list[str]:
    answers = await asyncio.gather(*(http.get.start(url) for url in urls))
    return [answer.text for answer in answers]


@workflow
def cookies_sent(url: str) -> str:
    http.get(f"{url}/cookie/set")
    return http.get(f"{url}/cookie/sent").text


@workflow
def writes_raw() -> int:
    os.write(1, b"first li")
    number = add(1, 2)
    os.write(1, b"ne\nunfinished")
    return number


@workflow
def starts_only(key: str) -> str:
    note.start(key)
    note_async.start(key)
    sleep.start(days=1)
    return "returned"


# --- workflows that misbehave ---------------------------------------------------------------------


@workflow
def fails() -> None:
    value = [1, 2, 3]
    value.append(1 / 0)


@workflow
def endless() -> None:
    while True:
        pass


@workflow
def hungry() -> int:
    blocks = []
    while True:
        blocks.append(bytearray(10_000_000))


@workflow
def deep(n: int = 0) -> int:
    return deep.function(n + 1)


@workflow
def leaves() -> None:
    sys.exit("enough")


@workflow
def returns_lock() -> dict[str, object]:
    return {"items": [1, iter(())]}


@workflow
def returns_much(size: int) -> str:
    return "x" * size


@workflow
def opens_file() -> str:
    with open("/etc/passwd") as file:  # noqa: PTH123 (what careless code does)
        return file.read()


@workflow
def opens_socket() -> None:
    import socket

    socket.create_connection(("127.0.0.1", 9))


@workflow
def starts_thread() -> None:
    threading.Thread(target=print).start()


@workflow
def swallows(length: timedelta) -> str:
    """Catch everything, as careless code does."""
    try:
        sleep(length)
    except BaseException as error:
        return type(error).__name__
    return "slept"
