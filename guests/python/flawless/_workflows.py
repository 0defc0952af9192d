"""Workflows: the functions that run here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, TypeVar, overload

from flawless import _host, _messages, _standins
from flawless._children import Child
from flawless._names import name_of
from flawless.durations import Duration, wait_seconds
from flawless.errors import UsageError

P = ParamSpec("P")
R = TypeVar("R")

registry: dict[str, Workflow[..., Any]] = {}


class Workflow(Generic[P, R]):
    """A function that the engine runs to completion. Called by another workflow it is just that."""

    def __init__(
        self,
        function: Callable[P, R],
        name: str | None,
        messages: dict[str, Any],
        deadline_s: float | None,
    ) -> None:
        self.function = function
        self.name = name or name_of(function)
        self.is_async = inspect.iscoroutinefunction(function)
        self.messages = messages
        self.deadline_s = deadline_s
        self.head = f'"workflow":{_host.encode(self.name)},"args":'
        update_wrapper(self, function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self.function(*args, **kwargs)

    def start(
        self,
        *args: Any,
        id: str | None = None,  # noqa: A002 (the word for it)
        parent_close: str = "wait",
        deadline: Duration | None = None,
        **kwargs: Any,
    ) -> Child[Any]:
        """Start the workflow as a child execution and return at once with its future."""
        return Child(self, args, kwargs, id, parent_close, deadline)

    def __repr__(self) -> str:
        return f"<workflow {self.name}>"


@overload
def workflow(function: Callable[P, R], /) -> Workflow[P, R]: ...
@overload
def workflow(
    *,
    name: str | None = None,
    messages: Mapping[str, Any] | Iterable[type] | None = None,
    deadline: Duration | None = None,
    **options: Any,
) -> Callable[[Callable[P, R]], Workflow[P, R]]: ...
def workflow(
    function: Callable[P, R] | None = None,
    /,
    *,
    name: str | None = None,
    messages: Mapping[str, Any] | Iterable[type] | None = None,
    deadline: Duration | None = None,
    **options: Any,
) -> Workflow[P, R] | Callable[[Callable[P, R]], Workflow[P, R]]:
    """Make a function (sync or async) a workflow, named `module.function` or `name`.

    `messages` declares the types of messages by name, `deadline` how long an execution may take.
    """
    with _standins.tolerant():
        declared = _messages.declared(messages)
    deadline_s = None if deadline is None else wait_seconds(deadline, "a deadline")

    def decorate(target: Callable[P, R]) -> Workflow[P, R]:
        made = Workflow(target, name, declared, deadline_s)
        other = registry.get(made.name)
        if other is not None and other.function.__code__ is not made.function.__code__:
            raise UsageError(
                f"two workflows are named {made.name!r}: give one of them another name with "
                "@workflow(name=...)"
            )
        registry[made.name] = made
        return made

    return decorate if function is None else decorate(function)
