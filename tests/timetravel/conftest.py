"""Workflows of this folder, and a local HTTP service for them."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from random import SystemRandom

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "replay")]

from debugging import Open  # noqa: E402 (found through the line above)

from flawless.timetravel.stepping.debugger import Debugger  # noqa: E402 (likewise)
from stepping import recordings  # noqa: E402 (likewise)


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


@pytest.fixture(scope="package")
def site() -> Iterator[str]:
    """The address of an HTTP service that echoes."""
    with Site(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def opened() -> Iterator[Open]:
    """A debugger on one of the recordings, at its start."""
    made: dict[str, Debugger] = {}

    def open_(name: str) -> Debugger:
        if name not in made:
            made[name] = Debugger(recordings()[name])
        made[name].breakpoints.clear()
        made[name].start()
        return made[name]

    yield open_
    for one in made.values():
        one.close()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the first program: `--seed`, or another one in each run."""
    given = request.config.getoption("--seed")
    return SystemRandom().getrandbits(32) if given is None else int(given)
