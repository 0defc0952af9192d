"""Streams of server-sent events, through lost connections, until they end or are left."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias, TypeVar

import httpx
import msgspec

from flawless import api
from flawless.client.answers import AnswerBroken
from flawless.client.call import Call, get, path_of
from flawless.client.execution_calls import filters
from flawless.client.parsing import EventParser, RawEvent
from flawless.client.plans import Connect, Give, Item, Lost, Read, Refused, Series

T = TypeVar("T")

Part: TypeAlias = Literal["execution", "state", "journal", "logs"]
RECONNECT_S: Final = 1.0
"""The first pause between two connections, unless the server names another."""

Data: TypeAlias = api.ExecutionDetail | api.State | api.JournalEvent | api.LogsEvent | api.Outcome
_DATA: Final[dict[str, Any]] = {
    "execution": api.ExecutionDetail,
    "state": api.State,
    "journal": api.JournalEvent,
    "logs": api.LogsEvent,
    "end": api.Outcome,
}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to an execution.

    `data` is an `ExecutionDetail` (type `execution`), `State` (`state`), `JournalEvent`
    (`journal`), `LogsEvent` (`logs`) or `Outcome` (`end`, the last one). With `id` as
    `last_event_id`, a later stream goes on behind it.
    """

    type: str
    data: Data
    id: str


@dataclass(frozen=True, slots=True)
class Changes:
    """Executions that have changed, as they are now.

    `reset`: there may have been changes that are not told: list what you need anew. The first one
    says so, and then all that follow are told.
    """

    executions: list[api.Execution] = field(default_factory=list)
    reset: bool = False


def events(
    id: str,  # noqa: A002 (the word of the API)
    *,
    include: Sequence[Part] = ("execution", "state"),
    last_event_id: str = "",
) -> Series[Event]:
    """Yield what happens to an execution, from how it stands now until it has ended.

    `include` names what is told: `execution` (its document whenever it changed), `state` (what it
    published; the latest, where several came quickly), `journal` and `logs` (all of them, in
    batches). Lost connections are made again, and nothing is lost with them; who is away for longer
    than the client's `retry_s` hears `ServerUnreachable`. Raises `ExecutionNotFound`.
    """
    call = get(path_of(id, "/events"), api.Outcome, ("include", ",".join(include)))
    return _stream(call, _event, last_event_id)


def watch(id: str) -> Series[api.State]:  # noqa: A002 (the word of the API)
    """Yield what the workflow publishes: now, and at each change, until the execution has ended.

    Where several states follow each other quickly, the latest counts. Else as `events`.
    """
    call = get(path_of(id, "/events"), api.Outcome, ("include", "state"))
    return _stream(call, _published)


def changes(
    *,
    workflow: str | None = None,
    prefix: str = "",
    created_after: datetime | None = None,
    created_before: datetime | None = None,
    attributes: dict[str, str] | None = None,
) -> Series[Changes]:
    """Yield executions that change, a few batches a second, for ever. Else as `events`."""
    query = filters(workflow, prefix, created_after, created_before, attributes)
    return _stream(get("/events", api.ChangesEvent, *query), _change)


def _stream(
    call: Call[Any], read: Callable[[RawEvent], Item | None], last_id: str = ""
) -> Series[Item]:
    """Give what `read` makes of each event, over as many connections as it takes."""
    heard_at = time.monotonic()
    tries = 0
    while True:
        parser = EventParser(last_id)
        error: Exception | None = None
        try:
            if not (yield Connect(call, last_id)):
                return
            while (piece := (yield Read())) is not None:
                tries = 0
                for event in parser.push(piece):
                    item = read(event)
                    if item is not None:
                        yield Give(item)
                    last_id = event.id
                    if event.type == "end":
                        return
                last_id = parser.last_id
                heard_at = time.monotonic()
        except (httpx.RequestError, AnswerBroken, Refused) as problem:
            error = problem
        yield Lost(error, tries, heard_at, parser.retry_s or RECONNECT_S)
        tries += 1


def _event(event: RawEvent) -> Event | None:
    type_ = _DATA.get(event.type)  # other types are of newer servers
    return None if type_ is None else Event(event.type, _decoded(event, type_), event.id)


def _published(event: RawEvent) -> api.State | None:
    if event.type != "state":
        return None
    state = _decoded(event, api.State)
    return None if state.version is None else state


def _change(event: RawEvent) -> Changes | None:
    if event.type == "reset":
        return Changes(reset=True)
    return (
        Changes(_decoded(event, api.ChangesEvent).executions) if event.type == "changes" else None
    )


def _decoded(event: RawEvent, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(event.data, type=type_)
    except msgspec.DecodeError as error:
        raise AnswerBroken(
            f"the event {event.id} of type {event.type} is garbled: {error}"
        ) from error
