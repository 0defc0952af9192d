"""The endpoint that forks executions."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.engine.tracing.context import given
from flawless.ids import earlier_run
from flawless.server.access.roles import OPERATE
from flawless.server.endpoints import records
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query, location, parse, read_body


class Forks:
    """The endpoint `/executions/{id}/fork`."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the route."""
        return [endpoint(f"{api.PREFIX}/executions/{{id}}/fork", self.fork, POST=OPERATE)]

    async def fork(self, request: Request) -> Response:
        """`POST /executions/{id}/fork`: 201 for a new execution, 200 for this very fork."""
        Query(request, set())
        body = await read_body(request, self._service.settings.limits.value_bytes_max)
        asked = parse(body, api.ForkRequest)
        given.set(request.headers.get("traceparent"))
        forking = self._service.forking
        fork, new = await forking.fork(
            request.path_params["id"], asked.at, asked.id, deployment=asked.deployment
        )
        record = await self._service.get(fork)
        if record.run > 1:  # it has gone on as a next run, which is no fork
            record = await self._service.get(earlier_run(fork, 1))
        origin = records.forked_from(await forking.origin(record))
        assert origin is not None
        fields = msgspec.structs.asdict(records.execution(record))
        return document(
            api.ForkedExecution(**fields, forked_from=origin, new=new),
            201 if new else 200,
            headers={"Location": location(request, f"/executions/{fork}")},
        )
