"""Routes, each with what its requests need, which it asks of every caller first."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from flawless.server.access.callers import caller_in
from flawless.server.access.origins import navigates
from flawless.server.access.roles import KNOWN, Need
from flawless.server.wire.problems import TokenRequired

Handler = Callable[[Request], Awaitable[Response]]


class Endpoint(Route):
    """A route that knows what each of its methods needs, and lets nobody else in."""

    def __init__(self, path: str, handler: Handler, needs: dict[str, Need]) -> None:
        super().__init__(path, handler, methods=list(needs))
        self.needs = needs

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request of somebody who may make it."""
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        need = self.needs.get(method)
        who = caller_in(scope)
        if need is not None and need.page and who.via == "nobody":
            if navigates(scope, Headers(scope=scope)):
                raise who.refused or TokenRequired("this page is for those who have logged in")
        elif need is None and any(other.open for other in self.needs.values()):
            pass  # anyone may hear which methods there are
        else:
            who.require(need or KNOWN, scope["path_params"].get("id"))
        await super().handle(scope, receive, send)


def endpoint(path: str, handler: Handler, **needs: Need) -> Endpoint:
    """Return the route of `path`. The keywords are its methods: `GET=READ, POST=OPERATE`."""
    return Endpoint(path, handler, needs)


def require_needs(routes: Iterable[BaseRoute]) -> None:
    """Raise `TypeError` when a route does not say what its requests need: nothing would ask."""
    for route in routes:
        if not isinstance(route, Endpoint):
            raise TypeError(f"{route!r} must be made with `endpoint`, which says who may use it")


async def nowhere(scope: Scope, _: Receive, __: Send) -> None:
    """Answer for paths that do not exist: those who are not known do not hear even that."""
    caller_in(scope).require(KNOWN, None)
    raise HTTPException(404)
