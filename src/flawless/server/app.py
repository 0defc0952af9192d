"""The application: routes, access, and errors in one form."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from flawless import api
from flawless.engine.service import Service
from flawless.errors import FlawlessError
from flawless.server import problems, script
from flawless.server.about import About, version
from flawless.server.access import Access
from flawless.server.actions import Actions
from flawless.server.authentication import AccessGuard, Authenticator
from flawless.server.deployments import Deployments
from flawless.server.executions import Executions
from flawless.server.headers import StandingHeaders
from flawless.server.identity import Identity
from flawless.server.openapi import OpenAPI
from flawless.server.pages import Pages
from flawless.server.routing import Endpoint, nowhere, require_needs
from flawless.server.streams import Streams


def make_app(service: Service, *, access: Access | None = None) -> Starlette:
    """Return the HTTP API of an engine as an ASGI application.

    It belongs to the event loop on which `service` is open, and neither opens nor closes it. Who
    stops the server sets `app.state.stopping`, an `asyncio.Event`: requests that wait for a result
    are then answered at once.

    `access` says who may ask; by default, programs on this machine that name it `localhost` or
    `127.0.0.1`.

    Example: `uvicorn.Config(make_app(service))`.
    """
    authenticator = Authenticator(access or Access(), service.clock)
    stopping = asyncio.Event()
    routes = [
        *Executions(service, stopping).routes(),
        *Actions(service).routes(),
        *About(service).routes(),
        *Streams(service, stopping).routes(),
        *Identity(service, authenticator).routes(),
        *Deployments(service).routes(),
        *script.routes(),
        *Pages().routes(),
    ]
    routes += OpenAPI([route for route in routes if isinstance(route, Endpoint)]).routes()
    require_needs(routes)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(
                StandingHeaders,
                headers={
                    api.VERSION_HEADER: version(),
                    "Cache-Control": "no-store",
                    "X-Content-Type-Options": "nosniff",
                },
            ),
            Middleware(AccessGuard, authenticator=authenticator),
        ],
        exception_handlers={
            FlawlessError: problems.on_flawless_error,
            HTTPException: problems.on_http_exception,
            ClientDisconnect: problems.on_disconnect,
            Exception: problems.on_internal_error,
        },
    )
    app.router.redirect_slashes = False
    app.router.default = nowhere
    app.state.stopping = stopping
    return app
