"""One execution in full: what a request for it and a stream of its events both show."""

from __future__ import annotations

import msgspec

from flawless import api
from flawless.core.status import Status
from flawless.engine.service import Service
from flawless.errors import JournalDamaged
from flawless.server import records
from flawless.stores.base import Record


async def detail(service: Service, record: Record) -> api.ExecutionDetail:
    """Return how an execution stands, and what it has under way."""
    fields = msgspec.structs.asdict(records.execution(record))
    if record.status is Status.PARKED:
        fields["parked"] = await parked(service, record)
    return api.ExecutionDetail(
        **fields,
        in_flight=records.in_flight(service.in_flight(record.id)),
        children=await service.control.child_count(record.id),
        replays=records.replays(service.monitor.replays(record.id)),
    )


async def parked(service: Service, record: Record) -> list[api.ParkedEffect]:
    """Return what waits for a decision; nothing where a damaged journal hides it."""
    try:
        return records.parked(await service.control.parked(record.id))
    except JournalDamaged:
        return []
