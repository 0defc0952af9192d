"""Pages of other origins: which may read answers here. None, unless the operator names them.

Cookies are never taken from such a page, so it shows a token of its own: a capability token where a
browser is to reach one execution. `Access-Control-Allow-Credentials` is therefore never sent.
"""

from __future__ import annotations

from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flawless import api

METHODS: Final = "GET, POST, PUT, DELETE"
REQUEST_HEADERS: Final = "Authorization, Content-Type, Last-Event-ID, If-None-Match"
EXPOSED: Final = f"Location, Retry-After, ETag, {api.VERSION_HEADER}"
PREFLIGHT_S: Final = 600
"""How long a browser may keep the answer to its question."""


class CrossOrigin:
    """ASGI middleware that lets pages of `origins`, and of no others, read what is answered."""

    def __init__(self, app: ASGIApp, origins: tuple[str, ...]) -> None:
        self._app = app
        self._origins = frozenset(origins)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._origins:
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        allowed = origin if origin in self._origins else None

        async def send_with_origin(message: Message) -> None:
            if message["type"] == "http.response.start":
                answer = MutableHeaders(scope=message)
                answer.add_vary_header("Origin")
                if allowed is not None:
                    answer["Access-Control-Allow-Origin"] = allowed
                    answer["Access-Control-Expose-Headers"] = EXPOSED
            await send(message)

        if allowed is not None and _is_preflight(scope, headers):
            preflight = {
                "Access-Control-Allow-Methods": METHODS,
                "Access-Control-Allow-Headers": REQUEST_HEADERS,
                "Access-Control-Max-Age": str(PREFLIGHT_S),
            }
            await Response(None, 204, headers=preflight)(scope, receive, send_with_origin)
            return
        await self._app(scope, receive, send_with_origin)


def _is_preflight(scope: Scope, headers: Headers) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers
