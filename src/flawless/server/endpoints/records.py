"""Executions and how they ended, as documents."""

from __future__ import annotations

from typing import Any, Final

from flawless import api, codec
from flawless.core.entries import Origin
from flawless.core.status import Status
from flawless.engine.control import ParkedEffect
from flawless.engine.replay_log import Replay
from flawless.engine.waiters import End
from flawless.stores.base import Record, Visible

_CODE: Final = frozenset({"traceback", "frames"})
"""What an error shows of the workflow's code."""


def execution(record: Record) -> api.Execution:
    """Return what lists show of an execution."""
    parent = record.parent
    return api.Execution(
        record.id,
        record.workflow,
        record.deployment,
        record.status.value,
        api.timestamp(record.created_us),
        api.timestamp(record.updated_us),
        None if record.wake_us is None else api.timestamp(record.wake_us),
        record.run,
        None if parent is None else api.Parent(parent.id, parent.run, parent.effect, parent.close),
        attributes=record.attributes,
        start_at=api.timestamp(record.began_us) if record.is_delayed else None,
    )


def forked_from(origin: Origin | None) -> api.ForkedFrom | None:
    """Return where a fork comes from."""
    return None if origin is None else api.ForkedFrom(origin.execution, origin.run, origin.entries)


def parked(effects: list[ParkedEffect]) -> list[api.ParkedEffect]:
    """Return effects that wait for a decision."""
    return [
        api.ParkedEffect(one.effect, one.label, api.timestamp(one.at_us), one.asked)
        for one in effects
    ]


def in_flight(effects: list[dict[str, Any]]) -> list[api.InFlight]:
    """Return effects that are under way in the engine, with the tries that failed."""
    return [
        api.InFlight(
            one["effect"],
            one["label"],
            api.timestamp(one["began_us"]),
            [
                api.Attempt(
                    api.timestamp(attempt["at_us"]),
                    attempt["type"],
                    attempt["message"],
                    attempt["pause_us"],
                )
                for attempt in one["attempts"]
            ],
        )
        for one in effects
    ]


def replays(found: list[Replay]) -> list[api.Replay]:
    """Return the replays of an execution in this process."""
    return [
        api.Replay(api.timestamp(one.at_us), one.reason, one.entries, one.took_us) for one in found
    ]


def ending(end: End | None, *, whole: bool = True) -> dict[str, Any]:
    """Return the fields that tell how an execution ended: `result` or `error`, or none yet.

    The error has no traceback unless it is to be shown as a `whole`. An earlier run that ended with
    the input of the next one has that as `continued`.
    """
    if end is None:
        return {}
    if end.continued:
        return {"continued": call(end.payload)}
    if end.status is Status.COMPLETED:
        return {"result": value(end.payload, "result")}
    found = error(end.payload)
    return {"error": found if whole else {k: v for k, v in found.items() if k not in _CODE}}


def response(came: Visible | End | None, *, whole: bool = True) -> dict[str, Any]:
    """Return the fields of what came first: the `response`, or the end without one."""
    if isinstance(came, Visible):
        return {"response": value(came.value, "response")}
    return ending(came, whole=whole)


def value(payload: bytes, path: str) -> Any:
    """Return an encoded value as plain JSON."""
    return codec.plain(codec.read(payload, path=path))


def call(payload: bytes) -> dict[str, Any]:
    """Return a workflow's arguments; `codec.encode_call` names them `a` and `k`."""
    content = codec.read(payload, path="input")
    return {"args": codec.plain(content["a"]), "kwargs": codec.plain(content["k"])}


def error(payload: bytes) -> dict[str, Any]:
    """Return an error object of the protocol for people: type, module, message, traceback."""
    content = codec.read(payload, path="error")
    if not isinstance(content, dict):
        return {"type": "Error", "message": str(content)}
    return {name: codec.plain(item) for name, item in content.items() if name != "value"}
