"""The endpoints that act on executions: send, cancel, terminate, retry, resolve."""

from __future__ import annotations

from typing import TypeVar

from msgspec import UNSET
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api, codec
from flawless.engine.control import Control
from flawless.engine.service import Service
from flawless.errors import InputInvalid
from flawless.server.access.callers import caller
from flawless.server.access.roles import OPERATE, READ, SEND
from flawless.server.endpoints import records
from flawless.server.endpoints.inbox import Inbox
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query, parse, read_body

T = TypeVar("T")


class Actions:
    """The endpoints that act. What they ask for is durable when they answer."""

    def __init__(self, service: Service, inbox: Inbox) -> None:
        self._service = service
        self._inbox = inbox

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        one = f"{api.PREFIX}/executions/{{id}}"
        return [
            endpoint(f"{one}/messages", self.messages, GET=READ, POST=SEND),
            endpoint(f"{one}/cancel", self.cancel, POST=OPERATE),
            endpoint(f"{one}/terminate", self.terminate, POST=OPERATE),
            endpoint(f"{one}/retry", self.retry, POST=OPERATE),
            endpoint(f"{one}/resolve", self.resolve, POST=OPERATE),
        ]

    async def messages(self, request: Request) -> Response:
        """`/messages` is one route, so that a wrong method hears of both."""
        return await (self.send if request.method == "POST" else self._inbox.messages)(request)

    async def send(self, request: Request) -> Response:
        """`POST /executions/{id}/messages`: 202, or 200 when one with this id was sent before."""
        asked = await self._read(request, api.MessageRequest)
        caller(request).require_message(asked.name)
        execution = request.path_params["id"]
        payload = _encoded(asked.payload, "payload")
        new = await self._control.send(execution, asked.name, payload, asked.id)
        return document(api.SentMessage(execution, asked.name, new), 202 if new else 200)

    async def cancel(self, request: Request) -> Response:
        """`POST /executions/{id}/cancel`: 202; its workflow is told where it waits."""
        asked = await self._read(request, api.CancelRequest)
        await self._control.cancel(
            request.path_params["id"],
            reason=asked.reason,
            by=caller(request).signature(asked.by),
            grace_s=asked.grace_s,
            message_id=asked.id,
        )
        return await self._accepted(request)

    async def terminate(self, request: Request) -> Response:
        """`POST /executions/{id}/terminate`: 202; it ends without cleaning up."""
        asked = await self._read(request, api.TerminateRequest)
        execution = request.path_params["id"]
        by = caller(request).signature(asked.by)
        await self._control.terminate(execution, reason=asked.reason, by=by, message_id=asked.id)
        return await self._accepted(request)

    async def retry(self, request: Request) -> Response:
        """`POST /executions/{id}/retry`: 202; a failed execution goes on, or begins again."""
        asked = await self._read(request, api.RetryRequest)
        await self._control.retry(
            request.path_params["id"],
            from_start=asked.from_start,
            effect=asked.effect,
            by=caller(request).signature(asked.by),
        )
        return await self._accepted(request)

    async def resolve(self, request: Request) -> Response:
        """`POST /executions/{id}/resolve`: 202; a person's decision about a parked effect."""
        asked = await self._read(request, api.ResolveRequest)
        execution = request.path_params["id"]
        chosen = await self._control.resolve(
            execution,
            effect=asked.effect,
            ok=None if asked.ok is UNSET else _encoded(asked.ok, "ok"),
            error=None if asked.error is UNSET else asked.error,
            retry=asked.retry,
            by=caller(request).signature(asked.by),
        )
        return document(api.Resolution(execution, chosen.effect, chosen.label), 202)

    # --- inside -------------------------------------------------------------------------------

    @property
    def _control(self) -> Control:
        return self._service.control

    async def _read(self, request: Request, type_: type[T]) -> T:
        """Return the body; none at all is an empty object."""
        Query(request, set())
        body = await read_body(request, self._service.settings.limits.value_bytes_max)
        return parse(body or b"{}", type_)

    async def _accepted(self, request: Request) -> Response:
        record = await self._service.get(request.path_params["id"])
        return document(records.execution(record), 202)


def _encoded(value: object, path: str) -> bytes:
    """Return plain JSON as a value of the codec: what looks like one of its tags is none."""
    try:
        return codec.dumps(value, path=path).encode()
    except codec.CodecError as error:
        raise InputInvalid(str(error), path=error.path) from error
