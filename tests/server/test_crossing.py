"""Calls from one event loop to another: answers, errors, cancellation, and loops that end."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager

import pytest

from flawless.server.hosting.crossing import Crossing, LoopGone

WHO = contextvars.ContextVar("WHO", default="nobody")


@contextmanager
def other_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """Give a loop that runs on another thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_answers_and_errors_come_back() -> None:
    """What is awaited over there is returned or raised here, in the context of the caller."""

    async def there(word: str) -> tuple[str, str, str]:
        await asyncio.sleep(0)
        if not word:
            raise ValueError("no word")
        return word, WHO.get(), threading.current_thread().name

    async def here(loop: asyncio.AbstractEventLoop) -> None:
        WHO.set("ann")
        crossing = Crossing(loop)
        word, who, thread = await crossing.call(there, "hello")
        assert (word, who) == ("hello", "ann")
        assert thread != threading.current_thread().name
        with pytest.raises(ValueError, match="no word"):
            await crossing.call(there, "")
        many = await asyncio.gather(*(crossing.call(there, str(n)) for n in range(200)))
        assert [word for word, _, _ in many] == [str(n) for n in range(200)]

    with other_loop() as loop:
        asyncio.run(here(loop))


def test_who_leaves_takes_the_work_along() -> None:
    """A cancelled call is cancelled over there, and has cleaned up when its caller goes on."""
    begun: Future[None] = Future()
    done: list[str] = []

    async def there() -> None:
        begun.set_result(None)
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0.01)
            done.append("cleaned up")

    async def here(loop: asyncio.AbstractEventLoop) -> None:
        task = asyncio.create_task(Crossing(loop).call(there))
        await asyncio.wrap_future(begun)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert done == ["cleaned up"]
        never = asyncio.create_task(Crossing(loop).call(there))
        await asyncio.sleep(0)
        never.cancel()
        with pytest.raises(asyncio.CancelledError):
            await never

    with other_loop() as loop:
        asyncio.run(here(loop))
        assert not [task for task in asyncio.all_tasks(loop) if not task.done()]


def test_who_leaves_a_loop_that_has_ended_leaves() -> None:
    """The caller stays cancelled, though nobody is left over there to tell."""
    begun: Future[None] = Future()

    async def there() -> None:
        begun.set_result(None)
        await asyncio.Event().wait()

    async def here() -> None:
        with other_loop() as loop:
            task = asyncio.create_task(Crossing(loop).call(there))
            await asyncio.wrap_future(begun)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(here())


def test_work_that_is_cancelled_over_there_is_no_cancellation_here() -> None:
    """The caller was not cancelled: it hears that what it called is gone."""

    async def there() -> None:
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)

    async def here(loop: asyncio.AbstractEventLoop) -> None:
        with pytest.raises(LoopGone):
            await Crossing(loop).call(there)

    with other_loop() as loop:
        asyncio.run(here(loop))


def test_a_loop_that_has_ended_is_told() -> None:
    """Calling into a closed loop raises at once, and waits for nothing."""

    async def there() -> None:
        raise AssertionError("never called")

    with other_loop() as loop:
        crossing = Crossing(loop)
    with pytest.raises(LoopGone):
        asyncio.run(crossing.call(there))
