"""One engine for most of the engine's tests, and a local HTTP service."""

from __future__ import annotations

import socketserver
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import flawless

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

from lives import Desk  # noqa: E402 (found through the line above)
from uploading import open_engine  # noqa: E402 (likewise)

from flawless.functions import steps  # noqa: E402 (likewise)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Of both forms on both stores, leave two of the four pairs to the sweep."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        params = {} if callspec is None or HERE not in item.path.parents else callspec.params
        if (params.get("engine"), params.get("form")) in (("memory", ""), ("sqlite", "_async")):
            item.add_marker(pytest.mark.sweep)


@pytest.fixture(scope="package")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flawless.Engine]:
    """An engine on SQLite with the programs of this folder, low limits, and quick eviction."""
    folder = tmp_path_factory.mktemp("engine")
    settings = flawless.Settings(
        limits=flawless.Limits(
            cpu_s_per_turn=1.0, guest_memory_bytes_max=128 * 1024 * 1024, value_bytes_max=1_000_000
        ),
        evict_after_s=0.2,
        step_threads=8,
    )
    with flawless.Engine(folder / "t.db", modules=["engine_programs"], settings=settings) as made:
        yield made


class Handler(BaseHTTPRequestHandler):
    """Echoes, redirects, stalls or floods, as the path says."""

    protocol_version = "HTTP/1.1"
    seen: list[tuple[str, str, dict[str, str]]]

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.seen.append((self.command, self.path, headers))
        match self.path.split("/")[1]:
            case "echo":
                self._send(200, body, self.headers.get("Content-Type", "text/plain"))
            case "cookie":
                self._send(200, self.headers.get("Cookie", "none").encode(), "text/plain")
            case "name":
                self._send(200, self.path.encode(), "text/plain")
            case "status":
                self._send(int(self.path.split("/")[2]), b"sorry", "text/plain")
            case "redirect":
                self._redirect(int(self.path.split("/")[2]))
            case "large":
                self._send(200, b"x" * int(self.path.split("/")[2]), "text/plain")
            case "binary":
                self._send(200, b"\xff" * int(self.path.split("/")[2]), "text/plain")
            case "stall":
                threading.Event().wait(2)
                self._send(200, b"late", "text/plain")
            case "break":
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort")
                self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815 (names of http.server)

    def _redirect(self, left: int) -> None:
        target = f"/redirect/{left - 1}" if left > 1 else "/name/end"
        self.send_response(302)
        self.send_header("Location", target)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.path == "/cookie/set":
            self.send_header("Set-Cookie", "session=alice")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
        """Say nothing."""


class Site:
    """A local HTTP service; `seen` lists what it received."""

    def __init__(self, server: socketserver.BaseServer, seen: list) -> None:
        self.url = f"http://127.0.0.1:{server.server_address[1]}"
        self.seen = seen


@pytest.fixture(scope="package")
def site() -> Iterator[Site]:
    """A local HTTP service."""
    seen: list[tuple[str, str, dict[str, str]]] = []
    handler = type("SiteHandler", (Handler,), {"seen": seen})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield Site(server, seen)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def desk() -> Iterator[Desk]:
    """A service that keeps its clients waiting."""
    made = Desk()
    yield made
    made.close()


@pytest.fixture
def untouched() -> Iterator[None]:
    """Whatever is uploaded, the process is as it was when the engines are closed."""
    modules, path, finders = set(sys.modules), list(sys.path), list(sys.meta_path)
    known = {step.name for step in steps()}
    yield
    left = [n for n in set(sys.modules) - modules if n.startswith("up_")]
    assert not [name for name in left if "file" not in name]
    assert not [s.name for s in steps() if s.name.startswith("up_") and "file" not in s.name]
    assert sys.meta_path == finders
    assert {step.name for step in steps()} >= known
    sys.path[:] = path
    for name in left:
        del sys.modules[name]


@pytest.fixture
def served(untouched: None, tmp_path: Path) -> Iterator[flawless.Engine]:
    """An engine with a module of its own, on a store in a file, to be uploaded to."""
    with open_engine(tmp_path) as made:
        yield made
