"""Counting requests by their route, so that the number of series has a bound."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flawless.engine.histogram import Histogram

ELSEWHERE: Final = "(none)"
"""The route of requests for what does not exist."""
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER_METHOD: Final = "(other)"
ANSWER_S: Final = (
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 30.0, 60.0,
)  # fmt: skip
_EVENTS = b"text/event-stream"


class Traffic:
    """The numbers of one server's requests."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, ...]] = Counter()
        """Requests answered, by method, route and status."""
        self.answer_s: dict[str, Histogram] = {}
        """From a request to the beginning of its answer, by route."""
        self.in_flight = 0
        self.readers: Counter[str] = Counter()
        """Streams of events being read, by route."""
        self._paths: dict[Any, str] = {}

    def know(self, routes: Iterable[BaseRoute]) -> None:
        """Learn the routes there are: others are not counted by name."""
        for route in routes:
            if isinstance(route, Route):
                self._paths.setdefault(route.endpoint, route.path)

    def route_of(self, scope: Scope) -> str:
        """Return the route that has answered a request."""
        return self._paths.get(scope.get("endpoint"), ELSEWHERE)

    def answered(self, scope: Scope, status: int, took_s: float) -> None:
        """A request is being answered."""
        method = scope["method"] if scope["method"] in METHODS else OTHER_METHOD
        route = self.route_of(scope)
        self.requests[method, route, str(status)] += 1
        times = self.answer_s.get(route)
        if times is None:
            times = self.answer_s[route] = Histogram(ANSWER_S)
        times.add(took_s)


class TrafficMeter:
    """ASGI middleware that counts requests. It stands around all others."""

    def __init__(self, app: ASGIApp, traffic: Traffic) -> None:
        self._app = app
        self._traffic = traffic

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        traffic = self._traffic
        time = asyncio.get_running_loop().time
        began_s = time()
        reads = ""

        async def counted(message: Message) -> None:
            nonlocal reads
            if message["type"] == "http.response.start":
                traffic.answered(scope, message["status"], time() - began_s)
                if any(
                    name == b"content-type" and text.startswith(_EVENTS)
                    for name, text in message["headers"]
                ):
                    reads = traffic.route_of(scope)
                    traffic.readers[reads] += 1
            await send(message)

        traffic.in_flight += 1
        try:
            await self._app(scope, receive, counted)
        finally:
            traffic.in_flight -= 1
            if reads:
                traffic.readers[reads] -= 1
