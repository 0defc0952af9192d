"""Effects under way, as objects to wait for: with `result()` in plain code, with `await` in async.

A `Future` has asyncio's future protocol, so `gather`, `wait`, `as_completed`, `shield`,
`wait_for` and `timeout` take it as one of their own. It belongs to no loop: without one,
`result()` asks the engine for outcomes until its own is there.
"""

from __future__ import annotations

from asyncio import CancelledError, events
from collections import deque
from collections.abc import Callable, Generator, Sequence
from contextvars import Context, copy_context
from typing import Any, Generic, TypeVar

from flawless import _host
from flawless._failures import from_engine
from flawless._host import session
from flawless.durations import Duration, wait_seconds

T = TypeVar("T")

_PENDING, _DONE, _FAILED, _CANCELLED = range(4)
_ENDINGS = {"sleep": _host.DROPPED, "receive": _host.DROPPED}
_UNSEEN_MAX = 100
_ERROR = 40  # as `logging` has it


class Future(Generic[T]):
    """The outcome of an effect that was started with `.start(...)`.

    In plain workflows `result()` waits for it; in `async def` workflows `await` does. An outcome
    that nobody waits for is not lost: the effect is performed all the same.
    """

    __slots__ = (
        "__weakref__",
        "_asyncio_future_blocking",
        "_callbacks",
        "_convert",
        "_effect",
        "_ending",
        "_label",
        "_state",
        "_value",
    )

    def __init__(self, op: str, body: str, convert: Callable[[Any], T], label: str) -> None:
        self._asyncio_future_blocking: bool | None = False
        self._callbacks: list[tuple[Callable[[Future[T]], object], Context, Any]] | None = None
        self._convert = convert
        self._label = label
        self._ending = _ENDINGS.get(op, _host.AWAITED)
        self._state = _PENDING
        self._value: Any = None
        self._effect = _host.begin(op, body, self)

    def __repr__(self) -> str:
        state = ("pending", "done", "failed", "cancelled")[self._state]
        return f"<Future {self._effect} {self._label}: {state}>"

    def __hash__(self) -> int:
        return self._effect  # its place in a set does not depend on its address

    # --- what workflows use -------------------------------------------------------------------

    def done(self) -> bool:
        """Tell whether the outcome is there (or the future was cancelled)."""
        return self._state != _PENDING

    def cancelled(self) -> bool:
        """Tell whether `cancel` was called in time."""
        return self._state == _CANCELLED

    def result(self, timeout: Duration | None = None) -> T:
        """Wait for the outcome and return it, or raise the effect's error.

        `timeout` (seconds, a timedelta or a text such as `"5m"`) ends the wait with
        `TimeoutError`; the effect goes on.
        """
        if self._state == _PENDING:
            self._wait(timeout)
        if self._state == _DONE:
            return self._value  # type: ignore[no-any-return]  # `_settle` stored what `convert` made
        if self._state == _FAILED:
            session.unseen.pop(self._effect, None)
            try:
                raise self._value
            finally:
                self = None  # type: ignore[assignment]  # break the cycle traceback -> frame -> self
        raise self._make_cancelled_error()

    def exception(self) -> BaseException | None:
        """Wait for the outcome and return the effect's error, or None when there is none."""
        if self._state == _PENDING:
            self._wait(None)
        if self._state == _CANCELLED:
            raise self._make_cancelled_error()
        session.unseen.pop(self._effect, None)
        return self._value if self._state == _FAILED else None

    def cancel(self, msg: Any = None) -> bool:
        """Lose interest: the engine stops the effect if it can. False when it has ended."""
        if self._state != _PENDING:
            return False
        self._state = _CANCELLED
        self._value = msg
        _host.drop(self._effect)
        self._call_back()
        return True

    def __await__(self) -> Generator[Any, None, T]:
        if self._state == _PENDING:
            self._asyncio_future_blocking = True
            yield self
        if self._state == _PENDING:
            raise RuntimeError("await wasn't used with future")
        return self.result()

    __iter__ = __await__

    # --- asyncio's side of it -----------------------------------------------------------------

    def get_loop(self) -> events.AbstractEventLoop:
        """Return the loop that runs now."""
        return events.get_running_loop()

    @property
    def _loop(self) -> events.AbstractEventLoop:
        return events.get_running_loop()

    @property
    def _cancel_message(self) -> Any:
        return self._value if self._state == _CANCELLED else None  # `asyncio.gather` looks at it

    def add_done_callback(
        self, callback: Callable[[Future[T]], object], *, context: Context | None = None
    ) -> None:
        """Have the running loop call `callback` with this future once it is done."""
        loop = events.get_running_loop()
        context = copy_context() if context is None else context
        if self._state != _PENDING:
            loop.call_soon(callback, self, context=context)
        elif self._callbacks is None:
            self._callbacks = [(callback, context, loop)]
        else:
            self._callbacks.append((callback, context, loop))

    def remove_done_callback(self, callback: Callable[[Future[T]], object]) -> int:
        """Forget a callback; return how often it was there."""
        before = self._callbacks or []
        self._callbacks = [entry for entry in before if entry[0] != callback]
        return len(before) - len(self._callbacks)

    def _make_cancelled_error(self) -> CancelledError:
        return CancelledError() if self._value is None else CancelledError(self._value)

    # --- the engine's side of it --------------------------------------------------------------

    def _wait(self, timeout: Duration | None) -> None:
        until = deadline(timeout)
        while self._state == _PENDING:
            if not _host.wait(until):
                raise TimeoutError(f"{self._label} has not ended within {timeout!r}")

    def _settle(self, answer: dict[str, Any]) -> None:
        if self._state != _PENDING:
            return
        if "error" in answer:
            self._value, self._state = from_engine(answer["error"]), _FAILED
        else:
            try:
                self._value, self._state = self._convert(answer["ok"]), _DONE
            except Exception as error:
                self._value, self._state = error.with_traceback(None), _FAILED
        if self._state == _FAILED and len(session.unseen) < _UNSEEN_MAX:
            session.unseen[self._effect] = self
        self._call_back()

    def _call_back(self) -> None:
        callbacks, self._callbacks = self._callbacks, None
        for callback, context, loop in callbacks or ():
            if loop is None:
                callback(self)
            else:
                loop.call_soon(callback, self, context=context)


def tell_unseen() -> None:
    """Log the failures at which nobody has looked, as asyncio does with its own futures."""
    for future in session.unseen.values():
        what = f"{type(future._value).__name__}: {future._value}"
        text = f"{future._label} failed, and nobody has looked at its outcome: {what}"
        _host.log(_ERROR, "flawless", text)
    session.unseen.clear()


class Watch:
    """Tells which of some pending futures complete, in the order in which they do."""

    __slots__ = ("_completed", "_futures", "_note")

    def __init__(self, futures: Sequence[Future[Any]]) -> None:
        self._completed: deque[Future[Any]] = deque()
        self._futures = futures
        # Kept: to find it again among the callbacks of a future.
        self._note = note = self._completed.append
        entry: Any = (note, None, None)
        for future in futures:
            if future._callbacks is None:
                future._callbacks = [entry]
            else:
                future._callbacks.append(entry)

    def next(self, until: int | None) -> Future[Any] | None:
        """Wait for the next one; None when the time `until` comes first."""
        while not self._completed:
            if not _host.wait(until):
                return None
        return self._completed.popleft()

    def close(self) -> None:
        """Stop watching."""
        note = self._note
        for future in self._futures:
            if future._callbacks:
                future._callbacks = [e for e in future._callbacks if e[0] is not note] or None


def deadline(timeout: Duration | None) -> int | None:
    """Return the time at which a timeout that begins now ends, for `Watch.next`."""
    if timeout is None:
        return None
    return _host.clock() + round(wait_seconds(timeout) * 1e6)


def effect(op: str, body: str, convert: Callable[[Any], T]) -> T:
    """Perform an effect, wait for it, and return its converted value or raise its error."""
    answer = _host.perform(op, body)
    if "error" in answer:
        raise from_engine(answer["error"])
    return convert(answer["ok"])
