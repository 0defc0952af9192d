"""Methods of clients, made from the functions that say what to ask.

`get = method(execution_calls.get_execution)` gives `Client` a method with that function's
parameters and documentation; `AsyncClient` has the same with `async_method`. So each call is
written once, and a type checker knows both methods of it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from flawless.client.plans import Item, Series, Work

P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


class Method(Generic[P, R]):
    """What a type checker sees of a method made here; it is a plain function."""

    @overload
    def __get__(self, instance: None, owner: type) -> Callable[..., R]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> Callable[P, R]: ...
    def __get__(self, instance: object, owner: type) -> Callable[..., R]:
        raise AssertionError("methods are plain functions")


def method(make: Callable[P, Work[T]]) -> Method[P, T]:
    """Return the method of `Client` that blocks until the work is done."""

    def do(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client.run(make(*args, **kwargs))

    return cast("Method[P, T]", _named(do, make))


def async_method(make: Callable[P, Work[T]]) -> Method[P, Coroutine[Any, Any, T]]:
    """Return the method of `AsyncClient` for the same work."""

    async def do(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return await client.run(make(*args, **kwargs))

    return cast("Method[P, Coroutine[Any, Any, T]]", _named(do, make))


def series(make: Callable[P, Series[Item]]) -> Method[P, Generator[Item, None, None]]:
    """Return the method of `Client` that gives items."""

    def do(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client.iterate(make(*args, **kwargs))

    return cast("Method[P, Generator[Item, None, None]]", _named(do, make))


def async_series(make: Callable[P, Series[Item]]) -> Method[P, AsyncGenerator[Item, None]]:
    """Return the method of `AsyncClient` that gives items, for `async for`."""

    def do(client: Any, *args: P.args, **kwargs: P.kwargs) -> Any:
        return client.iterate(make(*args, **kwargs))

    return cast("Method[P, AsyncGenerator[Item, None]]", _named(do, make))


def _named(do: Callable[..., Any], make: Callable[..., Any]) -> Callable[..., Any]:
    functools.update_wrapper(do, make)
    asked = inspect.signature(make)
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = asked.replace(
        parameters=[itself, *asked.parameters.values()],
        return_annotation=inspect.Signature.empty,
    )
    do.__signature__ = signature  # type: ignore[attr-defined]  # what `help` and editors show
    return do
