"""The endpoints that start executions, list them, look at them and wait for them."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.core.status import Status
from flawless.durations import wait_seconds
from flawless.engine import arguments
from flawless.engine.control import ParkedEffect
from flawless.engine.service import Service
from flawless.engine.tracing.context import given
from flawless.engine.waiters import End
from flawless.errors import InputInvalid
from flawless.server.access.callers import Caller, caller
from flawless.server.access.roles import JOURNAL, OPERATE, READ, STATE
from flawless.server.access.shares import Shares
from flawless.server.endpoints import decisions, details, journals, records
from flawless.server.routing import endpoint
from flawless.server.wire import filters
from flawless.server.wire.documents import document
from flawless.server.wire.requests import (
    Query,
    bounded_seconds,
    location,
    moment_us,
    parse,
    read_body,
)
from flawless.server.wire.waiting import unless_stopping
from flawless.stores.base import SEQ_END, Record, Visible


class Executions:
    """The endpoints that start, list and tell. `stopping` ends all waiting."""

    def __init__(self, service: Service, stopping: asyncio.Event, waits: Shares) -> None:
        self._service = service
        self._stopping = stopping
        self._waits = waits

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        one = f"{api.PREFIX}/executions/{{id}}"
        return [
            endpoint(f"{api.PREFIX}/executions", self.start_or_list, GET=READ, POST=OPERATE),
            endpoint(one, self.get, GET=STATE),
            endpoint(f"{one}/result", self.result, GET=STATE),
            endpoint(f"{one}/response", self.response, GET=STATE),
            endpoint(f"{one}/state", self.state, GET=STATE),
            endpoint(f"{one}/children", self.children, GET=READ),
            endpoint(f"{one}/parked", self.parked, GET=READ),
            endpoint(f"{one}/journal", self.journal, GET=JOURNAL),
            endpoint(f"{one}/logs", self.logs, GET=JOURNAL),
        ]

    async def start_or_list(self, request: Request) -> Response:
        """`/executions` is one route, so that a wrong method hears of both."""
        return await (self.start if request.method == "POST" else self.list)(request)

    async def start(self, request: Request) -> Response:
        """`POST /executions`: 201 for a new execution, 200 for the one that has the id already."""
        Query(request, set())
        body = await read_body(request, self._service.settings.limits.value_bytes_max)
        asked = parse(body, api.StartRequest)
        wait_s = max(
            bounded_seconds(asked.wait, "wait", api.WAIT_S_MAX),
            bounded_seconds(asked.wait_s, "wait_s", api.WAIT_S_MAX),
        )
        deadline_s = _length(asked.deadline_s, "deadline_s")
        start_at_us = None if asked.start_at is None else moment_us(asked.start_at, "start_at")
        args = arguments.from_json(self._service, asked.workflow, asked.input)
        given.set(request.headers.get("traceparent"))
        execution, new = await self._service.start(
            asked.workflow,
            args,
            asked.id,
            deadline_s=deadline_s,
            attributes=asked.attributes,
            start_at_us=start_at_us,
            delay_s=_length(asked.delay_s, "delay_s"),
        )
        who = caller(request)
        came = await self._response(who, execution, wait_s) if wait_s or not new else None
        record = await self._service.get(execution)
        fields = msgspec.structs.asdict(records.execution(record)) | {"new": new}
        fields |= records.response(came)
        if isinstance(came, Visible) and record.status.final:
            fields |= records.ending(await self._service.end(execution))
        return document(
            api.StartedExecution(**fields),
            201 if new else 200,
            headers={"Location": location(request, f"/executions/{execution}")},
        )

    async def list(self, request: Request) -> Response:
        """`GET /executions`: newest first, those that fulfil all conditions (see `filters`).

        Parked ones come with what waits for a decision. A page may be short, or empty, and yet have
        a `next`: one request looks at a bounded number of executions, and of entries.
        """
        query = Query(
            request,
            {"limit", "before", "status", *filters.PARAMETERS},
            repeatable=filters.REPEATABLE,
        )
        limit = query.number("limit", api.LIST_LIMIT, least=1, most=api.LIST_LIMIT_MAX)
        status = query.text("status")
        if status == Status.PARKED:
            limit = min(limit, api.PARKED_LIMIT_MAX)
        selection = filters.selection(query, status)
        page = await self._service.list(selection, limit=limit, before=query.text("before"))
        if status == Status.PARKED:
            found = await decisions.waiting_in_all(self._service, page)
            shown = [_with_parked(record, effects) for record, effects in found.of]
            return document(api.ExecutionPage(shown, found.next))
        return document(
            api.ExecutionPage([records.execution(record) for record in page.records], page.next)
        )

    async def get(self, request: Request) -> Response:
        """`GET /executions/{id}`: how it stands, and what it has under way."""
        Query(request, set())
        record = await self._service.get(request.path_params["id"])
        whole = caller(request).reads_journal
        return document(await details.detail(self._service, record, whole=whole))

    async def result(self, request: Request) -> Response:
        """`GET /executions/{id}/result`: waits up to `wait` seconds for the end."""
        query = Query(request, {"wait"})
        execution = request.path_params["id"]
        who = caller(request)
        end = await self._end(who, execution, query.seconds("wait", api.WAIT_S_MAX))
        record = await self._service.get(execution)
        status = end.status if end is not None else record.status
        if end is None and status.final:  # it ended between the two looks
            end = await self._service.end(execution)
        fields = records.ending(end, whole=who.reads_journal)
        return document(api.Outcome(execution, status.value, **fields))

    async def response(self, request: Request) -> Response:
        """`GET /executions/{id}/response`: waits up to `wait` seconds for response or end."""
        query = Query(request, {"wait"})
        execution = request.path_params["id"]
        who = caller(request)
        came = await self._response(who, execution, query.seconds("wait", api.WAIT_S_MAX))
        record = await self._service.get(execution)
        if came is None and record.status.final:  # it ended between the two looks
            came = await self._service.response(execution)
        status = came.status if isinstance(came, End) else record.status
        fields = records.response(came, whole=who.reads_journal)
        return document(api.Reply(execution, status.value, **fields))

    async def state(self, request: Request) -> Response:
        """`GET /executions/{id}/state`: what it published last; nulls when it has not."""
        Query(request, set())
        execution = request.path_params["id"]
        visible = await self._service.control.state(execution)
        if visible is None:
            return document(api.State(execution))
        shown = records.value(visible.value, "state")
        return document(api.State(execution, shown, visible.version, api.timestamp(visible.at_us)))

    async def children(self, request: Request) -> Response:
        """`GET /executions/{id}/children`: those it has started, `from` a place on."""
        query = Query(request, {"from", "limit"})
        first = query.number("from", 0, least=0, most=SEQ_END)
        limit = query.number("limit", api.LIST_LIMIT, least=1, most=api.LIST_LIMIT_MAX)
        execution = request.path_params["id"]
        count = await self._service.control.child_count(execution)
        found = await self._service.control.children(execution, first, limit)
        end = first + limit
        page = [records.execution(record) for record in found]
        return document(api.ChildrenPage(page, count, end if end < count else None))

    async def parked(self, request: Request) -> Response:
        """`GET /executions/{id}/parked`: what waits for a decision."""
        Query(request, set())
        found = await self._service.control.parked(request.path_params["id"])
        return document(api.ParkedList(records.parked(found)))

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

    # --- inside -------------------------------------------------------------------------------

    async def _end(self, who: Caller, execution: str, wait_s: float) -> End | None:
        if wait_s <= 0:
            return await self._service.end(execution)
        with self._waits.of(who):
            return await unless_stopping(self._stopping, self._service.end(execution, wait_s))

    async def _response(self, who: Caller, execution: str, wait_s: float) -> Visible | End | None:
        if wait_s <= 0:
            return await self._service.response(execution)
        with self._waits.of(who):
            return await unless_stopping(self._stopping, self._service.response(execution, wait_s))


def _with_parked(record: Record, effects: list[ParkedEffect]) -> api.Execution:
    shown = records.execution(record)
    shown.parked = records.parked(effects)
    return shown


def _stretch(request: Request) -> tuple[int, int]:
    query = Query(request, {"from", "limit"})
    return (
        query.number("from", 0, least=0, most=SEQ_END),
        query.number("limit", api.JOURNAL_LIMIT, least=1, most=api.JOURNAL_LIMIT_MAX),
    )


def _length(asked: float | None, name: str) -> float | None:
    try:
        return None if asked is None else wait_seconds(asked, name)
    except ValueError as error:
        raise InputInvalid(f"{name}: {error}", path=name) from None
