"""Messages to and from this execution, and what it shows of itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

from flawless import _host, _messages, _standins, codec
from flawless._failures import from_engine
from flawless._futures import Future, effect
from flawless._host import session
from flawless._messages import Message
from flawless.durations import Duration, wait_seconds
from flawless.errors import UsageError


class Receive:
    """The type of `flawless.receive`."""

    def __call__(self, what: Any, timeout: Duration | None = None, *, type: Any = None) -> Any:  # noqa: A002 (the word for it)
        """Wait for a message and return its payload; None when `timeout` passes.

        `what` is a name, or a class: then the messages named like it, decoded to it. With `type`
        the payload of a named message is decoded to that.
        """
        names = _selected((what,), type)
        if timeout is not None:
            wait_seconds(timeout)
        message = _wait(names, timeout)
        return None if message is None else message.payload

    def start(self, what: Any, *, type: Any = None) -> Future[Any]:  # noqa: A002 (the word for it)
        """Begin to wait for a message and return at once with a future of its payload."""
        names = _selected((what,), type)
        return _start(names, lambda arrived: _message(arrived, names).payload)

    def __repr__(self) -> str:
        return "<function flawless.receive>"


class Messages:
    """Iterates over messages as they come; in `async def` code with `async for`."""

    def __init__(self, names: dict[str, Any], timeout: Duration | None) -> None:
        self._names = names
        self._timeout = timeout

    def __iter__(self) -> Iterator[Message]:
        return self

    def __next__(self) -> Message:
        message = _wait(self._names, self._timeout)
        if message is None:
            raise StopIteration
        return message

    def __aiter__(self) -> AsyncIterator[Message]:
        return self

    async def __anext__(self) -> Message:
        if self._timeout is not None and not wait_seconds(self._timeout):
            try:
                return next(self)  # to see what is there takes no time; `wait_for` would not look
            except StopIteration:
                raise StopAsyncIteration from None
        future = _start(self._names, lambda arrived: _message(arrived, self._names))
        timeout_s = None if self._timeout is None else wait_seconds(self._timeout)
        try:
            return await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            if not future.cancelled():
                raise
            raise StopAsyncIteration from None


class Send:
    """The type of `flawless.send`."""

    def __call__(self, execution_id: str, name_or_value: Any, payload: Any = None) -> None:
        """Send a message: `send(id, "confirm", {...})`, or `send(id, Confirm(...))`.

        It is durable when this returns. Raises `ExecutionNotFound`, `ExecutionEnded`, `InboxFull`,
        `InputInvalid` when the payload does not fit what the receiver declared, `ValueTooLarge`.
        """
        effect("send", _send_body(execution_id, name_or_value, payload), _nothing)

    def start(self, execution_id: str, name_or_value: Any, payload: Any = None) -> Future[None]:
        """Send a message without waiting for it to be taken."""
        body = _send_body(execution_id, name_or_value, payload)
        return Future("send", body, _nothing, f"send to {execution_id}")

    def __repr__(self) -> str:
        return "<function flawless.send>"


receive = Receive()
send = Send()


def messages(*names_or_types: Any, timeout: Duration | None = None) -> Messages:
    """Return an iterator over the messages with these names (or classes); all without any.

    Each is a `Message` with `name`, `payload` and `id`. It ends when `timeout` passes without a
    message.
    """
    names = _selected(names_or_types, None)
    if timeout is not None:
        wait_seconds(timeout)
    return Messages(names, timeout)


def publish(value: Any) -> None:
    """Make a value the visible state of this execution, in place of the one before.

    It is durable before anyone sees it.
    """
    _show("publish", value)


def respond(value: Any) -> None:
    """Answer whoever waits for the response of this execution, which goes on. Once per run."""
    if session.responded:
        raise UsageError("the workflow has responded already: publish(...) what changes later")
    _show("respond", value)
    session.responded = True


def _show(op: str, value: Any) -> None:
    encoded = codec.encode(value, path=f"{op}.value")
    answer = _host.tell(op, f'"value":{_host.encode(encoded)}')
    if "error" in answer:
        raise from_engine(answer["error"])


def _selected(names_or_types: tuple[Any, ...], of_type: Any) -> dict[str, Any]:
    """Return the types by name; where none is given, what the workflow declares."""
    _standins.refuse_in((*names_or_types, of_type))
    asked = [_messages.selection(what, of_type, "receive") for what in names_or_types]
    declared = {} if session.workflow is None else session.workflow.messages
    return {name: declared.get(name, Any) if kind is None else kind for name, kind in asked}


def _start(names: dict[str, Any], convert: Any) -> Future[Any]:
    shown = ", ".join(names) or "any message"
    return Future("receive", f'"names":{_host.encode(list(names))}', convert, f"receive {shown}")


def _wait(names: dict[str, Any], timeout: Duration | None) -> Message | None:
    future: Future[Message] = _start(names, lambda arrived: _message(arrived, names))
    try:
        future._wait(timeout)
    except TimeoutError:
        future.cancel()
        return None
    except BaseException:  # Cancelled: the clean-up may receive the message
        future.cancel()
        raise
    return future.result()


def _message(arrived: dict[str, Any], names: dict[str, Any]) -> Message:
    name = arrived["name"]
    kind = names.get(name)
    if kind is None:  # any message
        declared = {} if session.workflow is None else session.workflow.messages
        kind = declared.get(name, Any)
    return Message(name, codec.decode(arrived["payload"], kind, path=name), arrived.get("id"))


def _send_body(execution_id: str, name_or_value: Any, payload: Any) -> str:
    if not isinstance(execution_id, str):
        raise UsageError(f"send takes an execution's id, a text, not {execution_id!r}")
    name, value = _messages.named_value(name_or_value, payload)
    _standins.refuse_in((value,))
    encoded = codec.encode(value, path=name)
    return (
        f'"to":{_host.encode(execution_id)},"name":{_host.encode(name)},'
        f'"payload":{_host.encode(encoded)}'
    )


def _nothing(_: Any) -> None:
    return None
