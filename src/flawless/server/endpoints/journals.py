"""Journals as JSON, one page at a time: only the entries asked for are decoded."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any, Final, assert_never

import msgspec

from flawless import api
from flawless.core.encoding import decode_entries
from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Dropped,
    Elapsed,
    Entered,
    Entry,
    Failed,
    Invoked,
    Logged,
    Observed,
    Origin,
    Parked,
    Polled,
    Published,
    Repeated,
    Resolved,
    Responded,
    Retried,
    Slept,
    Started,
)
from flawless.engine.service import Service
from flawless.server.endpoints import records
from flawless.stores.base import Record

PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""A page ends when the encoded entries on it exceed this, however many were asked for."""
TURN_ENTRIES: Final = 200
"""Entries that are read, and written, before others have their turn on the loop."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive entries of the journal of a run, which began at `began_us`."""

    run: int
    began_us: int
    first: int
    entries: list[Entry]
    length: int

    @property
    def next(self) -> int | None:
        """The position behind the stretch, or None at the journal's present end."""
        end = self.first + len(self.entries)
        return end if end < self.length else None

    def at(self, entry: Entry | Attempt) -> str:
        """Return an entry's moment as RFC 3339."""
        return api.timestamp(self.began_us + entry.at)


async def journal(service: Service, execution: str, first: int, limit: int) -> api.JournalPage:
    """Return entries as JSON objects; raises `ExecutionNotFound` and `JournalDamaged`."""
    stretch = await read(service, execution, first, limit)
    documents = await entries_of(stretch)
    return api.JournalPage(documents, stretch.length, stretch.next, stretch.run)


async def logs(service: Service, execution: str, first: int, limit: int) -> api.LogPage:
    """Return the messages among the entries of a stretch; errors as for `journal`."""
    stretch = await read(service, execution, first, limit)
    return api.LogPage(lines_of(stretch), stretch.length, stretch.next, stretch.run)


async def entries_of(stretch: Stretch, position: int = 0) -> list[dict[str, Any]]:
    """Return the entries of a stretch as JSON objects, those from `position` on."""
    documents: list[dict[str, Any]] = []
    for place, entry in enumerate(stretch.entries, stretch.first):
        if place < position:
            continue
        if len(documents) % TURN_ENTRIES == TURN_ENTRIES - 1:
            await asyncio.sleep(0)
        documents.append(_document(stretch, place, entry))
    return documents


def lines_of(stretch: Stretch, position: int = 0) -> list[api.LogLine]:
    """Return the messages among the entries of a stretch, those from `position` on."""
    return [
        api.LogLine(
            place,
            stretch.at(entry),
            entry.at,
            entry.level,
            logging.getLevelName(entry.level),
            entry.logger,
            entry.message,
        )
        for place, entry in enumerate(stretch.entries, stretch.first)
        if place >= position and isinstance(entry, Logged)
    ]


async def read(
    service: Service, execution: str, first: int, limit: int, bytes_max: int = PAGE_BYTES_MAX
) -> Stretch:
    """Read and decode at most `limit` entries from position `first` on, and no others.

    There are fewer when those read take more than `bytes_max` in their encoded form.
    """
    record = await service.get(execution)
    while True:
        stretch = await _read(service, record, first, limit, bytes_max)
        again = await service.get(execution)
        if again.run == record.run:
            return stretch
        record = again  # the next run began meanwhile, and this may be a part of each


async def _read(
    service: Service, record: Record, first: int, limit: int, bytes_max: int
) -> Stretch:
    entries: list[Entry] = []
    size = 0
    while len(entries) < limit and size <= bytes_max:
        position = first + len(entries)
        wanted = min(limit - len(entries), TURN_ENTRIES)
        found: list[Entry] = []
        for chunk in await service.store.journal(record.id, position, wanted):
            decoded = decode_entries(record.id, chunk.first_seq, chunk.data, chunk.count)
            found += decoded[max(0, position - chunk.first_seq) :]
            size += len(chunk.data)
            if size > bytes_max:
                break
        if not found:
            break
        entries += found
    last = await service.store.last_chunk(record.id)
    length = last.first_seq + last.count
    return Stretch(record.run, record.began_us, first, entries[:limit], length)


def kind_of(entry: Entry) -> str:
    """Return the name of an entry's kind: `clock_read`."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(entry).__name__).lower()


def _document(stretch: Stretch, position: int, entry: Entry) -> dict[str, Any]:
    return {
        "position": position,
        "kind": kind_of(entry),
        "at": stretch.at(entry),
        "elapsed_us": entry.at,
        **_details(stretch, entry),
    }


def _details(stretch: Stretch, entry: Entry) -> dict[str, Any]:
    match entry:
        case Invoked():
            return {
                "workflow": entry.workflow,
                "deployment": entry.deployment,
                "input": records.call(entry.input),
                "run": entry.run,
                **({} if entry.deadline is None else _deadline(stretch, entry.deadline)),
                **({} if (origin := entry.origin) is None else _origin(origin)),
            }
        case ClockRead():
            return {"label": "clock"}
        case Logged():
            return {
                "label": "log",
                "level": entry.level,
                "level_name": logging.getLevelName(entry.level),
                "logger": entry.logger,
                "message": entry.message,
            }
        case Entered():
            return {"effect": entry.effect, "label": entry.label}
        case Called():
            return {"effect": entry.effect, "label": entry.label, **_outcome(stretch, entry)}
        case Started():
            return {
                "effect": entry.effect,
                "label": entry.label,
                **({} if entry.until is None else _until(stretch, entry.until)),
            }
        case Arrived() | Observed():
            return {"effect": entry.effect, **_outcome(stretch, entry)}
        case Slept():
            return {"effect": entry.effect, "label": "sleep", **_until(stretch, entry.until)}
        case Elapsed():
            return {}
        case Dropped():
            return {"effect": entry.effect}
        case Polled():
            return {"label": "sleep", **_until(stretch, entry.until)}
        case Published():
            return {"label": "publish", **_refusal(entry)}
        case Responded():
            return {"label": "respond", **_refusal(entry)}
        case CancelObserved():
            return {
                "reason": entry.reason,
                "by": entry.by,
                **({"effect": entry.effect} if entry.effect else {}),
                **({} if entry.until is None else _until(stretch, entry.until)),
            }
        case Parked():
            return {"effect": entry.effect, "label": entry.label, "asked": entry.asked}
        case Resolved():
            return {"effect": entry.effect, "by": entry.by, **_decision(entry)}
        case Repeated():
            return {"effect": entry.effect}
        case Retried():
            return {
                "by": entry.by,
                "resume": entry.resume,
                **({"effect": entry.effect} if entry.effect else {}),
                **({"also": entry.also} if entry.also else {}),
            }
        case Completed():
            return {"result": records.value(entry.payload, "result")}
        case Continued():
            return {"input": records.call(entry.payload)}
        case Cancelled():
            return {
                "error": records.error(entry.payload),
                **({"by": entry.by} if entry.by else {}),
            }
        case Failed():
            return {"error": records.error(entry.payload)}
        case _:
            assert_never(entry)


def _until(stretch: Stretch, until: int) -> dict[str, Any]:
    return {"until": api.timestamp(stretch.began_us + until), "until_us": until}


def _deadline(stretch: Stretch, deadline: int) -> dict[str, Any]:
    return {"deadline": api.timestamp(stretch.began_us + deadline), "deadline_us": deadline}


def _origin(origin: Origin) -> dict[str, Any]:
    return {"forked_from": msgspec.to_builtins(records.forked_from(origin))}


def _refusal(entry: Published | Responded) -> dict[str, Any]:
    if entry.refused is None:
        return {"failed": False}
    return {"failed": True, "error": records.error(entry.refused)}


def _decision(entry: Resolved) -> dict[str, Any]:
    if entry.payload is None:
        return {"decision": "retry"}
    if entry.failed:
        return {"decision": "error", "error": records.error(entry.payload)}
    return {"decision": "ok", "value": records.value(entry.payload, "value")}


def _outcome(stretch: Stretch, entry: Called | Arrived | Observed) -> dict[str, Any]:
    found: dict[str, Any] = {"failed": entry.failed}
    if entry.payload is not None:
        if entry.failed:
            found["error"] = records.error(entry.payload)
        else:
            found["value"] = records.value(entry.payload, "value")
    if entry.attempts:
        found["attempts"] = [
            {
                "at": stretch.at(attempt),
                "elapsed_us": attempt.at,
                "type": attempt.type,
                "message": attempt.message,
                **({} if attempt.pause is None else {"pause_us": attempt.pause}),
            }
            for attempt in entry.attempts
        ]
    return found
