"""The endpoints for those who watch over an engine: probes, metrics, samples, restarts."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute

from flawless import api
from flawless.engine.service import Service
from flawless.engine.stats import INTERVAL_S, Sample
from flawless.server.access.roles import ANYONE, READ
from flawless.server.endpoints.metrics import MEDIA_TYPE, exposition
from flawless.server.routing import endpoint
from flawless.server.wire.documents import document
from flawless.server.wire.requests import Query
from flawless.server.wire.traffic import Traffic
from flawless.stores.base import Opening


class Monitoring:
    """Tells machines and charts how the engine is. `stopping` is set when the server stops."""

    def __init__(self, service: Service, traffic: Traffic, stopping: asyncio.Event) -> None:
        self._service = service
        self._monitor = service.monitor
        self._traffic = traffic
        self._stopping = stopping

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        return [
            endpoint("/healthz", self.alive, GET=ANYONE),
            endpoint("/readyz", self.ready, GET=ANYONE),
            endpoint("/metrics", self.metrics, GET=READ),
            endpoint(f"{api.PREFIX}/stats", self.stats, GET=READ),
            endpoint(f"{api.PREFIX}/restarts", self.restarts, GET=READ),
        ]

    async def alive(self, _: Request) -> Response:
        """`GET /healthz`: the process answers. Whoever gets no answer may kill it."""
        return PlainTextResponse("ok\n")

    async def ready(self, _: Request) -> Response:
        """`GET /readyz`: 200 while new executions can be taken, else 503."""
        if self._stopping.is_set() or not self._monitor.ready:
            return PlainTextResponse("not ready\n", 503)
        return PlainTextResponse("ready\n")

    async def metrics(self, _: Request) -> Response:
        """`GET /metrics`: all metrics, as Prometheus reads them."""
        text = await exposition(self._service, self._traffic)
        return Response(text, media_type=MEDIA_TYPE)

    async def stats(self, request: Request) -> Response:
        """`GET /stats`: samples of the last hour, or only those behind the moment `after`."""
        after_us = Query(request, {"after"}).moment_us("after")
        samples = [_sample(one) for one in self._monitor.samples(after_us)]
        guests_max = self._service.settings.guests_max
        return document(api.Stats(INTERVAL_S, guests_max, samples))

    async def restarts(self, request: Request) -> Response:
        """`GET /restarts`: when engines opened the store, newest first."""
        Query(request, set())
        found = await self._monitor.restarts()
        return document(api.RestartList([_restart(one) for one in found]))


_HAPPENED: Final = tuple(
    field.name for field in fields(Sample) if field.name not in ("gauges", "interval_s", "cpu")
)
"""What a sample has under the same name, and in the same unit, as its document."""


def _restart(opening: Opening) -> api.Restart:
    return api.Restart(api.timestamp(opening.at_us), opening.version, opening.clean)


def _sample(sample: Sample) -> api.Sample:
    gauges = sample.gauges
    return api.Sample(
        at=api.timestamp(gauges.at_us),
        interval_s=round(sample.interval_s, 3),
        executions=gauges.executions,
        guests=gauges.guests,
        in_memory=gauges.in_memory,
        queued=gauges.queued,
        in_flight=gauges.in_flight,
        memory_bytes=gauges.memory_bytes,
        cpu=round(sample.cpu, 4),
        lag_ms=round(gauges.lag_s * 1_000, 3),
        **{name: getattr(sample, name) for name in _HAPPENED},
    )
