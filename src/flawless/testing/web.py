"""Fakes in place of the network."""

from __future__ import annotations

import json as json_
import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from flawless.core.protocol import HttpRequest
from flawless.durations import Duration
from flawless.engine.egress import Egress
from flawless.engine.http import HttpPerformer
from flawless.engine.outcome import Outcome
from flawless.errors import FlawlessError, RequestTimeout, UsageError
from flawless.http import Headers
from flawless.testing.clock import VirtualClock
from flawless.testing.steps import FakeSteps, Script

_ROUTE = re.compile(r"(?:([A-Z]+)\s+)?(\S+)")

_timeout_s: ContextVar[float | None] = ContextVar("flawless_lab_timeout_s", default=None)


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request of a workflow, as it would have been sent."""

    method: str
    url: str
    headers: Headers
    content: bytes
    at: datetime

    @property
    def host(self) -> str:
        """The host it goes to."""
        return urlsplit(self.url).hostname or ""

    @property
    def path(self) -> str:
        """The path of its URL."""
        return urlsplit(self.url).path

    @property
    def params(self) -> dict[str, str]:
        """The query of its URL; of a repeated name the last value."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode()

    def json(self) -> Any:
        """Return the body read as JSON."""
        return json_.loads(self.content)


class Reply:
    """What a fake answers: a status, and a body as `json`, `text` or `content`."""

    def __init__(
        self,
        status: int = 200,
        *,
        json: Any = ...,
        text: str | None = None,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        if (json is not ...) + (text is not None) + (content is not None) > 1:
            raise UsageError("a reply has one body: json, text or content")
        self.status = status
        self.headers = dict(headers or {})
        kind = ""
        if json is not ...:
            content, kind = json_.dumps(json).encode(), "application/json"
        elif text is not None:
            content, kind = text.encode(), "text/plain; charset=utf-8"
        self.content = content or b""
        if kind and not any(name.lower() == "content-type" for name in self.headers):
            self.headers["Content-Type"] = kind

    def __repr__(self) -> str:
        return f"Reply({self.status}, content={self.content!r})"


@dataclass(slots=True)
class FakeHttp:
    """A fake in place of a part of the network, until `remove` (or the end of `with`)."""

    route: str
    pattern: re.Pattern[str]
    method: str | None
    script: Script[Any]
    _removed: Callable[[FakeHttp], None] = field(repr=False)
    requests: list[Request] = field(default_factory=list)
    """Every request it answered, in order."""

    def remove(self) -> None:
        """Answer no more."""
        self._removed(self)

    def __enter__(self) -> FakeHttp:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.remove()

    def answers(self, method: str, url: str) -> bool:
        """Whether a request is one of its own."""
        bare = url if "\\?" in self.pattern.pattern else url.partition("?")[0]
        return self.method in (None, method) and self.pattern.fullmatch(bare) is not None


class FakeWeb(httpx.AsyncBaseTransport):
    """The network as the engine of a lab sees it.

    Real requests are sent only if `network` allows them, and only where no fake answers.
    """

    def __init__(self, clock: VirtualClock, steps: FakeSteps, *, network: bool) -> None:
        self._clock = clock
        self._steps = steps
        self._network = network
        self._real: httpx.AsyncHTTPTransport | None = None
        self._fakes: list[FakeHttp] = []

    def add(
        self,
        route: object,
        outcome: Any,
        outcomes: Sequence[Any] | None,
        takes: Duration,
    ) -> FakeHttp:
        """Put a fake in place of a part of the network; without a route, of all of it."""
        if callable(route):
            if outcome is not None or outcomes is not None:
                raise UsageError("to answer some requests, give the route first and then how")
            route, outcome = "*", route
        found = _ROUTE.fullmatch(route.strip()) if isinstance(route, str) else None
        if not isinstance(route, str) or found is None:
            raise UsageError(
                f'{route!r} is no route: write "GET https://shop.example/orders/*", with or '
                "without a method"
            )
        pattern = ".*".join(re.escape(part) for part in found[2].split("*"))
        script = Script[Any](f"the fake of {route}", outcome, outcomes, takes)
        return self._put(FakeHttp(route, re.compile(pattern), found[1], script, self._remove))

    def copy_to(self, other: FakeWeb) -> None:
        """Give another lab the same fakes, without what happened to them."""
        for fake in self._fakes:
            script = fake.script.fresh()
            other._put(FakeHttp(fake.route, fake.pattern, fake.method, script, other._remove))

    def performer(self, **options: Any) -> HttpPerformer:
        """Return what an engine sends its requests with."""
        return _Performer(**options, transport=self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Answer a request: what httpx asks of a transport."""
        content = await request.aread()
        method, url = request.method, str(request.url)
        for fake in reversed(self._fakes):
            if fake.answers(method, url):
                headers = Headers(request.headers.multi_items())
                seen = Request(method, url, headers, content, self._clock.now)
                fake.requests.append(seen)
                reply = await self._reply(fake, seen)
                return httpx.Response(
                    reply.status, headers=reply.headers, content=reply.content, request=request
                )
        if self._network:
            if self._real is None:
                self._real = httpx.AsyncHTTPTransport()
            return await self._real.handle_async_request(request)
        known = ", ".join(fake.route for fake in self._fakes) or "none"
        raise UsageError(
            f"no fake answers {method} {url} (fakes: {known}), and a lab sends no real requests: "
            f'add lab.fake_http("{method} {url.partition("?")[0]}", ...), or make it with '
            "network=True"
        )

    async def aclose(self) -> None:
        """Close real connections."""
        if self._real is not None:
            await self._real.aclose()
            self._real = None

    async def _reply(self, fake: FakeHttp, request: Request) -> Reply:
        key = (request.headers.get("idempotency-key"), request.method, request.url)
        try:
            outcome = await fake.script.next(self._clock, _timeout_s.get(), *key)
        except TimeoutError:
            limit_s = _timeout_s.get()
            text = f"no complete response from {request.host} within {limit_s:g} s"
            raise RequestTimeout(text) from None
        if isinstance(outcome, type) and issubclass(outcome, BaseException):
            outcome = outcome(f"{request.method} {request.url}: so says the fake")
        try:
            outcome = await self._steps.carry_out(outcome, request)
        except (FlawlessError, httpx.HTTPError):
            raise
        except Exception as error:
            raise UsageError(
                f"the fake of {fake.route} raised {type(error).__name__}: {error}"
            ) from error
        if isinstance(outcome, BaseException):
            raise outcome
        return _reply(fake.route, outcome)

    def _put(self, fake: FakeHttp) -> FakeHttp:
        self._fakes.append(fake)
        return fake

    def _remove(self, fake: FakeHttp) -> None:
        self._fakes = [one for one in self._fakes if one is not fake]


class _Performer(HttpPerformer):
    """Tells the transport how long each request may take: virtual time is only known there."""

    async def perform(
        self,
        execution: str,
        request: HttpRequest,
        *,
        seed: bytes | None = None,
        egress: Egress | None = None,
        traceparent: str | None = None,
    ) -> Outcome:
        """See `HttpPerformer.perform`."""
        _timeout_s.set(request.timeout_s)  # each request has a task, and so a context, of its own
        return await super().perform(
            execution, request, seed=seed, egress=egress, traceparent=traceparent
        )


def _reply(route: str, outcome: Any) -> Reply:
    match outcome:
        case Reply():
            return outcome
        case None:
            return Reply()
        case bool() | dict() | list() | float():
            return Reply(json=outcome)
        case int():
            return Reply(outcome)
        case str():
            return Reply(text=outcome)
        case bytes():
            return Reply(content=outcome)
    raise UsageError(
        f"the fake of {route} gave {outcome!r}: give a Reply, a status, a text, bytes, or a dict "
        "or list for JSON"
    )
