"""A local HTTP service that sends back whatever it got, in every form a service might."""

from __future__ import annotations

import asyncio
import base64
import html
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, quote, unquote, urlsplit

from flawless.core.protocol import HttpRequest
from flawless.engine.egress import Egress
from flawless.engine.http import HttpPerformer
from flawless.engine.outcome import Outcome
from flawless.engine.secrets import Secrets


@dataclass
class Seen:
    """A request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: str


class Mirror:
    """A service on a port of its own; `seen` lists what it received."""

    def __init__(self) -> None:
        self.seen: list[Seen] = []
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): text for name, text in self.headers.items()}
                seen = Seen(self.command, self.path, headers, body.decode())
                mirror.seen.append(seen)
                url = urlsplit(self.path)
                query = {name: texts[0] for name, texts in parse_qs(url.query).items()}
                match url.path:
                    case "/to":
                        self._send(int(query.get("status", 302)), b"", Location=query["url"])
                    case "/to-with-key":
                        target = query["url"] + "?key=" + quote(headers["x-key"], safe="")
                        self._send(302, b"", Location=target)
                    case "/garbage":
                        self.wfile.write(f"{headers['x-key']}\r\n\r\n".encode())
                        self.close_connection = True
                    case "/utf-16":
                        self._send(200, headers["x-key"].encode("utf-16-le"))
                    case "/binary":
                        self._send(200, b"\xff" + headers["x-key"].encode())
                    case _:
                        self._send(200, _told(seen), **{"X-Key": headers.get("x-key", "none")})

            do_GET = do_POST = do_PUT = _answer  # noqa: N815 (names of http.server)

            def _send(self, status: int, body: bytes, **headers: str) -> None:
                self.send_response(status)
                for name, text in headers.items():
                    self.send_header(name, text)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        self.host = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.host}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the service."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _told(seen: Seen) -> bytes:
    texts = [seen.path, unquote(seen.path), *seen.headers.values(), seen.body]
    told: list[Any] = []
    for text in texts:
        told += [text, quote(text), quote(text, safe=""), html.escape(text)]
        told += [base64.b64encode(f"{'x' * n}{text}y".encode()).decode() for n in range(3)]
        told += [base64.urlsafe_b64encode(text.encode()).decode(), json.dumps(text)]
    return json.dumps(told).encode() + "\n".join(texts).encode()


@contextmanager
def mirrors(count: int) -> Iterator[list[Mirror]]:
    """Some services, each on another port."""
    made = [Mirror() for _ in range(count)]
    try:
        yield made
    finally:
        for mirror in made:
            mirror.close()


def send(
    url: str,
    method: str = "GET",
    *,
    headers: dict[str, str] | None = None,
    text: str | None = None,
    redirects: int = 5,
    secrets: Secrets | None = None,
    seed: bytes | None = None,
    egress: Egress | None = None,
) -> Outcome:
    """Send one request as an engine does."""
    request = HttpRequest(
        1,
        method,
        url,
        list((headers or {}).items()),
        None if text is None else {"text": text},
        timeout_s=20,
        max_redirects=redirects,
    )

    async def main() -> Outcome:
        performer = HttpPerformer(body_bytes_max=1_000_000, secrets=secrets)
        try:
            return await performer.perform("order-1", request, seed=seed, egress=egress)
        finally:
            await performer.close()

    return asyncio.run(main())


def response(outcome: Outcome) -> dict[str, Any]:
    """Return what a request gave."""
    assert not outcome.failed, outcome.payload
    value: dict[str, Any] = json.loads(outcome.payload)
    return value


def error(outcome: Outcome) -> dict[str, Any]:
    """Return how a request failed."""
    assert outcome.failed, outcome.payload
    value: dict[str, Any] = json.loads(outcome.payload)
    return value
