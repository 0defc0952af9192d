"""The endpoints of executions: start, list, look at, wait for."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from flawless import api, codec
from flawless.core.status import Status
from flawless.engine import arguments
from flawless.engine.service import End, Service
from flawless.errors import EngineStopped
from flawless.server import journals
from flawless.server.documents import document
from flawless.server.requests import Query, bounded_seconds, parse, read_body
from flawless.stores.base import SEQ_END, Record


class Executions:
    """The endpoints below `/executions`. `stopping` ends all waiting."""

    def __init__(self, service: Service, stopping: asyncio.Event) -> None:
        self._service = service
        self._stopping = stopping

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            Route(f"{api.PREFIX}/executions", self.start_or_list, methods=["GET", "POST"]),
            Route(f"{api.PREFIX}/executions/{{id}}", self.get, methods=["GET"]),
            Route(f"{api.PREFIX}/executions/{{id}}/result", self.result, methods=["GET"]),
            Route(f"{api.PREFIX}/executions/{{id}}/journal", self.journal, methods=["GET"]),
            Route(f"{api.PREFIX}/executions/{{id}}/logs", self.logs, methods=["GET"]),
        ]

    async def start_or_list(self, request: Request) -> Response:
        """`/executions` is one route, so that a wrong method hears of both."""
        return await (self.start if request.method == "POST" else self.list)(request)

    async def start(self, request: Request) -> Response:
        """`POST /executions`: 201 for a new execution, 200 for the one that has the id already."""
        Query(request, set())
        body = await read_body(request, self._service.settings.limits.value_bytes_max)
        asked = parse(body, api.StartRequest)
        wait_s = bounded_seconds(asked.wait, "wait", api.WAIT_S_MAX)
        args = arguments.from_json(self._service, asked.workflow, asked.input)
        execution, new = await self._service.start(asked.workflow, args, asked.id)
        end = await self._end(execution, wait_s) if wait_s or not new else None
        record = await self._service.get(execution)
        fields = msgspec.structs.asdict(_execution(record)) | {"new": new} | _ending(end)
        return document(
            api.StartedExecution(**fields),
            201 if new else 200,
            headers={"Location": f"{api.PREFIX}/executions/{execution}"},
        )

    async def list(self, request: Request) -> Response:
        """`GET /executions`: newest first, by status, workflow and prefix of the id."""
        query = Query(request, {"status", "workflow", "prefix", "limit", "before"})
        limit = query.number("limit", api.LIST_LIMIT, least=1, most=api.LIST_LIMIT_MAX)
        records = await self._service.list(
            status=query.text("status"),
            workflow=query.text("workflow"),
            prefix=query.text("prefix") or "",
            limit=limit + 1,
            before=query.text("before"),
        )
        page = [_execution(record) for record in records[:limit]]
        return document(api.ExecutionPage(page, page[-1].id if len(records) > limit else None))

    async def get(self, request: Request) -> Response:
        """`GET /executions/{id}`: how it stands, and what it has under way."""
        Query(request, set())
        record = await self._service.get(request.path_params["id"])
        in_flight = [
            api.InFlight(
                item["effect"],
                item["label"],
                api.timestamp(item["began_us"]),
                [
                    api.Attempt(
                        api.timestamp(attempt["at_us"]), attempt["type"], attempt["message"]
                    )
                    for attempt in item["attempts"]
                ],
            )
            for item in self._service.in_flight(record.id)
        ]
        fields = msgspec.structs.asdict(_execution(record))
        return document(api.ExecutionDetail(**fields, in_flight=in_flight))

    async def result(self, request: Request) -> Response:
        """`GET /executions/{id}/result`: waits up to `wait` seconds for the end."""
        query = Query(request, {"wait"})
        execution = request.path_params["id"]
        end = await self._end(execution, query.seconds("wait", api.WAIT_S_MAX))
        status = end.status if end is not None else (await self._service.get(execution)).status
        if end is None and status.final:  # it ended between the two looks
            end = await self._end(execution, 0.0)
        return document(api.Outcome(execution, status.value, **_ending(end)))

    async def journal(self, request: Request) -> Response:
        """`GET /executions/{id}/journal`: entries `from` a position on."""
        first, limit = _stretch(request)
        return document(
            await journals.journal(self._service, request.path_params["id"], first, limit)
        )

    async def logs(self, request: Request) -> Response:
        """`GET /executions/{id}/logs`: messages among the entries `from` a position on."""
        first, limit = _stretch(request)
        return document(await journals.logs(self._service, request.path_params["id"], first, limit))

    async def _end(self, execution: str, wait_s: float) -> End | None:
        """Wait for an execution's end, but not longer than the server lives."""
        if wait_s <= 0:
            return await self._service.end(execution)
        end = asyncio.ensure_future(self._service.end(execution, wait_s))
        stop = asyncio.ensure_future(self._stopping.wait())
        try:
            await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
            if end.done():
                return end.result()
            raise EngineStopped("the server is stopping; the execution goes on when it is back")
        finally:
            end.cancel()
            stop.cancel()


def _stretch(request: Request) -> tuple[int, int]:
    query = Query(request, {"from", "limit"})
    return (
        query.number("from", 0, least=0, most=SEQ_END),
        query.number("limit", api.JOURNAL_LIMIT, least=1, most=api.JOURNAL_LIMIT_MAX),
    )


def _execution(record: Record) -> api.Execution:
    return api.Execution(
        record.id,
        record.workflow,
        record.deployment,
        record.status.value,
        api.timestamp(record.created_us),
        api.timestamp(record.updated_us),
        None if record.wake_us is None else api.timestamp(record.wake_us),
    )


def _ending(end: End | None) -> dict[str, Any]:
    if end is None:
        return {}
    if end.status is Status.COMPLETED:
        return {"result": codec.plain(codec.read(end.payload, path="result"))}
    return {"error": journals.error(end.payload)}
