"""The endpoint that serves the document."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from flawless import api
from flawless.server.access.roles import READ, Need
from flawless.server.openapi.document import openapi
from flawless.server.routing import Endpoint, endpoint
from flawless.server.wire.documents import document

PATH = f"{api.PREFIX}/openapi.json"


class OpenAPI:
    """`GET /openapi.json`: the description of everything that `endpoints` serve, and of itself."""

    def __init__(self, endpoints: list[Endpoint]) -> None:
        self._route = endpoint(PATH, self.get, GET=READ)
        self._needs = needs([*endpoints, self._route])
        self._answer: Response | None = None

    def routes(self) -> list[Endpoint]:
        """Return the route."""
        return [self._route]

    async def get(self, _: Request) -> Response:
        """`GET /openapi.json`: made once."""
        if self._answer is None:
            self._answer = document(openapi(self._needs))
        return self._answer


def needs(endpoints: list[Endpoint]) -> dict[tuple[str, str], Need]:
    """Return what requests need, by method and path as OpenAPI writes it."""
    return {
        (method, one.path.replace(":path}", "}")): need
        for one in endpoints
        for method, need in one.needs.items()
    }
