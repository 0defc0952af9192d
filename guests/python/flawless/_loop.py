"""asyncio without a selector: one deterministic loop that waits by asking the engine.

The standard `BaseEventLoop` gives tasks, futures, timers and callbacks; what is missing is waiting.
When nothing is ready, the loop asks for the next outcome of a started effect, or for the time of
its earliest timer, whichever comes first; that answer is journaled, so the order in which tasks go
on is the same on replay. `time()` looks at the clock (an effect); the loop itself goes by the time
the engine told last.
"""

from __future__ import annotations

import asyncio
import heapq
from asyncio import base_events, events
from collections import deque
from collections.abc import Coroutine
from functools import partial
from typing import Any, NoReturn, TypeVar

from flawless import _host
from flawless._host import session
from flawless.refusals import NotInWorkflow

T = TypeVar("T")

_SPIN_TURNS = 64
"""A task that never waits (`sleep(0)` in a loop) sees outcomes and time every so many turns."""


class Task(asyncio.Task[T]):
    """A task whose place in a set does not depend on its address.

    `asyncio.wait` and `TaskGroup` walk over sets of tasks. Where objects lie differs with the code
    that was loaded before; with a number for a hash, changed code and traced replays walk alike.
    """

    __slots__ = ("_number",)
    _made = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        Task._made = self._number = Task._made + 1
        super().__init__(*args, **kwargs)

    def __hash__(self) -> int:
        return self._number


class Loop(base_events.BaseEventLoop):
    """The loop of `asyncio.run` inside a guest."""

    _ready: deque[Any]
    _scheduled: list[Any]
    _stopping: bool
    _timer_cancelled_count: int

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_new_task)
        self._busy_turns = 0
        self._main: asyncio.Future[Any] | None = None

    def run_until_complete(self, future: Any) -> Any:
        """Run until a coroutine or a future is done; it is what a cancellation cancels."""
        if asyncio.iscoroutine(future):
            future = self.create_task(future)
        self._main = future
        try:
            return super().run_until_complete(future)
        finally:
            self._main = None

    def pass_on_cancel(self, reason: str) -> None:
        """Cancel the main task, because the engine told so; the task that runs now raises it."""
        running = asyncio.current_task(self)
        main = self._main
        if main is None or main is running:
            return
        before = 0 if running is None else running.cancelling()
        main.cancel(reason)
        if running is not None and running.cancelling() > before:
            running.uncancel()  # the main task waits for it: it would be cancelled twice

    def _wait(self, until: int | None, *, poll: bool = False) -> None:
        try:
            _host.wait(until, poll=poll)
        except asyncio.CancelledError:
            if self._main is None:  # `run_forever` has nobody who could be told
                raise

    def time(self) -> float:
        """Look at the clock and return seconds since the epoch."""
        return _host.clock() / 1e6

    def _run_once(self) -> None:
        ready, scheduled = self._ready, self._scheduled
        while scheduled and scheduled[0]._cancelled:
            self._timer_cancelled_count -= 1
            heapq.heappop(scheduled)._scheduled = False
        if ready or self._stopping:
            self._busy_turns += 1
            if self._busy_turns >= _SPIN_TURNS:
                self._busy_turns = 0
                if session.pending or scheduled:
                    self._wait(None, poll=True)
        else:
            self._busy_turns = 0
            until = _us(scheduled[0]._when) if scheduled else None
            if until is None and not session.pending:
                _stuck()
            if until is None or until > session.now_us:
                self._wait(until)
        while scheduled and _us(scheduled[0]._when) <= session.now_us:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False
            if handle._cancelled:
                self._timer_cancelled_count -= 1
            else:
                ready.append(handle)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if not handle._cancelled:
                handle._run()

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Drop cancelled timers before they pile up: the standard loop does so where it waits."""
        super()._timer_handle_cancelled(handle)  # type: ignore[misc]  # private, and there
        scheduled = self._scheduled
        if len(scheduled) > 100 and self._timer_cancelled_count > len(scheduled) // 2:
            kept = []
            for timer in scheduled:
                if timer._cancelled:
                    timer._scheduled = False
                else:
                    kept.append(timer)
            heapq.heapify(kept)
            scheduled[:] = kept
            self._timer_cancelled_count = 0

    def _write_to_self(self) -> None:
        """There is no other thread that could have to wake this one."""

    def _process_events(self, event_list: Any) -> None:
        """There are no file descriptors."""

    def run_in_executor(self, executor: Any, func: Any, *args: Any) -> NoReturn:  # type: ignore[override]  # it never returns
        """Refuse: a workflow has one thread."""
        while isinstance(func, partial):  # as asyncio.to_thread wraps it
            func = func.args[0] if func.args else func.func
        name = getattr(func, "__qualname__", None) or repr(func)
        raise NotInWorkflow(
            f"a workflow has no threads: {name} cannot run in an executor; make it a @step and "
            "await it, or gather several with .start(...)"
        )

    def set_default_executor(self, executor: Any) -> NoReturn:
        """Refuse: a workflow has one thread."""
        raise NotInWorkflow("a workflow has no threads: do the work in a @step")


def _new_task(loop: Any, coroutine: Any, **options: Any) -> Task[Any]:
    return Task(coroutine, loop=loop, **options)


def _us(when: float) -> int:
    return round(when * 1e6)


def _stuck() -> NoReturn:
    waiting = [task for task in asyncio.all_tasks() if not task.done()]
    names = ", ".join(sorted({getattr(t.get_coro(), "__qualname__", "?") for t in waiting})[:5])
    raise RuntimeError(
        "the workflow waits for something that can never happen: no effect is under way and no "
        f"timer is set (waiting: {names or 'no task'})"
    )


def _refusal(what: str, instead: str) -> Any:
    def refuse(self: Loop, *_: Any, **__: Any) -> NoReturn:
        raise NotInWorkflow(f"a workflow cannot {what}: {instead}")

    return refuse


_NETWORK = "use flawless.http, or do it in a @step"
for _names, _what, _instead in (
    (
        (
            "create_connection create_server create_unix_connection create_unix_server "
            "create_datagram_endpoint start_tls sendfile sock_connect sock_accept sock_recv "
            "sock_recv_into sock_recvfrom sock_recvfrom_into sock_sendall sock_sendto "
            "sock_sendfile getaddrinfo getnameinfo connect_accepted_socket"
        ),
        "open network connections",
        _NETWORK,
    ),
    (
        "add_reader remove_reader add_writer remove_writer connect_read_pipe connect_write_pipe",
        "watch files and pipes",
        "do it in a @step",
    ),
    ("subprocess_exec subprocess_shell", "start processes", "do it in a @step"),
    ("add_signal_handler remove_signal_handler", "handle signals", "the engine handles them"),
):
    for _name in _names.split():
        setattr(Loop, _name, _refusal(_what, _instead))


class Policy(events._BaseDefaultEventLoopPolicy):
    """Makes `asyncio.run`, `asyncio.new_event_loop` and friends use this loop.

    Private in Python 3.14, and the only way to do it without the user's help.
    """

    _loop_factory = Loop


def install() -> None:
    """Make this the loop of asyncio."""
    events._set_event_loop_policy(Policy())


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run an `async def` workflow: as `asyncio.run`, without its handling of Ctrl-C."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(main)
