"""Requests as a guest writes them, and a machine to try them on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from flawless.core import responses
from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.entries import FORMAT, Entry, Invoked
from flawless.core.inbox import Message
from flawless.core.interruption import WhenInterrupted
from flawless.core.limits import Limits
from flawless.core.machine import Machine, NewEntries, Perform
from flawless.core.protocol import EffectRequest, ExecuteRequest, HttpRequest, Question

BEGAN_US = 1_700_000_000_000_000
SEED = bytes(range(32))


def when_interrupted(request: EffectRequest) -> WhenInterrupted:
    """Steps named `*.once` and POST requests happen at most once; `*.ask` ones park."""
    name = getattr(request, "name", "")
    if isinstance(request, HttpRequest):
        once = not request.idempotent and request.method == "POST"
    else:
        once = name.endswith((".once", ".ask"))
    if not once:
        return WhenInterrupted.REPEAT
    return WhenInterrupted.PARK if name.endswith(".ask") else WhenInterrupted.RAISE


def may_repeat(request: EffectRequest) -> bool:
    """Whether an effect may be performed a second time."""
    return when_interrupted(request) is WhenInterrupted.REPEAT


def answers(question: Question) -> bytes:
    """Answer questions for code."""
    return json.dumps({"kind": "missing", "name": question.name}).encode()


class NewMachine(Machine):
    """A machine whose entry 0 is not durable yet: its first chunk begins with it."""

    _created = False

    @property
    def dirty(self) -> bool:
        """Whether entries wait to be made durable."""
        return not self._created or super().dirty

    def take_chunk(self) -> NewEntries | None:
        """Return the entries to append to the store, once."""
        if self._created:
            return super().take_chunk()
        self._created = True
        later = super().take_chunk() or NewEntries(1, 0, b"")
        data = encode_entry(0, self.invoked) + later.data
        return replace(later, first_seq=0, count=later.count + 1, data=data)


def create(
    now_us: int = BEGAN_US,
    *,
    run: int = 1,
    deadline: int | None = None,
    depth: int = 0,
    **limits: Any,
) -> Machine:
    """Return the machine of a new execution."""
    first = Invoked(FORMAT, "app.checkout", "d1", now_us, SEED, b'{"a":[1],"k":{}}', run, deadline)
    return NewMachine(
        "order-1",
        [first],
        limits=Limits(**limits),
        when_interrupted=when_interrupted,
        answers=answers,
        bytes_recorded=len(encode_entry(0, first)),
        depth=depth,
    )


def _refuses(workflows: list[str]) -> Callable[[ExecuteRequest], bytes | None]:
    def refuses(request: ExecuteRequest) -> bytes | None:
        known = request.workflow in workflows
        return None if known else responses.no_such_workflow(request.workflow)

    return refuses


def rebuild(
    entries: list[Entry],
    *,
    in_flight: set[int] | None = None,
    bytes_recorded: int = 0,
    depth: int = 0,
    workflows: list[str] | None = None,
    execution: str = "order-1",
    **limits: Any,
) -> Machine:
    """Return a machine that goes on from recorded entries."""
    return Machine(
        execution,
        list(entries),
        limits=Limits(**limits),
        when_interrupted=when_interrupted,
        answers=answers,
        in_flight=in_flight or (),
        bytes_recorded=bytes_recorded,
        depth=depth,
        refuses=None if workflows is None else _refuses(workflows),
    )


def decode(chunk: NewEntries | None) -> list[Entry]:
    """Return the entries of a chunk."""
    assert chunk is not None
    return decode_entries("order-1", chunk.first_seq, chunk.data, chunk.count)


def ask(**fields: Any) -> bytes:
    """Return the bytes of a request."""
    return json.dumps(fields, separators=(",", ":")).encode()


def step(effect: int, name: str = "app.charge", *, start: bool = False, arg: Any = 1) -> bytes:
    """Return a step request."""
    extra = {"start": True} if start else {}
    return ask(op="step", id=effect, name=name, args={"a": [arg], "k": {}}, **extra)


def http(effect: int, method: str = "GET", *, start: bool = False, **fields: Any) -> bytes:
    """Return an HTTP request."""
    extra = {"start": True} if start else {}
    return ask(
        op="http", id=effect, method=method, url="http://shop/items?key=1", **fields, **extra
    )


def sleep(effect: int, seconds: float, *, start: bool = False) -> bytes:
    """Return a sleep or timer request."""
    extra = {"start": True} if start else {}
    return ask(op="sleep", id=effect, seconds=seconds, **extra)


def wait(until: int | None = None, *, poll: bool = False) -> bytes:
    """Return a request for the next completion."""
    return ask(op="next", until=until, poll=poll)


def drop(effect: int) -> bytes:
    """Return a request to give up a started effect."""
    return ask(op="drop", id=effect)


def log(message: str = "hello") -> bytes:
    """Return a log request."""
    return ask(op="log", level=20, logger="app", message=message)


def after(seconds: float) -> int:
    """Return a time in microseconds since the epoch, counted from the beginning."""
    return BEGAN_US + round(seconds * 1_000_000)


def read(response: bytes | None) -> Any:
    """Return a response as Python data."""
    assert response is not None
    return json.loads(response)


def effects(machine: Machine) -> list[int]:
    """Return the effects to perform; there is nothing to cancel."""
    actions = machine.take_actions()
    assert all(isinstance(action, Perform) for action in actions)
    return [action.effect for action in actions]


def receive(effect: int, *names: str) -> bytes:
    """Return a request to wait for a message; without names, for any."""
    return ask(op="receive", id=effect, names=list(names), start=True)


def child(effect: int, name: str = "order-1.ship", **fields: Any) -> bytes:
    """Return a request to start a child."""
    args = {"a": [1], "k": {}}
    return ask(
        op="execute", id=effect, workflow="app.ship", args=args, child=name, start=True, **fields
    )


def send(effect: int, *, start: bool = False, payload: Any = 1) -> bytes:
    """Return a request to send a message to another execution."""
    extra = {"start": True} if start else {}
    return ask(op="send", id=effect, to="order-2", name="confirm", payload=payload, **extra)


def cancel(effect: int, *, start: bool = False) -> bytes:
    """Return a request to cancel another execution."""
    extra = {"start": True} if start else {}
    return ask(op="cancel", id=effect, execution="order-2", reason="enough", **extra)


def park(effect: int, label: str = "undo app.refund") -> bytes:
    """Return a request for a person's decision."""
    return ask(op="park", id=effect, label=label)


def publish(value: Any) -> bytes:
    """Return a request to set the visible state."""
    return ask(op="publish", value=value)


def respond(value: Any) -> bytes:
    """Return a request to answer the caller."""
    return ask(op="respond", value=value)


def message(
    number: int, name: str = "confirm", payload: Any = None, id_: str | None = None
) -> Message:
    """Return a message as it comes from the inbox."""
    return Message(number, name, json.dumps(payload).encode(), id_)
