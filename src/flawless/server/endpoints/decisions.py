"""What waits for decisions of people, read from journals as far as one request may."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from flawless.engine.control import ParkedEffect
from flawless.engine.service import Service
from flawless.errors import JournalDamaged
from flawless.stores.base import Page, Record

READ_ENTRIES_MAX: Final = 20_000
"""A page ends when the journals read for it have more entries than this."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What waits in some executions; `next` is where the next page of them begins."""

    of: list[tuple[Record, list[ParkedEffect]]]
    next: str | None


async def waiting_in_all(service: Service, page: Page) -> Decisions:
    """Return what waits in the executions of a page: of the first one at least."""
    found: list[tuple[Record, list[ParkedEffect]]] = []
    read = 0
    for n, record in enumerate(page.records):
        length = await _length(service, record)
        if n and read + length > READ_ENTRIES_MAX:
            return Decisions(found, page.records[n - 1].id)
        read += length
        found.append((record, await waiting(service, record)))
        await asyncio.sleep(0)
    return Decisions(found, page.next)


async def waiting(service: Service, record: Record) -> list[ParkedEffect]:
    """Return what waits in one execution; nothing where a damaged journal hides it."""
    try:
        return await service.control.parked(record.id)
    except JournalDamaged:
        return []


async def _length(service: Service, record: Record) -> int:
    try:
        last = await service.store.last_chunk(record.id)
    except JournalDamaged:
        return 0
    return last.first_seq + last.count
