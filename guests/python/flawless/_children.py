"""Child executions, and the next run of this one."""

from __future__ import annotations

import inspect
from collections.abc import Generator
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from flawless import _host, _standins, codec
from flawless._conversation import send
from flawless._futures import Future, effect
from flawless._host import session
from flawless._runs import ContinueAsNew
from flawless._signatures import check
from flawless.durations import Duration, wait_seconds
from flawless.errors import InputInvalid, UsageError

if TYPE_CHECKING:
    from flawless._workflows import Workflow

T = TypeVar("T")

_ENDINGS = {"wait": _host.CHILD, "cancel": _host.LEFT, "abandon": _host.LEFT}


class Child(Future[T]):
    """A child execution: a future of its result, with its `id`, to send to it and to cancel it.

    Waiting for a child and the child itself are two things. A task that waits for it and is
    cancelled (by `asyncio.timeout`, say) ends its wait; the child goes on, and can be waited for
    again. Only `cancel` asks the child to end. So asyncio's functions do not take it for one of
    their own futures, which they may cancel, but for something to await.
    """

    __slots__ = ("id",)

    def __init__(
        self,
        workflow: Workflow[..., Any] | _Elsewhere,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        id: str | None,  # noqa: A002 (the word for it)
        parent_close: str,
        deadline: Duration | None,
    ) -> None:
        if parent_close not in _ENDINGS:
            raise UsageError(f'parent_close is "wait", "cancel" or "abandon", not {parent_close!r}')
        if id is not None and not isinstance(id, str):
            raise UsageError(f"the id of a child is a text, not {id!r}")
        call = _host.encode(encoded_call(workflow, args, kwargs))
        if id is None:
            run = "" if session.run == 1 else f"r{session.run}."
            id = f"{session.execution}.{run}{session.effects + 1}"  # noqa: A001 (the word for it)
        body = f'{workflow.head}{call},"child":{_host.encode(id)}'
        if parent_close != "wait":
            body += f',"close":"{parent_close}"'
        if deadline is not None:
            body += f',"deadline_s":{wait_seconds(deadline, "a deadline")!r}'
        super().__init__("execute", body, codec.decode, f"{workflow.name} {id}")
        self.id = id
        self._ending = _ENDINGS[parent_close]
        self._asyncio_future_blocking = None  # to asyncio, an awaitable and no future

    def cancel(self, reason: str = "") -> bool:
        """Ask the child to cancel itself; False when it has ended already.

        `Cancelled` is raised where the child waits. It may clean up, so it ends later, and its
        `result()` is then the error `ExecutionCancelled`.
        """
        if self.done():
            return False
        body = f'"execution":{_host.encode(self.id)}'
        if reason:
            body += f',"reason":{_host.encode(str(reason))}'
        return effect("cancel", body, bool)

    def send(self, name_or_value: Any, payload: Any = None) -> None:
        """Send the child a message, as `flawless.send` does."""
        send(self.id, name_or_value, payload)

    def __await__(self) -> Generator[Any, None, T]:
        if not self.done():
            waiter = self.get_loop().create_future()

            def wake(_: Any) -> None:
                if not waiter.done():
                    waiter.set_result(None)

            self.add_done_callback(wake)
            try:
                yield from waiter
            finally:
                self.remove_done_callback(wake)
        return self.result()

    __iter__ = __await__


class _Elsewhere:
    """A workflow that this module only knows the name of: of a component, say."""

    function = None

    def __init__(self, name: str) -> None:
        self.name = name
        self.head = f'"workflow":{_host.encode(name)},"args":'


def start(
    workflow: str,
    /,
    *args: Any,
    id: str | None = None,  # noqa: A002 (the word for it)
    parent_close: str = "wait",
    deadline: Duration | None = None,
    **kwargs: Any,
) -> Child[Any]:
    """Start a workflow as a child execution, by its name: of this code, or of other that serves."""
    from flawless._workflows import registry

    if not isinstance(workflow, str):
        raise UsageError(f"the name of a workflow is a text, not {workflow!r}")
    found = registry.get(workflow) or _Elsewhere(workflow)
    return Child(found, args, kwargs, id, parent_close, deadline)


def continue_as_new(*args: Any, **kwargs: Any) -> NoReturn:
    """End this run and begin the next one, with these arguments and an empty journal.

    The execution keeps its id, its messages and what it published. What was started is waited for
    first, as at any end of a workflow.
    """
    if session.workflow is None:
        raise UsageError("no workflow runs yet: call continue_as_new inside one")
    again = ContinueAsNew(args, kwargs)
    again.call = encoded_call(session.workflow, args, kwargs)
    raise again


def encoded_call(
    workflow: Workflow[..., Any] | _Elsewhere, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> dict[str, Any]:
    """Return the arguments of a workflow, encoded; raises `InputInvalid` if they do not fit it."""
    _standins.refuse_in((*args, *kwargs.values()))
    if workflow.function is None:
        return codec.encode_call(args, kwargs, path=workflow.name)  # the host knows what it takes
    try:
        check(workflow.function, args, kwargs)
    except TypeError as error:
        raise InputInvalid(f"{workflow.name}: {error}") from None
    try:
        encoded = codec.encode_call(args, kwargs)
    except codec.CodecError:
        # Again, for an error that says which parameter it is.
        names = list(inspect.signature(workflow.function).parameters)
        codec.encode_call(args, kwargs, names=names, path=workflow.name)
        raise
    try:
        with _standins.tolerant():
            codec.decode_call(encoded, workflow.function, strict=True)
    except codec.CodecError as error:
        raise InputInvalid(f"{workflow.name}: {error}", path=error.path) from None
    return encoded
