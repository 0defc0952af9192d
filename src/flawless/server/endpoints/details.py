"""One execution in full: what a request for it and a stream of its events both show."""

from __future__ import annotations

import msgspec

from flawless import api
from flawless.core.status import Status
from flawless.engine.service import Service
from flawless.server.endpoints import decisions, records
from flawless.stores.base import Record


async def detail(service: Service, record: Record, *, whole: bool = True) -> api.ExecutionDetail:
    """Return how an execution stands, and what it has under way.

    Not the `whole` of it: without attributes and what failed attempts said, which may be meant for
    its owner only.
    """
    fields = msgspec.structs.asdict(records.execution(record))
    under_way = records.in_flight(service.in_flight(record.id))
    if not whole:
        fields["attributes"] = {}
        for attempt in (attempt for effect in under_way for attempt in effect.attempts):
            attempt.message = ""
    if record.status is Status.PARKED:
        fields["parked"] = records.parked(await decisions.waiting(service, record))
    return api.ExecutionDetail(
        **fields,
        in_flight=under_way,
        children=await service.control.child_count(record.id),
        replays=records.replays(service.monitor.replays(record.id)),
        forked_from=records.forked_from(await service.forking.origin(record)),
    )
