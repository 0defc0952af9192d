"""Effects outside of a workflow: `flawless.http` and `flawless.sleep` in ordinary Python.

The guest's package has a module of the same name that asks the engine; here the effect is just
performed. So code that a workflow shares with unit tests, scripts and steps runs everywhere.
"""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable, Coroutine, Generator
from concurrent.futures import Future as ThreadFuture
from typing import Any, Generic, TypeVar

from flawless.durations import Duration, seconds
from flawless.errors import UsageError

T = TypeVar("T")

Performer = Callable[[str], Coroutine[Any, Any, Any]]
"""Performs one request of the protocol; returns its decoded value or raises its error."""


class _Performers:
    current: Performer | None = None


class Future(Generic[T]):
    """The outcome of an effect that was started with `.start(...)`."""

    def __init__(self, op: str, body: str, convert: Callable[[Any], T], label: str) -> None:
        self._label = label
        self._future: ThreadFuture[T] = _on_loop(_perform(op, body, convert))

    @classmethod
    def of_call(cls, function: Callable[[], Any], label: str) -> Future[Any]:
        """Run a sync or async function, and return its future."""

        async def call() -> Any:
            result = await asyncio.to_thread(function)
            return await result if asyncio.iscoroutine(result) else result

        made = cls.__new__(cls)
        made._label = label
        made._future = _on_loop(call())
        return made

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
        return self._future.result(None if timeout is None else seconds(timeout))


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
