"""Effects outside of a workflow: `flawless.http` and `flawless.sleep` in ordinary Python.

The guest's package has a module of the same name that asks the engine; here the effect is just
performed. So code that a workflow shares with unit tests, scripts and steps runs everywhere.
"""

from __future__ import annotations

import asyncio
import functools
import queue
import threading
import time
from collections.abc import Callable, Coroutine, Generator, Sequence
from concurrent.futures import Future as ThreadFuture
from typing import Any, Generic, TypeVar

from flawless.durations import Duration, wait_seconds
from flawless.errors import UsageError

T = TypeVar("T")

Performer = Callable[[str], Coroutine[Any, Any, Any]]
"""Performs one request of the protocol; returns its decoded value or raises its error."""


class _Performers:
    current: Performer | None = None


class Future(Generic[T]):
    """The outcome of an effect that was started with `.start(...)`."""

    _asyncio_future_blocking = None  # marks a future to the codec, which says what to do instead

    def __init__(self, op: str, body: str, convert: Callable[[Any], T], label: str) -> None:
        self._label = label
        self._future: ThreadFuture[T] = _on_loop(_perform(op, body, convert))

    @classmethod
    def of_call(cls, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run a sync or async function, and return its future."""
        made = cls.__new__(cls)
        made._begin(function, label)
        return made

    def _begin(self, function: Callable[[], Any], label: str) -> None:
        async def call() -> Any:
            result = await asyncio.to_thread(function)
            return await result if asyncio.iscoroutine(result) else result

        self._label = label
        self._future = _on_loop(call())

    def __repr__(self) -> str:
        return f"<Future {self._label}: {'done' if self.done() else 'pending'}>"

    def __await__(self) -> Generator[Any, None, T]:
        return asyncio.wrap_future(self._future).__await__()

    def done(self) -> bool:
        """Tell whether the outcome is there (or the future was cancelled)."""
        return self._future.done()

    def cancelled(self) -> bool:
        """Tell whether `cancel` was called in time."""
        return self._future.cancelled()

    def cancel(self) -> bool:
        """Stop the effect; False when it has ended."""
        return self._future.cancel()

    def result(self, timeout: Duration | None = None) -> T:
        """Wait for the outcome and return it, or raise the effect's error.

        `timeout` ends the wait with `TimeoutError`; the effect goes on.
        """
        return self._future.result(None if timeout is None else wait_seconds(timeout))

    def exception(self) -> BaseException | None:
        """Wait for the outcome and return the effect's error, or None when there is none."""
        return self._future.exception()


class Watch:
    """Tells which of some pending futures complete, in the order in which they do."""

    def __init__(self, futures: Sequence[Future[Any]]) -> None:
        self._completed: queue.SimpleQueue[Future[Any]] = queue.SimpleQueue()
        for future in futures:
            future._future.add_done_callback(functools.partial(self._note, future))

    def next(self, until: float | None) -> Future[Any] | None:
        """Wait for the next one; None when the time `until` comes first."""
        timeout_s = None if until is None else max(0.0, until - time.monotonic())
        try:
            return self._completed.get(timeout=timeout_s)
        except queue.Empty:
            return None

    def close(self) -> None:
        """Stop watching: what completes later is noted and forgotten with this object."""

    def _note(self, future: Future[Any], _: object) -> None:
        self._completed.put(future)


def deadline(timeout: Duration | None) -> float | None:
    """Return the time at which a timeout that begins now ends, for `Watch.next`."""
    return None if timeout is None else time.monotonic() + wait_seconds(timeout)


def effect(op: str, body: str, convert: Callable[[Any], T]) -> T:
    """Perform an effect, wait for it, and return its converted value or raise its error."""
    return _on_loop(_perform(op, body, convert)).result()


def install(performer: Performer) -> None:
    """Name the function that performs effects; the engine's package does so when imported."""
    _Performers.current = performer


async def _perform(op: str, body: str, convert: Callable[[Any], T]) -> T:
    performer = _Performers.current
    if performer is None:
        raise UsageError("effects need the engine's package: `import flawless`")
    return convert(await performer(f'{{"op":"{op}","id":1,{body}}}'))


def _on_loop(work: Coroutine[Any, Any, T]) -> ThreadFuture[T]:
    return asyncio.run_coroutine_threadsafe(work, _loop())


@functools.cache
def _loop() -> asyncio.AbstractEventLoop:
    """The loop of a daemon thread, so that it works inside and outside of other loops."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="flawless-effects", daemon=True).start()
    return loop
