"""What serves here, and how it is: the version, the workflows, the engine's health."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.engine.version import version
from flawless.server.access.roles import READ
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document


class About:
    """The endpoints that concern the engine as a whole."""

    def __init__(self, service: Service) -> None:
        self._service = service

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            endpoint(api.PREFIX, self.about, GET=READ),
            endpoint(f"{api.PREFIX}/", self.about, GET=READ),
            endpoint(f"{api.PREFIX}/workflows", self.workflows, GET=READ),
            endpoint(f"{api.PREFIX}/health", self.health, GET=READ),
        ]

    async def about(self, _: Request) -> Response:
        """`GET /api/v1`: what answers here."""
        return document(api.About("flawless", version(), "v1"))

    async def workflows(self, _: Request) -> Response:
        """`GET /workflows`: what can be started, with signatures as JSON Schema."""
        known = sorted(self._service.workflows.values(), key=lambda info: info.name)
        return document(
            msgspec.convert({"workflows": msgspec.to_builtins(known)}, api.WorkflowList)
        )

    async def health(self, _: Request) -> Response:
        """`GET /health`: 200 while the engine can keep what it does, else 503."""
        state = await self._service.health()
        state["executions"] = {str(status): n for status, n in state["executions"].items()}
        health = msgspec.convert({"version": version(), **state}, api.Health)
        return document(health, 200 if health.status == "ok" else 503)
