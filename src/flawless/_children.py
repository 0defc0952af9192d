"""Child executions and next runs, outside of a workflow: a call, and an exception."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, NoReturn, TypeVar

from flawless._futures import Future
from flawless._runs import ContinueAsNew
from flawless.durations import Duration
from flawless.refusals import NotInWorkflow

T = TypeVar("T")
ParentClose = Literal["wait", "cancel", "abandon"]


class Child(Future[T]):
    """A child execution: a future of its result, with its `id`, to send to it and to cancel it.

    Waiting for a child and the child itself are two things. A task that waits for it and is
    cancelled (by `asyncio.timeout`, say) ends its wait; the child goes on, and can be waited for
    again. Only `cancel` asks the child to end.
    """

    id: str

    @classmethod
    def of_workflow(cls, function: Callable[[], Any], label: str, id: str) -> Child[Any]:  # noqa: A002 (the word for it)
        """Run the workflow's function as it is, and return its future."""
        made = cls.__new__(cls)
        made._begin(function, label)
        made.id = id
        return made

    def cancel(self, reason: str = "") -> bool:
        """Ask the child to cancel itself; False when it has ended already.

        `Cancelled` is raised where the child waits. It may clean up, so it ends later, and its
        `result()` is then the error `ExecutionCancelled`.
        """
        return super().cancel()

    def send(self, name_or_value: Any, payload: Any = None) -> None:
        """Send the child a message, as `flawless.send` does."""
        raise NotInWorkflow(
            "no workflow runs here, so nothing receives messages. To test a workflow that sends "
            "some, run it with flawless.testing"
        )


def start(
    workflow: str,
    /,
    *args: Any,
    id: str | None = None,  # noqa: A002 (the word for it)
    parent_close: ParentClose = "wait",
    deadline: Duration | None = None,
    **kwargs: Any,
) -> Child[Any]:
    """Start a workflow as a child execution, by its name, and return a future of its result.

    For workflows that cannot be imported: those of a component, written in Rust, say. One that the
    parent's own deployment has runs on that; any other on the latest deployment that serves it. The
    options are those of `Workflow.start`. Waiting raises `InputInvalid` when the arguments do not
    fit, and `UsageError` when nobody serves such a workflow.

    Durability: the child is started in the same commit that records it in the parent's journal.

    Example::

        total = start("pricing.quote", order).result()
    """
    raise NotInWorkflow(
        "no workflow runs here, so nothing can be started by its name: use Engine.start or a "
        "client. To test a workflow that starts another, run it with flawless.testing"
    )


def continue_as_new(*args: Any, **kwargs: Any) -> NoReturn:
    """End this run and begin the next one, with these arguments and an empty journal.

    The execution keeps its id, its messages and what it published. What was started is waited for
    first, as at any end of a workflow. It ends the function by raising `ContinueAsNew`, which a
    unit test may expect. Raises `InputInvalid` when the arguments do not fit the workflow.

    Durability: the end of this run and the start of the next one are one commit.

    Example::

        @workflow
        def subscription(customer: str, month: int = 0) -> None:
            bill(customer, month)
            sleep(days=30)
            continue_as_new(customer, month + 1)
    """
    raise ContinueAsNew(args, kwargs)
