"""Waiting for several futures in plain code: `gather`, `select`, `as_completed`, `wait`.

`async def` code has asyncio's functions of these names, with the same futures. Here the order is
that of the completions as they are observed; of futures that are done already, that of the
arguments. Each completion costs the same, however many futures there are.

The same file serves host and guest: what differs is how `Watch` waits.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from typing import Any, Literal, TypeVar, overload

from flawless._futures import Future, Watch, deadline
from flawless.durations import Duration, wait_seconds
from flawless.errors import UsageError

T = TypeVar("T")
T1 = TypeVar("T1")
T2 = TypeVar("T2")
T3 = TypeVar("T3")

ReturnWhen = Literal["ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"]


# The types of a few different futures are told as a tuple, as they are of `asyncio.gather`.
@overload
def gather(
    one: Future[T1], two: Future[T2], /, *, return_exceptions: Literal[False] = False
) -> tuple[T1, T2]: ...
@overload
def gather(
    one: Future[T1],
    two: Future[T2],
    three: Future[T3],
    /,
    *,
    return_exceptions: Literal[False] = False,
) -> tuple[T1, T2, T3]: ...
@overload
def gather(*futures: Future[T], return_exceptions: Literal[False] = False) -> list[T]: ...
@overload
def gather(*futures: Future[T], return_exceptions: Literal[True]) -> list[T | BaseException]: ...
def gather(*futures: Future[Any], return_exceptions: bool = False) -> Any:
    """Wait for all futures and return their results as a list, in the order of the arguments.

    The first error is raised as soon as it is observed; the other effects go on, and their futures
    can be waited for. With `return_exceptions` errors stand in the list like results.

    Durability: the order in which the workflow sees outcomes is recorded, and the same on replay.

    Example::

        stock, price = gather(look_up.start(item), ask_price.start(item))
    """
    given = _futures(futures, "gather")
    if not return_exceptions:
        for future in _completions(given, None, "gather"):
            if _failed(future):
                future.result()
        return [future.result() for future in given]
    for _ in _completions(given, None, "gather"):
        pass
    return [_outcome(future) for future in given]


def select(*futures: Future[T], timeout: Duration | None = None) -> Future[T] | None:
    """Wait for the first future that completes and return it; None when `timeout` passes.

    Of futures that are done already, the first argument wins. Nothing is cancelled: the others go
    on, and may be waited for again.

    Example::

        first = select(receive.start("approve"), sleep.start(days=3))
    """
    given = _futures(futures, "select")
    if not given:
        raise UsageError("select() has nothing to wait for: give it one future or more")
    if timeout is not None:
        wait_seconds(timeout)  # refused even if there is nothing to wait for
    for future in given:
        if future.done():
            return future
    until = deadline(timeout)
    watch = Watch(_distinct(given))
    try:
        return watch.next(until)
    finally:
        watch.close()


def as_completed(
    futures: Iterable[Future[T]], timeout: Duration | None = None
) -> Iterator[Future[T]]:
    """Return an iterator over the futures, each once, in the order in which they complete.

    It raises `TimeoutError` when `timeout` passes, counted from this call, before all are done.

    Example::

        for future in as_completed([ship.start(item) for item in items], timeout="1h"):
            parcels.append(future.result())
    """
    given = _distinct(_listed(futures, "as_completed"))
    return _completions(given, deadline(timeout), "as_completed", timeout)


def wait(
    futures: Iterable[Future[T]],
    timeout: Duration | None = None,
    return_when: ReturnWhen = "ALL_COMPLETED",
) -> tuple[list[Future[T]], list[Future[T]]]:
    """Wait for futures and return which are done and which are not, each in the given order.

    It ends when all are done, when the first is (`"FIRST_COMPLETED"`), when the first has failed
    (`"FIRST_EXCEPTION"`), or when `timeout` passes. Nothing is cancelled and no error is raised.

    Example::

        done, late = wait([ship.start(item) for item in items], timeout="1h")
    """
    if return_when not in ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION"):
        raise ValueError(
            'return_when is "ALL_COMPLETED", "FIRST_COMPLETED" or "FIRST_EXCEPTION", not '
            f"{return_when!r}"
        )
    given = _distinct(_listed(futures, "wait"))
    if timeout is not None:
        wait_seconds(timeout)
    pending = [future for future in given if not future.done()]
    enough = not pending or _enough(return_when, given, len(pending) < len(given))
    if not enough:
        until = deadline(timeout)
        watch = Watch(pending)
        try:
            for _ in pending:
                future = watch.next(until)
                if future is None or _enough(return_when, (future,), True):
                    break
        finally:
            watch.close()
    done = [future for future in given if future.done()]
    return done, [future for future in given if not future.done()]


def _enough(return_when: ReturnWhen, futures: Iterable[Future[Any]], some_done: bool) -> bool:
    if return_when == "FIRST_COMPLETED":
        return some_done
    return return_when == "FIRST_EXCEPTION" and any(
        future.done() and _failed(future) for future in futures
    )


def _completions(
    futures: list[Future[Any]], until: Any, function: str, timeout: Duration | None = None
) -> Iterator[Future[Any]]:
    done: list[Future[Any]] = []
    pending: list[Future[Any]] = []
    for future in _distinct(futures):
        (done if future.done() else pending).append(future)
    watch = Watch(pending)
    try:
        yield from done
        for count in range(len(pending)):
            completed = watch.next(until)
            if completed is None:
                left = len(pending) - count
                raise TimeoutError(
                    f"{function}: {left} of {len(done) + len(pending)} futures have not completed "
                    f"within {timeout!r}"
                )
            yield completed
    finally:
        watch.close()


def _failed(future: Future[Any]) -> bool:
    return future.cancelled() or future.exception() is not None


def _outcome(future: Future[Any]) -> Any:
    try:
        return future.result()
    except BaseException as error:
        return error


def _distinct(futures: Iterable[Future[T]]) -> list[Future[T]]:
    return list(dict.fromkeys(futures))


def _listed(futures: Iterable[Future[T]], function: str) -> list[Future[T]]:
    if isinstance(futures, Future) or not isinstance(futures, Iterable):
        raise UsageError(
            f"{function} takes a list (or another iterable) of futures, not {futures!r}: write "
            f"{function}([a, b])"
        )
    return _futures(futures, function)


def _futures(values: Iterable[Any], function: str) -> list[Future[Any]]:
    given = list(values)
    for number, value in enumerate(given, 1):
        if not isinstance(value, Future):
            for other in given:
                if inspect.iscoroutine(other):
                    other.close()  # or Python warns that nobody awaited it
            raise UsageError(_refusal(number, value, function))
    return given


def _refusal(number: int, value: Any, function: str) -> str:
    what = f"{function} waits for futures, and argument {number} is {_shown(value)}"
    if inspect.iscoroutine(value) or hasattr(type(value), "_asyncio_future_blocking"):
        return f"{what}: use asyncio.{function} for it, or .start(...) instead of a call"
    if isinstance(value, list | tuple | set):
        return f"{what}: write {function}(*futures)"
    if hasattr(type(value), "start"):
        return f"{what}: start it with .start(...)"
    return f"{what}: write step.start(...) instead of step(...)"


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:59]}…"
