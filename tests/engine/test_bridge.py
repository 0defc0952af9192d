"""Work from other threads: in order, in its context, with one wake-up for many, and given up."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from unittest.mock import patch

import pytest

from flawless.engine import bridge
from flawless.engine.bridge import CALLS_MAX, Mailbox

marked: ContextVar[str] = ContextVar("marked", default="")


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """That of a loop in another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield Mailbox(loop)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


async def add(a: int, b: int) -> int:
    """Return a sum, without waiting."""
    return a + b


async def add_later(a: int, b: int) -> int:
    """Return a sum after others had their turn."""
    await asyncio.sleep(0)
    return a + b


async def fail(waits: bool) -> int:
    """Raise, perhaps after others had their turn."""
    if waits:
        await asyncio.sleep(0)
    raise ValueError("no")


def test_calls_bring_values_and_errors(mailbox: Mailbox) -> None:
    """Of work that waits, and of work that does not."""
    assert bridge.call(mailbox, lambda: add(1, 2)) == 3
    assert bridge.call(mailbox, lambda: add_later(1, 2)) == 3
    for waits in (False, True):
        with pytest.raises(ValueError, match="no"):
            bridge.call(mailbox, lambda waits=waits: fail(waits))  # type: ignore[misc]  # a default


def test_calls_from_another_loop(mailbox: Mailbox) -> None:
    """They wait there, many at once, and get what they asked for."""

    async def main() -> None:
        sums = [bridge.call_async(mailbox, lambda n=n: add_later(n, 1)) for n in range(200)]  # type: ignore[misc]  # a default
        assert await asyncio.gather(*sums) == list(range(1, 201))
        with pytest.raises(ValueError, match="no"):
            await bridge.call_async(mailbox, lambda: fail(waits=True))

    asyncio.run(main())


@pytest.mark.parametrize("work", [add, add_later])
def test_work_runs_in_the_context_of_who_asks(mailbox: Mailbox, work: object) -> None:
    """What is set there is seen, before and after it has waited."""

    async def look() -> str:
        before = marked.get()
        if work is add_later:
            await asyncio.sleep(0)
        return before + marked.get()

    marked.set("x")
    assert bridge.call(mailbox, look) == "xx"


def test_who_is_cancelled_cancels_the_work(mailbox: Mailbox) -> None:
    """And what it has begun is cleaned up on the other loop."""
    begun, cancelled = threading.Event(), threading.Event()

    async def endless() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def main() -> None:
        task = asyncio.create_task(bridge.call_async(mailbox, endless))
        await asyncio.to_thread(begun.wait, 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert cancelled.wait(30)


def test_one_wake_up_serves_many(mailbox: Mailbox) -> None:
    """They are made in order, in several turns of the loop, and one that fails stops no other."""
    gate, done, made, told = threading.Event(), threading.Event(), list[int](), list[object]()
    mailbox.loop.call_soon_threadsafe(
        mailbox.loop.set_exception_handler, lambda _, context: told.append(context["exception"])
    )
    mailbox.post(lambda: gate.wait(30))
    wake = mailbox.loop.call_soon_threadsafe
    with patch.object(mailbox.loop, "call_soon_threadsafe", side_effect=wake) as woken:
        for number in range(3 * CALLS_MAX):
            mailbox.post(lambda number=number: made.append(number))  # type: ignore[misc]  # a default
        mailbox.post(lambda: 1 / 0)
        mailbox.post(done.set)
        gate.set()
        assert done.wait(30)
    assert woken.call_count <= 1
    assert made == list(range(3 * CALLS_MAX))
    assert [type(one) for one in told] == [ZeroDivisionError]


def test_something_is_done_afterwards(mailbox: Mailbox) -> None:
    """In the same turn of the loop in which calls were made."""
    order, gate, done = list[str](), threading.Event(), threading.Event()

    def next_turn() -> None:
        order.append("next turn")
        done.set()

    with_more = Mailbox(mailbox.loop, lambda: order.append("afterwards"))
    with_more.post(lambda: gate.wait(30))
    with_more.post(lambda: mailbox.loop.call_soon(next_turn))
    with_more.post(lambda: order.append("call"))
    gate.set()
    assert done.wait(30)
    assert order[-3:] == ["call", "afterwards", "next turn"]


def test_a_closed_loop_takes_nothing() -> None:
    """It says so each time, not only the first."""
    loop = asyncio.new_event_loop()
    mailbox = Mailbox(loop)
    loop.close()
    for _ in range(2):
        with pytest.raises(RuntimeError, match="closed"):
            mailbox.post(lambda: None)
