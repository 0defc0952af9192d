"""The endpoints that show what waits: messages for an execution, and decisions for people."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.core.signals import SIGN
from flawless.core.status import Status
from flawless.engine.control import ParkedEffect
from flawless.engine.service import Service
from flawless.server.access.roles import READ
from flawless.server.endpoints import decisions, records
from flawless.server.routing import endpoint
from flawless.server.wire import filters
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query
from flawless.stores.base import MESSAGE_END, Message, Messages, Record

PAGE_BYTES_MAX: Final = 8 * 1024 * 1024
"""A page of messages ends when their payloads exceed this, however many were asked for."""
READ_MESSAGES: Final = 8
"""Messages that are read at a time: each may be as large as a value may be."""
LOOKED_AT_MAX: Final = 2_000
"""A page of messages ends behind so many, signals included."""


class Inbox:
    """The endpoint of all decisions, and what `GET` gives where messages are sent to."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [endpoint(f"{api.PREFIX}/inbox", self.list, GET=READ)]

    async def list(self, request: Request) -> Response:
        """`GET /inbox`: what waits for a person's decision, filtered as lists are."""
        query = Query(
            request,
            {"limit", "before", *filters.PARAMETERS} - {"runs"},
            repeatable=filters.REPEATABLE,
        )
        limit = query.number("limit", api.LIST_LIMIT, least=1, most=api.PARKED_LIMIT_MAX)
        selection = filters.selection(query, Status.PARKED)
        page = await self._service.list(selection, limit=limit, before=query.text("before"))
        found = await decisions.waiting_in_all(self._service, page)
        items = [_item(record, one) for record, effects in found.of for one in effects]
        return document(api.InboxPage(items, found.next))

    async def messages(self, request: Request) -> Response:
        """`GET /executions/{id}/messages`: those not received yet, `from` a number on."""
        query = Query(request, {"from", "limit"})
        first = query.number("from", 1, least=0, most=MESSAGE_END)
        limit = query.number("limit", api.LIST_LIMIT, least=1, most=api.LIST_LIMIT_MAX)
        record = await self._service.get(request.path_params["id"])
        behind = max(0, first - 1)
        found: Messages = []
        size = looked_at = 0
        while True:
            some = await self._service.store.messages(record.id, behind, READ_MESSAGES)
            for one in some:
                if len(found) == limit or size > PAGE_BYTES_MAX or looked_at == LOOKED_AT_MAX:
                    return document(api.MessagePage([_shown(m) for m in found], behind + 1))
                behind = one.number
                looked_at += 1
                if not one.name.startswith(SIGN):
                    found.append(one)
                    size += len(one.payload)
            if len(some) < READ_MESSAGES:
                return document(api.MessagePage([_shown(m) for m in found]))


def _item(record: Record, waiting: ParkedEffect) -> api.InboxItem:
    return api.InboxItem(
        record.id,
        record.workflow,
        waiting.effect,
        waiting.label,
        api.timestamp(waiting.at_us),
        waiting.asked,
        record.attributes,
    )


def _shown(message: Message) -> api.Message:
    return api.Message(
        message.number,
        message.name,
        records.value(message.payload, "payload"),
        api.timestamp(message.at_us),
        message.id,
    )
