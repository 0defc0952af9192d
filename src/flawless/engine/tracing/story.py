"""What a journal tells: one run of an execution as spans, entry by entry."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import msgspec

from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    Cancelled,
    CancelObserved,
    Completed,
    Continued,
    Dropped,
    End,
    Entered,
    Entry,
    Failed,
    Invoked,
    Observed,
    Parked,
    Polled,
    Resolved,
    Retried,
    Slept,
    Started,
)
from flawless.engine.tracing.identity import Place, RunIdentity
from flawless.engine.tracing.labels import KIND_DECISION, kind_of_label

Attributes = dict[str, str | int | bool]

EVENTS_MAX: Final = 50
"""Events of one span; further ones are left out."""

_STATUS: Final[dict[type, str]] = {
    Completed: "completed",
    Failed: "failed",
    Cancelled: "cancelled",
    Continued: "continued",
}


@dataclass(frozen=True, slots=True)
class Event:
    """A moment within a span."""

    at_us: int
    name: str
    attributes: Attributes = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Told:
    """A span that is over."""

    place: Place
    parent: Place | None
    kind: str
    label: str
    began_us: int
    ended_us: int
    attributes: Attributes
    error: str | None = None
    """The type of the error it ended with."""
    events: tuple[Event, ...] = ()
    links: tuple[Place, ...] = ()


@dataclass(slots=True)
class _Open:
    """An effect that has begun and not ended."""

    label: str
    kind: str
    began_us: int
    position: int
    until: int | None = None
    events: list[Event] = field(default_factory=list)


class _Error(msgspec.Struct):
    type: str = "Error"
    module: str = ""


class _Response(msgspec.Struct):
    status: int


_error = msgspec.json.Decoder(_Error)
_response = msgspec.json.Decoder(_Response)


class Story:
    """One run, as far as it is known. `position` is that of the next entry to come."""

    def __init__(
        self,
        execution: str,
        invoked: Invoked,
        ids: RunIdentity,
        *,
        links: tuple[Place, ...] = (),
    ) -> None:
        self.position = 0
        self.ids = ids
        self._began_us, self._segment_us = invoked.began_us, invoked.own_us
        self._links = links
        self._about: Attributes = {
            "flawless.execution": execution,
            "flawless.run": invoked.run,
            "flawless.workflow": invoked.workflow,
        }
        self._deployment = invoked.deployment
        self._open: dict[int, _Open] = {}
        self._ended: Counter[int] = Counter()
        self._sleeping: tuple[Place, int, int, int] | None = None
        self._retries = 0
        self._latest_us = invoked.began_us

    # --- what the engine says -----------------------------------------------------------------

    def begins(self, effect: int, label: str, kind: str, now_us: int) -> Place:
        """An effect is about to be performed; return the place of its span."""
        if effect not in self._open:
            self._open[effect] = _Open(label, kind, now_us, self.position)
        return self.ids.effect(effect, self._ended[effect])

    def take(self, entry: Entry) -> Iterator[Told]:
        """Take the next entry; return the spans that it ends."""
        position, at_us = self.position, self._began_us + entry.at
        self.position += 1
        yield from self._wake(entry, at_us)
        match entry:
            case Entered() | Started():
                kind = kind_of_label(entry.label)
                until = entry.until if isinstance(entry, Started) else None
                self._open[entry.effect] = _Open(entry.label, kind, at_us, position, until)
            case Slept(effect=effect, until=until):
                place = self.ids.effect(effect, self._ended[effect])
                self._sleeping = (place, effect, at_us, self._began_us + until)
            case Polled(until=until):
                self._sleeping = (self.ids.poll(position), 0, at_us, self._began_us + until)
            case Parked():
                begun = self._open.get(entry.effect)
                if begun is None:
                    begun = _Open(entry.label, KIND_DECISION, at_us, position)
                    self._open[entry.effect] = begun
                begun.events.append(Event(at_us, "parked"))
            case Called() | Observed() | Arrived() | Resolved():
                yield from self._outcome(entry, at_us)
            case Dropped() | CancelObserved():
                how = "dropped" if isinstance(entry, Dropped) else "cancelled"
                yield from self._given_up(entry.effect, at_us, how)
            case Retried():
                self._retries += 1
                self._segment_us = at_us
                for effect in [e for e, one in self._open.items() if one.position >= entry.resume]:
                    del self._open[effect]
            case Completed() | Failed() | Cancelled() | Continued():
                for effect in [*self._open]:
                    yield from self._given_up(effect, at_us, "dropped")
                yield self._end(entry, at_us)
            case _:
                pass
        self._latest_us = at_us

    # --- inside -------------------------------------------------------------------------------

    def _wake(self, entry: Entry, at_us: int) -> Iterator[Told]:
        """Tell of a sleep that must be over when this entry is written."""
        if self._sleeping is None:
            return
        place, effect, began_us, until_us = self._sleeping
        over = at_us >= until_us or isinstance(entry, CancelObserved | End)
        if not over:
            return
        self._sleeping = None
        self._ended[effect] += 1
        about: Attributes = {"flawless.effect": effect} if effect else {}
        yield self._told(place, "sleep", "sleep", began_us, min(at_us, until_us), about)

    def _outcome(self, entry: Called | Observed | Arrived | Resolved, at_us: int) -> Iterator[Told]:
        if entry.payload is None:
            return  # another entry has the outcome; or it is performed again
        effect = entry.effect
        begun = self._open.pop(effect, None)
        if begun is None and isinstance(entry, Called):
            begun = _Open(entry.label, kind_of_label(entry.label), self._latest_us, self.position)
        if begun is None:
            return  # given up before
        about: Attributes = {"flawless.effect": effect}
        attempts: list[Attempt] = []
        if isinstance(entry, Resolved):
            about["flawless.decided"] = True
        else:
            attempts = entry.attempts
        if begun.kind == "http" and not entry.failed:
            about |= _status_code(entry.payload)
        began_us, ended_us = begun.began_us, at_us
        for n, attempt in enumerate(attempts, 1):
            failed_us = self._began_us + attempt.at
            began_us = min(began_us, failed_us)
            what: Attributes = {"flawless.attempt": n, "error.type": attempt.type}
            begun.events.append(Event(failed_us, "attempt failed", what))
        if begun.until is not None:
            ended_us = max(began_us, min(at_us, self._began_us + begun.until))
        place = self.ids.effect(effect, self._ended[effect])
        self._ended[effect] += 1
        error = error_type(entry.payload) if entry.failed else None
        yield self._told(
            place,
            begun.kind,
            begun.label,
            began_us,
            ended_us,
            about,
            error=error,
            events=tuple(begun.events[:EVENTS_MAX]),
        )

    def _given_up(self, effect: int, at_us: int, how: str) -> Iterator[Told]:
        begun = self._open.pop(effect, None)
        if begun is None:
            return
        place = self.ids.effect(effect, self._ended[effect])
        self._ended[effect] += 1
        about: Attributes = {"flawless.effect": effect, "flawless.given_up": how}
        events = tuple(begun.events[:EVENTS_MAX])
        yield self._told(
            place, begun.kind, begun.label, begun.began_us, at_us, about, events=events
        )

    def _end(self, entry: End, at_us: int) -> Told:
        """Return the span of the run, or of what followed a retry."""
        number = self._retries
        about: Attributes = {
            **self._about,
            "flawless.deployment": self._deployment,
            "flawless.status": _STATUS[type(entry)],
        }
        if number:
            about["flawless.retry"] = number
        return Told(
            self.ids.retry(number),
            self.ids.root if number else None,
            "retry" if number else "execution",
            str(self._about["flawless.workflow"]),
            self._segment_us,
            max(at_us, self._segment_us),
            about,
            error=error_type(entry.payload) if isinstance(entry, Failed) else None,
            links=() if number else self._links,
        )

    def _told(
        self,
        place: Place,
        kind: str,
        label: str,
        began_us: int,
        ended_us: int,
        about: Attributes,
        *,
        error: str | None = None,
        events: tuple[Event, ...] = (),
    ) -> Told:
        return Told(
            place,
            self.ids.retry(self._retries),
            kind,
            label,
            began_us,
            max(began_us, ended_us),
            self._about | {"flawless.kind": kind, "flawless.label": label} | about,
            error,
            events,
        )


def error_type(payload: bytes) -> str:
    """Return the class of an error as people write it, never its message."""
    try:
        error = _error.decode(payload)
    except msgspec.MsgspecError:
        return "Error"
    return f"{error.module}.{error.type}".removeprefix("builtins.").strip(".")


def _status_code(payload: bytes) -> Attributes:
    try:
        return {"http.response.status_code": _response.decode(payload).status}
    except msgspec.MsgspecError:
        return {}
