"""Messages and visible state, as ordinary Python code sees them: outside of a workflow.

The guest's package has a module of the same name that asks the engine. Here nobody sends and nobody
looks, so what waits for a message is refused, and what only shows something does nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, NoReturn, TypeVar, overload

from flawless import codec
from flawless._futures import Future
from flawless._messages import Message
from flawless.durations import Duration
from flawless.refusals import NotInWorkflow

T = TypeVar("T")


class Receive:
    """The type of `flawless.receive`."""

    @overload
    def __call__(self, what: type[T], timeout: Duration | None = None) -> T | None: ...
    @overload
    def __call__(
        self, what: str, timeout: Duration | None = None, *, type: type[T]
    ) -> T | None: ...
    @overload
    def __call__(self, what: str, timeout: Duration | None = None, *, type: Any = None) -> Any: ...
    def __call__(
        self,
        what: Any,
        timeout: Duration | None = None,
        *,
        type: Any = None,  # noqa: A002 (the word for it)
    ) -> Any:
        """Wait for a message and return its payload; None when `timeout` passes.

        `what` is a name, or a class: then the messages named like it, decoded to it. With `type`
        the payload of a named message is decoded to that. Messages are received in the order in
        which they were sent, each once; what nobody has received yet is kept.

        `timeout` is seconds, a timedelta or a text, 100 years at most; with 0 it looks and does not
        wait.

        Durability: one commit takes the message out of the inbox and records it here, so it is
        received exactly once, whenever the process dies.

        A payload that does not decode raises `CodecError`. For use in workflows only. It waits as
        plain code does; `async def` code awaits `receive.start(...)`, so that its tasks go on.

        Example::

            answer = receive("confirm", timeout="3d", type=Confirm)
        """
        _refuse("receive")

    @overload
    def start(self, what: type[T]) -> Future[T]: ...
    @overload
    def start(self, what: str, *, type: type[T]) -> Future[T]: ...
    @overload
    def start(self, what: str, *, type: Any = None) -> Future[Any]: ...
    def start(self, what: Any, *, type: Any = None) -> Future[Any]:  # noqa: A002 (the word for it)
        """Begin to wait for a message and return at once with a future of its payload.

        A future that is cancelled, or never waited for, takes no message.

        Example::

            first = select(receive.start("confirm", type=Confirm), sleep.start(days=3))
        """
        _refuse("receive")

    def __repr__(self) -> str:
        return "<function flawless.receive>"


class Messages:
    """Iterates over messages as they come; in `async def` code with `async for`."""

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        _refuse("messages")

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        _refuse("messages")


class Send:
    """The type of `flawless.send`."""

    def __call__(self, execution_id: str, name_or_value: Any, payload: Any = None) -> None:
        """Send a message: `send(id, "confirm", {...})`, or `send(id, Confirm(...))`.

        It is durable when this returns, and received once. Raises `ExecutionNotFound`,
        `ExecutionEnded`, `InboxFull`, `InputInvalid` when the payload does not fit what the
        receiver declared, `ValueTooLarge`. For use in workflows; elsewhere use `Engine.get(id)` or
        a `Client`.

        Example::

            send(order_id, "confirm", {"by": "ann"})
        """
        _refuse("send")

    def start(self, execution_id: str, name_or_value: Any, payload: Any = None) -> Future[None]:
        """Send a message without waiting for it to be taken."""
        _refuse("send")

    def __repr__(self) -> str:
        return "<function flawless.send>"


receive = Receive()
send = Send()


def messages(*names_or_types: Any, timeout: Duration | None = None) -> Messages:
    """Return an iterator over the messages with these names (or classes); all without any.

    Each is a `Message` with `name`, `payload` and `id`. It ends when `timeout` passes without a
    message. For use in workflows only.

    Example::

        for message in messages("add", "remove", timeout="1h"):
            basket.append(message.payload)
    """
    _refuse("messages")


def publish(value: Any) -> None:
    """Make a value the visible state of this execution, in place of the one before.

    It is durable before anyone sees it, and readable after the end as well. Raises `CodecError`
    and `ValueTooLarge`. Outside of a workflow nobody looks: nothing happens, but that the value is
    checked.

    Example::

        publish({"stage": "packing", "done": 3})   # seen by run.state(), flawless state, HTTP
    """
    codec.encode(value, path="publish.value")


def respond(value: Any) -> None:
    """Answer whoever waits for the response of this execution, which goes on. Once per run.

    It is durable before anyone sees it. A second one in a run is a `UsageError`; else it raises as
    `publish` does. Outside of a workflow nobody waits: nothing happens, but that the value is
    checked.

    Example::

        respond({"accepted": True})   # what `flawless start --wait` prints
    """
    codec.encode(value, path="respond.value")


def _refuse(name: str) -> NoReturn:
    raise NotInWorkflow(
        f"no workflow runs here: {name}() is for code inside a workflow. To test a workflow that "
        "uses it, run it with flawless.testing"
    )
