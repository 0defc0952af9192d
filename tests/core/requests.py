"""Requests as a guest writes them, and a machine to try them on."""

from __future__ import annotations

import json
from typing import Any

from flawless.core.encoding import decode_entries
from flawless.core.entries import Entry
from flawless.core.limits import Limits
from flawless.core.machine import Machine, NewEntries, Perform
from flawless.core.protocol import EffectRequest, HttpRequest, LoadRequest, SourceRequest

BEGAN_US = 1_700_000_000_000_000
SEED = bytes(range(32))


def may_repeat(request: EffectRequest) -> bool:
    """Steps named `*.once` and POST requests happen at most once."""
    if isinstance(request, HttpRequest):
        return request.idempotent or request.method != "POST"
    return not getattr(request, "name", "").endswith(".once")


def modules(request: LoadRequest | SourceRequest) -> bytes:
    """Answer questions for code."""
    return json.dumps({"kind": "missing", "name": request.name}).encode()


def create(now_us: int = BEGAN_US, **limits: Any) -> Machine:
    """Return the machine of a new execution."""
    return Machine.create(
        "order-1",
        workflow="app.checkout",
        deployment="d1",
        input=b'{"a":[1],"k":{}}',
        seed=SEED,
        now_us=now_us,
        limits=Limits(**limits),
        may_repeat=may_repeat,
        modules=modules,
    )


def rebuild(
    entries: list[Entry],
    *,
    in_flight: set[int] | None = None,
    bytes_recorded: int = 0,
    **limits: Any,
) -> Machine:
    """Return a machine that goes on from recorded entries."""
    return Machine(
        "order-1",
        list(entries),
        limits=Limits(**limits),
        may_repeat=may_repeat,
        modules=modules,
        in_flight=in_flight or (),
        bytes_recorded=bytes_recorded,
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
