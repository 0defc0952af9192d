"""Steps: native functions, called from a workflow by asking the engine for them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from flawless import _host, _standins, codec
from flawless._futures import Future, effect
from flawless._names import name_of

P = ParamSpec("P")
R = TypeVar("R")

registry: dict[str, Step[..., Any]] = {}


class Step(Generic[P, R]):
    """A native function; a call runs it outside the guest, and its result is journaled.

    Of a sync function, a call waits for the result. Of an `async def` function, a call gives a
    coroutine that does so when it is awaited. `start` gives a `Future` of either.
    """

    def __init__(self, function: Callable[P, R], name: str | None) -> None:
        self.function = function
        self.name = name or name_of(function)
        self.is_async = inspect.iscoroutinefunction(function)
        self._head = f'"name":{_host.encode(self.name)},"args":'
        self._label = f"step {self.name}"
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        if self.is_async:
            return self._call_async(args, kwargs)  # type: ignore[return-value]  # R is the coroutine's type here
        return effect("step", self._body(args, kwargs), codec.decode)  # type: ignore[no-any-return]  # the engine gives what the step returned

    def start(self, *args: P.args, **kwargs: P.kwargs) -> Future[Any]:
        """Start the step and return at once with a future of its result."""
        return Future("step", self._body(args, kwargs), codec.decode, self._label)

    def __repr__(self) -> str:
        return f"<step {self.name}>"

    def _body(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        if not args and not kwargs:
            return self._head + '{"a":[],"k":{}}'
        try:
            return self._head + _host.encode(codec.encode_call(args, kwargs))
        except codec.CodecError:
            _standins.refuse_in((*args, *kwargs.values()))
            # Again, for an error that says which parameter it is.
            names = list(inspect.signature(self.function).parameters)
            codec.encode_call(args, kwargs, names=names, path=self.name)
            raise

    def _call_async(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Coroutine[Any, Any, R]:
        body = self._body(args, kwargs)  # now: arguments that cannot be carried fail at the call

        async def call() -> Any:
            return await Future("step", body, codec.decode, self._label)

        return call()


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(*, name: str | None = None, **options: Any) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None, /, *, name: str | None = None, **options: Any
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function a step. How it is performed (`options`) is the engine's business."""

    def decorate(target: Callable[P, R]) -> Step[P, R]:
        made = Step(target, name)
        registry[made.name] = made
        return made

    return decorate if function is None else decorate(function)
