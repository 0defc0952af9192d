"""Journals as JSON, one page at a time: only the entries asked for are decoded."""

from __future__ import annotations

import asyncio
import logging
import re
from dataclasses import dataclass
from typing import Any, Final

from flawless import api, codec
from flawless.core.encoding import decode_entries
from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    ClockRead,
    Completed,
    Dropped,
    Elapsed,
    Entered,
    Entry,
    Failed,
    Invoked,
    Logged,
    Observed,
    Polled,
    Slept,
    Started,
)
from flawless.engine.service import Service
from flawless.ids import ExecutionId

PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""A page ends when the encoded entries on it exceed this, however many were asked for."""
TURN_ENTRIES: Final = 200
"""Entries after which others have their turn on the loop."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Consecutive entries of a journal of `length` entries that began at `began_us`."""

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
    documents = []
    for n, entry in enumerate(stretch.entries):
        if n % TURN_ENTRIES == TURN_ENTRIES - 1:
            await asyncio.sleep(0)
        documents.append(_document(stretch, stretch.first + n, entry))
    return api.JournalPage(documents, stretch.length, stretch.next)


async def logs(service: Service, execution: str, first: int, limit: int) -> api.LogPage:
    """Return the messages among the entries of a stretch; errors as for `journal`."""
    stretch = await read(service, execution, first, limit)
    lines = [
        api.LogLine(
            position,
            stretch.at(entry),
            entry.at,
            entry.level,
            logging.getLevelName(entry.level),
            entry.logger,
            entry.message,
        )
        for position, entry in enumerate(stretch.entries, stretch.first)
        if isinstance(entry, Logged)
    ]
    return api.LogPage(lines, stretch.length, stretch.next)


async def read(service: Service, execution: str, first: int, limit: int) -> Stretch:
    """Read and decode at most `limit` entries from position `first` on."""
    await service.get(execution)
    chunks = await service.store.journal(ExecutionId(execution))
    length = chunks[-1].first_seq + chunks[-1].count if chunks else 0
    entries: list[Entry] = []
    size = began_us = 0
    for chunk in chunks:
        wanted = chunk.first_seq < first + limit and first < chunk.first_seq + chunk.count
        if chunk.first_seq > 0 and (not wanted or size > PAGE_BYTES_MAX):
            if entries:
                break
            continue
        decoded = decode_entries(execution, chunk.first_seq, chunk.data, chunk.count)
        if chunk.first_seq == 0 and isinstance(decoded[0], Invoked):
            began_us = decoded[0].began_us
        if wanted:
            entries += decoded[max(0, first - chunk.first_seq) :]
            size += len(chunk.data)
            await asyncio.sleep(0)
    return Stretch(began_us, first, entries[:limit], length)


def error(payload: bytes) -> dict[str, Any]:
    """Return an error object of the protocol for people: type, module, message, traceback."""
    content = codec.read(payload, path="error")
    if not isinstance(content, dict):
        return {"type": "Error", "message": str(content)}
    return {name: codec.plain(item) for name, item in content.items() if name != "value"}


def _document(stretch: Stretch, position: int, entry: Entry) -> dict[str, Any]:
    return {
        "position": position,
        "kind": re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(entry).__name__).lower(),
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
                "input": _input(entry.input),
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
        case Completed():
            return {"result": codec.plain(codec.read(entry.payload, path="result"))}
        case Failed():
            return {"error": error(entry.payload)}


def _until(stretch: Stretch, until: int) -> dict[str, Any]:
    return {"until": api.timestamp(stretch.began_us + until), "until_us": until}


def _outcome(stretch: Stretch, entry: Called | Arrived | Observed) -> dict[str, Any]:
    found: dict[str, Any] = {"failed": entry.failed}
    if entry.payload is not None:
        if entry.failed:
            found["error"] = error(entry.payload)
        else:
            found["value"] = codec.plain(codec.read(entry.payload))
    if entry.attempts:
        found["attempts"] = [
            {
                "at": stretch.at(attempt),
                "elapsed_us": attempt.at,
                "type": attempt.type,
                "message": attempt.message,
            }
            for attempt in entry.attempts
        ]
    return found


def _input(data: bytes) -> dict[str, Any]:
    """Return a workflow's arguments; `codec.encode_call` names them `a` and `k`."""
    content = codec.read(data, path="input")
    return {"args": codec.plain(content["a"]), "kwargs": codec.plain(content["k"])}
