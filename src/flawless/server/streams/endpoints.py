"""The endpoints that tell of changes as they happen, as server-sent events."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.server.access.callers import caller, still_allowed
from flawless.server.access.roles import JOURNAL, READ, STATE
from flawless.server.access.shares import Shares
from flawless.server.routing import endpoint
from flawless.server.streams import events
from flawless.server.streams.broadcast import Broadcast, ListReader
from flawless.server.streams.eventstream import EventStream, OpenStreams, Reader
from flawless.server.streams.execution_reader import ENTRIES, ExecutionReader, parts_of
from flawless.server.wire import filters
from flawless.server.wire.requests import Query

FILTERS: Final = filters.PARAMETERS - {"runs"}
"""Earlier runs do not change, so a stream of changes has none."""


class Streams:
    """The endpoints that stream, `most` at the same time. `stopping` ends all streams."""

    def __init__(
        self, service: Service, stopping: asyncio.Event, shares: Shares, most: int | None = None
    ) -> None:
        self.open = OpenStreams(stopping, most)
        self._shares = shares
        self._service = service
        self._broadcast = Broadcast(service)

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            endpoint(f"{api.PREFIX}/events", self.changes, GET=READ),
            endpoint(f"{api.PREFIX}/executions/{{id}}/events", self.execution, GET=STATE),
        ]

    async def changes(self, request: Request) -> Response:
        """`GET /events`: executions that change, those that fulfil all conditions."""
        query = Query(request, {events.LAST_ID, *FILTERS}, repeatable=filters.REPEATABLE)
        last_id = events.last_id(request, query)
        return self._stream(request, ListReader(self._broadcast, filters.selection(query), last_id))

    async def execution(self, request: Request) -> Response:
        """`GET /executions/{id}/events`: what happens to an execution, until it has ended.

        `include` names the parts of it. Journal and logs need more than the state does.
        """
        query = Query(request, {events.LAST_ID, "include"})
        parts = parts_of(query.text("include"))
        execution = request.path_params["id"]
        who = caller(request)
        if parts & ENTRIES:
            who.require(JOURNAL, execution)
        last_id = events.last_id(request, query)
        return self._stream(
            request,
            ExecutionReader(self._service, execution, parts, last_id, whole=who.reads_journal),
        )

    def _stream(self, request: Request, reader: Reader) -> Response:
        share = self._shares.of(caller(request))
        return EventStream(self.open, share, reader, lambda: still_allowed(request))
