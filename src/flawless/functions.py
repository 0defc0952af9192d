"""Workflows and steps as seen natively: decorated functions that stay ordinary functions.

A step runs natively, so its options matter here. A workflow runs inside a guest; natively the
decorator only gives it a name, and calling it in a unit test just calls it.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, ParamSpec, TypeVar, overload

from flawless import _messages
from flawless._children import Child, ParentClose
from flawless._futures import Future
from flawless._signatures import check
from flawless.codec import public_module
from flawless.core.retry import RetryPolicy
from flawless.durations import Duration, seconds, wait_seconds
from flawless.errors import InputInvalid, UsageError

OnInterrupt = Literal["raise", "park"]

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

_steps: dict[str, Step[..., Any]] = {}
_register: ContextVar[dict[str, Step[..., Any]]] = ContextVar("register", default=_steps)


@dataclass(frozen=True, slots=True)
class StepOptions:
    """How a step is performed; see `step` for the meaning of each. Times in seconds."""

    retry: RetryPolicy = field(default_factory=RetryPolicy)
    timeout_s: float | None = None
    retry_on: tuple[type[BaseException], ...] = (Exception,)
    give_up_on: tuple[type[BaseException], ...] = ()
    at_most_once: bool = False
    process: bool = False
    on_interrupt: OnInterrupt = "raise"


class Workflow(Generic[P, R]):
    """A function that an engine runs to completion. Called directly, it is just the function."""

    def __init__(
        self,
        function: Callable[P, R],
        name: str | None,
        messages: dict[str, Any] | None = None,
        deadline_s: float | None = None,
    ) -> None:
        self.function = function
        self.name = name or _name_of(function)
        self.is_async = inspect.iscoroutinefunction(function)
        self.messages = messages or {}
        """The types of messages that were declared, by name."""
        self.deadline_s = deadline_s
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @overload
    def start(
        self: Workflow[P, Coroutine[Any, Any, T]],
        *args: Any,
        id: str | None = None,
        parent_close: ParentClose = "wait",
        deadline: Duration | None = None,
        **kwargs: Any,
    ) -> Child[T]: ...
    @overload
    def start(
        self,
        *args: Any,
        id: str | None = None,
        parent_close: ParentClose = "wait",
        deadline: Duration | None = None,
        **kwargs: Any,
    ) -> Child[R]: ...
    def start(
        self,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the word for it)
        parent_close: ParentClose = "wait",
        deadline: Duration | None = None,
        **kwargs: Any,
    ) -> Child[Any]:
        """Start the workflow as a child execution and return at once with a future of its result.

        - `id`: the child's id; by default the parent's, with a number.
        - `parent_close`: what becomes of the child when its parent ends. `"wait"`: the parent ends
          after it. `"cancel"`: it is cancelled. `"abandon"`: it goes on by itself.
        - `deadline`: how long the child may take, then it is cancelled.

        Durability: the child is started in the same commit that records it in the parent's journal,
        so exactly once. Raises `InputInvalid` when the arguments do not fit the signature. Outside
        of a workflow the function is just called, in a thread.

        Example::

            parcels = [ship.start(item) for item in order.items]
            gather(*parcels)
        """
        if parent_close not in ("wait", "cancel", "abandon"):
            raise UsageError(f'parent_close is "wait", "cancel" or "abandon", not {parent_close!r}')
        if id is not None and not isinstance(id, str):
            raise UsageError(f"the id of a child is a text, not {id!r}")
        if deadline is not None:
            wait_seconds(deadline, "a deadline")
        try:
            check(self.function, args, kwargs)
        except TypeError as error:
            raise InputInvalid(f"{self.name}: {error}") from None
        call = functools.partial(self.function, *args, **kwargs)
        return Child.of_workflow(call, repr(self), self.name if id is None else id)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


class Step(Generic[P, R]):
    """A native function whose result is journaled. Called directly, it is just the function."""

    def __init__(self, function: Callable[P, R], name: str | None, options: StepOptions) -> None:
        self.function = function
        self.name = name or _name_of(function)
        self.options = options
        self.is_async = inspect.iscoroutinefunction(function)
        functools.update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    @overload
    def start(
        self: Step[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]: ...
    @overload
    def start(self, *args: P.args, **kwargs: P.kwargs) -> Future[R]: ...
    def start(self, *args: P.args, **kwargs: P.kwargs) -> Future[Any]:
        """Start the step and return at once with a future of its result.

        Durability: the step is performed even if nobody waits for the future. Outside of a workflow
        the function is just called, in a thread.

        Example::

            receipt, label = gather(charge.start(order), print_label.start(order))
        """
        return Future.of_call(lambda: self.function(*args, **kwargs), repr(self))

    def __repr__(self) -> str:
        return f"<step {self.name}>"


@overload
def workflow(function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    messages: Mapping[str, Any] | Iterable[type] | None = None,
    deadline: Duration | None = None,
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...
def workflow(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    messages: Mapping[str, Any] | Iterable[type] | None = None,
    deadline: Duration | None = None,
) -> Workflow[P, R] | Callable[[Callable[P, R]], Workflow[P, R]]:
    """Make a function (sync or async) a workflow.

    Its name is `module.function` unless `name` says otherwise. Arguments and result travel in the
    journal: they must be of types that `flawless.codec` carries.

    - `messages`: the messages it receives, as `{"confirm": Confirm}` or, when they are named like
      their classes, `[Confirm]`. A message with one of these names that does not decode is refused
      when it is sent, and `receive("confirm")` gives a `Confirm`.
    - `deadline`: how long an execution may take; then it is cancelled.

    Example::

        @workflow
        def greet(name: str) -> str:
            return f"Hello, {name}"
    """
    declared = _messages.declared(messages)
    deadline_s = None if deadline is None else wait_seconds(deadline, "a deadline")

    def decorate(target: Callable[P, R]) -> Workflow[P, R]:
        _expect_function(target, "workflow")
        return Workflow(target, name, declared, deadline_s)

    return decorate if function is None else decorate(function)


@overload
def step(function: Callable[P, R], /) -> Step[P, R]: ...
@overload
def step(
    *,
    name: str | None = None,
    retries: int = 0,
    backoff: Duration = 0.5,
    backoff_factor: float = 2.0,
    backoff_max: Duration = 60.0,
    timeout: Duration | None = None,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    give_up_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    at_most_once: bool = False,
    process: bool = False,
    on_interrupt: OnInterrupt = "raise",
) -> Callable[[Callable[P, R]], Step[P, R]]: ...
def step(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    retries: int = 0,
    backoff: Duration = 0.5,
    backoff_factor: float = 2.0,
    backoff_max: Duration = 60.0,
    timeout: Duration | None = None,
    retry_on: type[BaseException] | tuple[type[BaseException], ...] = Exception,
    give_up_on: type[BaseException] | tuple[type[BaseException], ...] = (),
    at_most_once: bool = False,
    process: bool = False,
    on_interrupt: OnInterrupt = "raise",
) -> Step[P, R] | Callable[[Callable[P, R]], Step[P, R]]:
    """Make a function (sync or async) a step: it runs natively and its result is journaled.

    - `retries`: further attempts after one that raised (0: none). Pauses between them begin with
      `backoff` (seconds, timedelta or text), grow by `backoff_factor` up to `backoff_max`, and
      are jittered.
    - `retry_on` / `give_up_on`: classes of exceptions that are worth another attempt, or are not.
    - `timeout`: length of one attempt; then the workflow sees `StepTimeout`. A thread cannot be
      stopped, so a sync step should bring its own timeouts, or use `process=True`.
    - `at_most_once`: if the engine dies while the step runs, do not run it again: the workflow
      sees `Interrupted`. Without it a step runs at least once; `flawless.idempotency_key()` is
      the same in each attempt.
    - `on_interrupt="park"`: as `at_most_once`, but the workflow sees no error: the execution waits
      for a person, who finds out and decides (`flawless resolve`).
    - `process`: run in a worker process, so that heavy or crashing native code cannot hurt the
      engine.

    Durability: the result is durable before the workflow's next visible effect.

    Example::

        @step(retries=3, timeout="30s")
        def charge(card: str, cents: int) -> str: ...
    """
    if isinstance(retries, bool) or not isinstance(retries, int):
        raise UsageError(f"retries is a whole number, 0 for none, not {retries!r}")
    if on_interrupt not in ("raise", "park"):
        raise UsageError(f'on_interrupt is "raise" or "park", not {on_interrupt!r}')
    if on_interrupt == "park" and retries:
        raise UsageError(
            'a step cannot have on_interrupt="park" and retries: a person decides whether it is '
            "tried again; remove one of the two"
        )
    if at_most_once and retries:
        raise UsageError("a step cannot be at_most_once and have retries: remove one of the two")
    options = StepOptions(
        retry=RetryPolicy(
            retries=retries,
            first_s=wait_seconds(backoff, "a backoff"),
            factor=backoff_factor,
            longest_s=max(wait_seconds(backoff_max, "a backoff"), seconds(backoff)),
        ),
        timeout_s=None if timeout is None else wait_seconds(timeout),
        retry_on=_exceptions(retry_on, "retry_on"),
        give_up_on=_exceptions(give_up_on, "give_up_on"),
        at_most_once=at_most_once or on_interrupt == "park",
        process=process,
        on_interrupt=on_interrupt,
    )

    def decorate(target: Callable[P, R]) -> Step[P, R]:
        _expect_function(target, "step")
        made = Step(target, name, options)
        _register.get()[made.name] = made
        return made

    return decorate if function is None else decorate(function)


def find_step(name: str) -> Step[..., Any] | None:
    """Return the step of that name among the modules imported in this process, or None."""
    return _steps.get(name)


def steps() -> list[Step[..., Any]]:
    """Return all steps of the modules imported in this process."""
    return list(_steps.values())


@contextmanager
def steps_apart() -> Iterator[dict[str, Step[..., Any]]]:
    """Give a mapping that gets the steps this thread defines meanwhile; nobody else finds them."""
    apart: dict[str, Step[..., Any]] = {}
    token = _register.set(apart)
    try:
        yield apart
    finally:
        _register.reset(token)


def put_step(name: str, step: Step[..., Any] | None) -> None:
    """Let a name stand for a step, or for none, whatever it stood for."""
    if step is None:
        _steps.pop(name, None)
    else:
        _steps[name] = step


def execution_id() -> str:
    """Return the id of the execution that runs this workflow; outside of one, `UsageError`."""
    raise UsageError("no workflow runs here: execution_id() is for code inside a workflow")


def _exceptions(given: Any, option: str) -> tuple[type[BaseException], ...]:
    classes = given if isinstance(given, tuple) else (given,)
    for one in classes:
        if not (isinstance(one, type) and issubclass(one, BaseException)):
            raise UsageError(
                f"{option} takes a class of exceptions or a tuple of them, not {one!r}"
            )
    return classes


def _name_of(function: Callable[..., Any]) -> str:
    return f"{public_module(function.__module__)}.{function.__qualname__}"


def _expect_function(target: object, kind: str) -> None:
    if not inspect.isfunction(target):
        raise UsageError(f"@{kind} decorates a function, not {target!r}")
    if "<locals>" in target.__qualname__:
        raise UsageError(
            f"@{kind} {target.__qualname__}: define it at the top level of its module, so that it "
            "is found again after a restart"
        )
