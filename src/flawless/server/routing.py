"""Routes, each with what its requests need."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from flawless.server.roles import Need

Handler = Callable[[Request], Awaitable[Response]]


class Endpoint(Route):
    """A route that knows what each of its methods needs."""

    def __init__(self, path: str, handler: Handler, needs: dict[str, Need]) -> None:
        super().__init__(path, handler, methods=list(needs))
        self.needs = needs


def endpoint(path: str, handler: Handler, **needs: Need) -> Endpoint:
    """Return the route of `path`. The keywords are its methods: `GET=READ, POST=OPERATE`."""
    return Endpoint(path, handler, needs)
