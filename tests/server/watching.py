"""Metrics as text, read into numbers; and an application in this process."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette

from flawless.engine.service import Service
from flawless.server.app import make_app

Figures = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Metrics:
    """What `/metrics` said."""

    def __init__(self, text: str) -> None:
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._values: Figures = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families.values()
            for sample in family.samples
        }

    def __call__(self, name: str, **labels: str) -> float:
        """Return the value with these labels; 0 if nothing was counted with them."""
        return self._values.get((f"flawless_{name}", frozenset(labels.items())), 0.0)

    def series(self, name: str) -> list[dict[str, str]]:
        """Return the labels of all there is of one name."""
        return [dict(labels) for known, labels in self._values if known == f"flawless_{name}"]


def scrape(client: httpx.Client) -> Metrics:
    """Ask a server for its metrics; `client` is one of its API."""
    answer = client.get(f"{root(client)}/metrics")
    assert answer.status_code == 200, answer.text
    assert re.match(r"text/plain; version=0\.0\.4", answer.headers["content-type"])
    return Metrics(answer.text)


def root(client: httpx.Client) -> str:
    """Return the address of the server itself."""
    return str(client.base_url).removesuffix("/api/v1/")


def with_app(
    service: Service, work: Callable[[httpx.AsyncClient, Starlette], Awaitable[Any]]
) -> None:
    """Open an engine, and speak to its application without a server."""

    async def main() -> None:
        await service.open()
        app = make_app(service)
        transport = httpx.ASGITransport(app=app)
        try:
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                await asyncio.wait_for(work(client, app), 60)
        finally:
            await service.close(0.0)

    asyncio.run(main())
