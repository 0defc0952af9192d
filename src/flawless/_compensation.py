"""Undoing what was done, when what follows fails: the saga of a workflow as a `with` block.

    with compensation() as undo:
        ref = charge(card)
        undo(refund, ref)
        ship(order)        # fails, or the workflow is cancelled: refund(ref) is called

The undo actions are ordinary calls of steps and functions, so they are journaled like everything
else: a crash in the middle of them goes on in the middle. None is skipped because another failed,
and none is given up silently. What fails each time is put before a person.

The same file serves host and guest: what differs is `_parking`, the pauses and the person.
"""

from __future__ import annotations

import inspect
from asyncio import CancelledError
from collections.abc import Callable, Generator
from functools import partial
from types import TracebackType
from typing import Any

from flawless import _parking
from flawless._futures import Future
from flawless._runs import ContinueAsNew
from flawless._signatures import check
from flawless.errors import UsageError

PAUSES_S = (1.0, 2.0, 4.0)
"""Pauses before the second and each further attempt at an undo; after those a person decides."""

_ENDS = (ContinueAsNew, GeneratorExit)
"""What leaves a block without anything having gone wrong in it."""

_CAUGHT = (Exception, CancelledError)
_LABEL_CHARS_MAX = 200

_Command = Callable[[], Any]


class Undo:
    """What `with compensation() as undo` gives: call it to register an action."""

    def __init__(self, *, asynchronous: bool) -> None:
        self._asynchronous = asynchronous
        self._actions: list[tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = []
        self._open = True

    def __call__(self, action: Callable[..., Any], /, *args: Any, **kwargs: Any) -> None:
        """Register `action(*args, **kwargs)`, to be called if the block fails.

        Register it after what it undoes has succeeded, or before, if it does no harm alone.
        """
        if not self._open:
            raise UsageError(
                "the block of this compensation has ended: call undo(...) inside of it"
            )
        if not callable(action):
            raise UsageError(
                f"undo takes what is to be called, and then its arguments, not {action!r}: write "
                "undo(refund, ref) instead of undo(refund(ref))"
            )
        if not self._asynchronous and _is_async(action):
            raise UsageError(
                f"{_name(action)} is an async function: use `async with compensation()`"
            )
        try:
            check(action, args, kwargs)
        except TypeError as error:
            raise UsageError(f"undo({_name(action)}, ...): {error}") from None
        self._actions.append((action, args, kwargs))

    def clear(self) -> None:
        """Forget all actions registered so far: what was done is to stay."""
        self._actions.clear()

    def __len__(self) -> int:
        return len(self._actions)

    def __repr__(self) -> str:
        return f"<undo: {', '.join(_name(action) for action, _, _ in self._actions) or 'nothing'}>"


class Compensation:
    """The type of `compensation()`, for `with` and `async with`."""

    def __init__(self) -> None:
        self._undo: Undo | None = None

    def __enter__(self) -> Undo:
        return self._enter(asynchronous=False)

    async def __aenter__(self) -> Undo:
        return self._enter(asynchronous=True)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        work = self._work(error)
        proceed: Callable[[], _Command] = work.__next__
        while (command := _next(proceed)) is not None:
            try:
                result = _outcome(command())
            except _CAUGHT as problem:
                proceed = partial(work.throw, problem)
            else:
                proceed = partial(work.send, result)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        work = self._work(error)
        proceed: Callable[[], _Command] = work.__next__
        while (command := _next(proceed)) is not None:
            try:
                result = command()
                if inspect.isawaitable(result):
                    result = await result
            except _CAUGHT as problem:
                proceed = partial(work.throw, problem)
            else:
                proceed = partial(work.send, result)

    def _enter(self, *, asynchronous: bool) -> Undo:
        if self._undo is not None:
            raise UsageError("a compensation is for one block: write compensation() for each")
        self._undo = Undo(asynchronous=asynchronous)
        return self._undo

    def _work(self, error: BaseException | None) -> Generator[_Command, Any, None]:
        """Yield what is to be done, one call after the other; outcomes are sent or thrown in."""
        undo = self._undo
        assert undo is not None, "left without having been entered"
        undo._open = False
        if error is None or _is_end(error):
            return
        pause = _parking.pause_async if undo._asynchronous else _parking.pause
        raised, told = error, None
        while undo._actions:
            action, args, kwargs = undo._actions.pop()
            pauses = iter(PAUSES_S)
            while True:
                try:
                    yield partial(action, *args, **kwargs)
                    break
                except _CAUGHT as failed:
                    problem = failed
                if isinstance(problem, CancelledError):
                    told = problem  # what was begun is undone all the same
                pause_s = next(pauses, None)
                try:
                    if pause_s is not None:
                        yield partial(pause, pause_s)
                    elif (yield partial(_parking.park, _label(action, problem), problem)):
                        pauses = iter(PAUSES_S)
                    else:
                        break
                except CancelledError as cancelled:
                    told = cancelled
                except Exception as decision:
                    decision.__cause__ = raised
                    raised = decision
                    break
        if raised is not error:
            raise raised
        if told is not None and not isinstance(error, CancelledError):
            raise told


def compensation() -> Compensation:
    """Return a context manager that undoes what its block did if the block fails.

    `undo(action, *args, **kwargs)` registers a call. When the block raises (an error or
    `Cancelled`), the registered calls are made, the last one first, and the exception goes on.

    A call that raises is tried again after 1, 2 and 4 seconds; then the execution parks until a
    person decides: to retry, to take it as done, or to take it as failed. In the last case the
    others are still undone, and then the error of the decision is raised, caused by the first one.

    With `async with`, actions may be `async def` functions.

    Example::

        with compensation() as undo:
            ref = charge(card)
            undo(refund, ref)
            ship(order)
    """
    return Compensation()


def _next(proceed: Callable[[], _Command]) -> _Command | None:
    try:
        return proceed()
    except StopIteration:
        return None


def _outcome(result: Any) -> Any:
    if isinstance(result, Future):
        return result.result()
    if inspect.iscoroutine(result):
        result.close()
        raise UsageError("the undo gave a coroutine: use `async with compensation()`")
    return result


def _is_end(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):  # of a task group
        return all(_is_end(one) for one in error.exceptions)
    return isinstance(error, _ENDS)


def _is_async(action: Any) -> bool:
    return (
        getattr(action, "is_async", False) is True
        or inspect.iscoroutinefunction(action)
        or inspect.iscoroutinefunction(getattr(type(action), "__call__", None))  # noqa: B004 (which one it is)
    )


def _name(action: Any) -> str:
    name = getattr(action, "name", None)
    if isinstance(name, str):
        return name
    name = getattr(action, "__qualname__", None)
    if not isinstance(name, str):
        return type(action).__qualname__
    module = getattr(action, "__module__", None)
    return f"{module}.{name}" if isinstance(module, str) else name


def _label(action: Any, problem: BaseException) -> str:
    text = f"undo {_name(action)}: {type(problem).__name__}: {problem}"
    return text if len(text) <= _LABEL_CHARS_MAX else f"{text[: _LABEL_CHARS_MAX - 1]}…"
