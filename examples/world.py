"""The world outside, for all examples: services on a local HTTP server that keep count.

A good service carries out a request once, however often it comes: it knows a repetition by its
`Idempotency-Key`, and answers as before. So `requests` may hold a request twice after a crash, and
`carried_out` must not.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from typing import Any, TypeAlias
from urllib.parse import parse_qsl, urlsplit

from localhost import Localhost, Server

Body: TypeAlias = dict[str, Any]
Service: TypeAlias = Callable[[Body], Body]
"""Takes the fields of a request and returns those of the answer, or raises `Refused`."""


class Refused(Exception):
    """A service says no: the answer has status 409 and the reason."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in; `again` if its key was known."""

    service: str
    body: Body
    key: str | None
    again: bool


class World(Localhost):
    """Some services by name, at `url`/name, until the end of the `with`.

    `seen` is called with each request, before it is answered. Any free `port` is taken by default.
    """

    def __init__(
        self,
        services: Mapping[str, Service],
        seen: Callable[[Request], object] | None = None,
        port: int = 0,
    ) -> None:
        self.requests: list[Request] = []
        self._services = services
        self._seen = seen or (lambda request: None)
        self._answers: dict[str, tuple[int, Body]] = {}
        self._lock = threading.Lock()
        super().__init__(_Handler, port)

    def carried_out(self, service: str) -> list[Body]:
        """Return what a service has done, in order."""
        with self._lock:
            mine = [request for request in self.requests if request.service == service]
        return [request.body for request in mine if not request.again]

    def answer(self, service: str, key: str | None, body: Body) -> tuple[int, Body]:
        """Carry out a request, or find that it was carried out before: status and answer."""
        with self._lock:
            known = None if key is None else self._answers.get(key)
            request = Request(service, body, key, again=known is not None)
            self.requests.append(request)
            answer = known or self._carry_out(service, body)
            if key is not None:
                self._answers[key] = answer
        self._seen(request)
        return answer

    def _carry_out(self, service: str, body: Body) -> tuple[int, Body]:
        if service not in self._services:
            return 404, {"reason": f"there is no {service}"}
        try:
            return 200, self._services[service](body)
        except Refused as refused:
            return 409, {"reason": str(refused)}


class _Handler(BaseHTTPRequestHandler):
    """Reads one request and writes one answer, in JSON."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Answer a question: its fields are in the query."""
        self._answer(dict(parse_qsl(urlsplit(self.path).query)))

    def do_POST(self) -> None:
        """Answer an order: its fields are in the body."""
        self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

    def _answer(self, body: Body) -> None:
        service = urlsplit(self.path).path.strip("/")
        status, answer = self.server.owner.answer(service, self.headers["Idempotency-Key"], body)
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the base class's name)
        """Leave the terminal to the example."""
