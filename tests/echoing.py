"""A local HTTP service that echoes, for programs that ask something of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import SystemRandom

import pytest


class Handler(BaseHTTPRequestHandler):
    """Gives back what it gets; `/status/404` is answered with that."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answer = self.path.encode() + body
        _, first, *rest = self.path.split("/")
        self.send_response(int(rest[0]) if first == "status" else 200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = _answer  # noqa: N815 (names of http.server)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
        """Say nothing."""


class Site(ThreadingHTTPServer):
    """Does not mind when a client goes away."""

    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextmanager
def echoing() -> Iterator[str]:
    """Serve, and give the address."""
    with Site(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def first_seed(request: pytest.FixtureRequest) -> int:
    """Return the seed of the first program: `--seed`, or another one in each run."""
    given = request.config.getoption("--seed")
    return SystemRandom().getrandbits(32) if given is None else int(given)
