"""The application: routes, access, and errors in one form."""

from __future__ import annotations

import asyncio

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect

from flawless import api
from flawless.engine.service import Service
from flawless.engine.version import version
from flawless.errors import FlawlessError
from flawless.server.access.authentication import AccessGuard, Authenticator
from flawless.server.access.callers import Access
from flawless.server.access.cors import CrossOrigin
from flawless.server.access.shares import Shares
from flawless.server.endpoints.about import About
from flawless.server.endpoints.actions import Actions
from flawless.server.endpoints.deployments import Deployments
from flawless.server.endpoints.executions import Executions
from flawless.server.endpoints.exports import Exports
from flawless.server.endpoints.forks import Forks
from flawless.server.endpoints.identity import Identity
from flawless.server.endpoints.inbox import Inbox
from flawless.server.endpoints.monitoring import Monitoring
from flawless.server.endpoints.paths import Paths
from flawless.server.openapi import OpenAPI
from flawless.server.routing import Endpoint, nowhere, require_needs
from flawless.server.site import script
from flawless.server.site.login import Login, on_token_required
from flawless.server.site.pages import Pages
from flawless.server.streams.endpoints import Streams
from flawless.server.wire import problems
from flawless.server.wire.headers import STANDING, StandingHeaders
from flawless.server.wire.problems import (
    RETRY_AFTER_S,
    TokenRequired,
    TooManyRequests,
    TooManyStreams,
)
from flawless.server.wire.traffic import Traffic, TrafficMeter


def make_app(
    service: Service,
    *,
    access: Access | None = None,
    authenticator: Authenticator | None = None,
    connections_max: int | None = None,
) -> Starlette:
    """Return the HTTP API of an engine as an ASGI application.

    It belongs to the event loop on which `service` is open, and neither opens nor closes it. Who
    stops the server sets `app.state.stopping`, an `asyncio.Event`: requests that wait for a result
    are then answered at once.

    `access` says who may ask; by default, programs on this machine that name it `localhost` or
    `127.0.0.1`. An `authenticator` decides instead, where it is given. Of the `connections_max`
    that the server takes, streams have half at most.

    Example: `uvicorn.Config(make_app(service))`.
    """
    authenticator = authenticator or Authenticator(access or Access(), service.clock)
    stopping = asyncio.Event()
    traffic = Traffic()
    limits = authenticator.access.limits
    streams = Streams(
        service,
        stopping,
        Shares(limits, lambda why: TooManyStreams(f"streams of events: {why}")),
        None if connections_max is None else connections_max // 2,
    )
    waits = Shares(limits, lambda why: TooManyRequests(f"requests that wait: {why}", RETRY_AFTER_S))
    inbox = Inbox(service)
    routes = [
        *Executions(service, stopping, waits).routes(),
        *Exports(service).routes(),
        *Paths(service, stopping, waits).routes(),
        *Actions(service, inbox).routes(),
        *Forks(service).routes(),
        *inbox.routes(),
        *About(service).routes(),
        *Monitoring(service, traffic, stopping).routes(),
        *streams.routes(),
        *Identity(service, authenticator).routes(),
        *Login(authenticator).routes(),
        *Deployments(service).routes(),
        *script.routes(),
        *Pages().routes(),
    ]
    routes += OpenAPI([route for route in routes if isinstance(route, Endpoint)]).routes()
    require_needs(routes)
    traffic.know(routes)
    app = Starlette(
        routes=routes,
        middleware=[
            Middleware(TrafficMeter, traffic=traffic),
            Middleware(
                StandingHeaders,
                headers={api.VERSION_HEADER: version(), **STANDING},
            ),
            Middleware(CrossOrigin, origins=authenticator.access.origins),
            Middleware(AccessGuard, authenticator=authenticator),
        ],
        exception_handlers={
            TokenRequired: on_token_required,
            FlawlessError: problems.on_flawless_error,
            HTTPException: problems.on_http_exception,
            ClientDisconnect: problems.on_disconnect,
            Exception: problems.on_internal_error,
        },
    )
    app.router.redirect_slashes = False
    app.router.default = nowhere
    app.state.stopping = stopping
    app.state.streams = streams.open
    return app
