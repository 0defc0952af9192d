"""Between threads: work for an event loop, and its outcome back, with few wake-ups.

What asyncio has for this (`run_coroutine_threadsafe`, `wrap_future`) makes a task, two futures and
four callbacks for each piece of work, and writes to a socket for each of them. Here one wake-up
serves all that was posted before the loop came to it, and a task is made only for work that has to
wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Generator
from typing import Any, Final, Generic, TypeVar, cast

T = TypeVar("T")

CALLS_MAX: Final = 32
"""How many calls a mailbox makes in one turn of its loop: others have their turn in between."""


class Mailbox:
    """Has functions called on a loop; any thread may post them. They run in order.

    `afterwards` is called when some have run, in the same turn of the loop.
    """

    __slots__ = ("_afterwards", "_awake", "_calls", "loop")

    def __init__(
        self, loop: asyncio.AbstractEventLoop, afterwards: Callable[[], None] | None = None
    ) -> None:
        self.loop = loop
        self._afterwards = afterwards
        self._calls: deque[Callable[[], object]] = deque()
        self._awake = False

    def post(self, call: Callable[[], object]) -> None:
        """Have `call` called soon. Raises `RuntimeError` when the loop is closed."""
        self._calls.append(call)
        if not self._awake:
            self._awake = True
            try:
                self.loop.call_soon_threadsafe(self._empty)
            except RuntimeError:
                self._awake = False
                raise

    def _empty(self) -> None:
        self._awake = False  # first: whoever posts from here on wakes the loop again
        calls = self._calls
        for _ in range(min(len(calls), CALLS_MAX)):
            call = calls.popleft()
            try:
                call()
            except Exception as error:
                told = {"message": "internal error between threads", "exception": error}
                self.loop.call_exception_handler(told)
        if calls and not self._awake:
            self._awake = True
            self.loop.call_soon(self._empty)
        if self._afterwards is not None:
            self._afterwards()


class Begun(Generic[T]):
    """What is left of a coroutine that was begun outside of a task, as something to await."""

    __slots__ = ("_begun", "_waits_for")

    def __init__(self, begun: Coroutine[Any, Any, T], waits_for: Any) -> None:
        self._begun = begun
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, T]:
        waits_for = self._waits_for
        while True:
            try:
                answer = yield waits_for
            except BaseException as error:
                try:
                    waits_for = self._begun.throw(error)
                except StopIteration as done:
                    return cast("T", done.value)
            else:
                try:
                    waits_for = self._begun.send(answer)
                except StopIteration as done:
                    return cast("T", done.value)


Deliver = Callable[[Any, BaseException | None], None]
"""Gets the value, or the error, on the loop that did the work."""


class Errand:
    """Work that is done on another thread's loop, in the context of who asks for it.

    It is begun without a task, and gets one when it has to wait: so before that it may use nothing
    that needs a task, such as `asyncio.timeout`.
    """

    __slots__ = ("_context", "_deliver", "_given_up", "_loop", "_task", "_work")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        work: Callable[[], Coroutine[Any, Any, Any]],
        deliver: Deliver,
    ) -> None:
        self._loop = loop
        self._work = work
        self._deliver = deliver
        self._context = contextvars.copy_context()
        self._task: asyncio.Task[Any] | None = None
        self._given_up = False

    def begin(self) -> None:
        """Begin, on the loop."""
        if not self._given_up:
            self._context.run(self._begin)

    def give_up(self) -> None:
        """Cancel it, on the loop."""
        self._given_up = True
        if self._task is not None:
            self._task.cancel()

    def _begin(self) -> None:
        work = self._work()
        try:
            waits_for = work.send(None)
        except StopIteration as done:
            self._deliver(done.value, None)
        except BaseException as error:
            self._deliver(None, error)
        else:
            self._task = self._loop.create_task(self._go_on(Begun(work, waits_for)))

    async def _go_on(self, begun: Begun[Any]) -> None:
        try:
            value = await begun
        except BaseException as error:
            self._deliver(None, error)
        else:
            self._deliver(value, None)


def call(mailbox: Mailbox, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Have an errand run on the mailbox's loop, and wait for it in this thread."""
    bell = threading.Lock()
    bell.acquire()
    outcome: list[Any] = []

    def deliver(value: T | None, error: BaseException | None) -> None:
        outcome.append(value)
        outcome.append(error)
        bell.release()

    mailbox.post(Errand(mailbox.loop, work, deliver).begin)
    bell.acquire()
    value, error = outcome
    if error is not None:
        try:
            raise error
        finally:
            del error  # it holds this frame
    return cast("T", value)


async def call_async(mailbox: Mailbox, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Have an errand run on the mailbox's loop, and wait for it on this one."""
    here = _mailbox_here()
    future: asyncio.Future[T] = here.loop.create_future()

    def settle(value: T | None, error: BaseException | None) -> None:
        if future.done():  # nobody waits any more
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", value))

    def deliver(value: T | None, error: BaseException | None) -> None:
        with contextlib.suppress(RuntimeError):  # that loop is closed
            here.post(lambda: settle(value, error))

    errand = Errand(mailbox.loop, work, deliver)
    mailbox.post(errand.begin)
    try:
        return await future
    except asyncio.CancelledError:
        with contextlib.suppress(RuntimeError):
            mailbox.post(errand.give_up)
        raise


class _Here(threading.local):
    """The mailbox of the loop that this thread ran last."""

    mailbox: Mailbox | None = None


_here = _Here()


def _mailbox_here() -> Mailbox:
    loop = asyncio.get_running_loop()
    mailbox = _here.mailbox
    if mailbox is None or mailbox.loop is not loop:
        mailbox = _here.mailbox = Mailbox(loop)
    return mailbox
