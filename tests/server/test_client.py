"""The client: typed answers, and errors as the classes they are in the engine."""

from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from flawless.client import Client, ServerUnreachable
from flawless.errors import (
    ExecutionConflict,
    ExecutionFailed,
    ExecutionNotFound,
    InputInvalid,
    ResultTimeout,
    ServerError,
    UsageError,
    ValueTooLarge,
    WorkflowNotFound,
)


@pytest.fixture(scope="module")
def client(shop: httpx.Client) -> Iterator[Client]:
    """Give a client of the shared server."""
    with Client(str(shop.base_url).removesuffix("/api/v1/")) as made:
        yield made


def test_a_result_comes_as_a_value(client: Client) -> None:
    """Start and wait; what the workflow returned comes back."""
    started = client.start("shop.greet", {"name": "Ada"}, id="client-1")
    assert (started.id, started.new) == ("client-1", True)
    assert client.result("client-1", timeout_s=30) == "Hello, Ada"
    assert client.get("client-1").status == "completed"
    assert client.start("shop.greet", {"name": "Ada"}, id="client-1").result == "Hello, Ada"
    assert "client-1" in {found.id for found in client.list(prefix="client-").executions}


def test_a_failure_is_raised_with_its_parts(client: Client) -> None:
    """A failed execution raises with type, message and the user's traceback."""
    started = client.start("shop.stumble", ["a stone"])
    with pytest.raises(ExecutionFailed, match="a stone") as caught:
        client.result(started.id)
    assert caught.value.type == "ValueError"
    assert caught.value.execution == started.id
    assert "shop.py" in caught.value.traceback


def test_errors_keep_class_and_fields(client: Client) -> None:
    """What the engine raised over there is raised here, with its fields."""
    with pytest.raises(WorkflowNotFound) as unknown:
        client.start("shop.gret")
    assert "shop.greet" in unknown.value.known
    with pytest.raises(InputInvalid) as unfit:
        client.start("shop.nap", ["long"])
    assert unfit.value.path == "seconds"
    with pytest.raises(ExecutionNotFound, match="nobody"):
        client.get("nobody")
    with pytest.raises(ValueTooLarge) as large:
        client.start("shop.echo", ["x" * (6 << 20)])
    assert large.value.limit_bytes < large.value.size_bytes
    client.start("shop.greet", id="client-2")
    with pytest.raises(ExecutionConflict):
        client.start("shop.echo", id="client-2")
    for wrong in ("", ".", "..", "a/b", "a b", "%00"):
        with pytest.raises(UsageError):
            client.get(wrong)


def test_waiting_has_an_end(client: Client, tmp_path: Path) -> None:
    """A wait that is over raises `ResultTimeout`; the execution goes on."""
    gate = tmp_path / "gate"
    started = client.start("shop.wait_for_gate", [str(gate)])
    with pytest.raises(ResultTimeout, match="goes on"):
        client.result(started.id, timeout_s=0.05)
    gate.write_text("open")
    assert client.result(started.id) == "open"


def test_journals_and_logs_come_whole(client: Client) -> None:
    """Pages are put together; logs can be asked for from a position on."""
    started = client.start("shop.talk", [1500], wait_s=30)
    assert started.result == 1500
    positions = [entry["position"] for entry in client.journal(started.id)]
    assert positions == list(range(len(positions)))
    lines, position = client.logs(started.id)
    assert len(lines) == 1500
    assert client.logs(started.id, position) == ([], position)


def test_nobody_there() -> None:
    """A server that is not running is named, with the command that starts it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with (
            Client(f"http://127.0.0.1:{port}") as client,
            pytest.raises(ServerUnreachable, match="flawless up"),
        ):
            client.about()


class Stranger(http.server.BaseHTTPRequestHandler):
    """Some other web server."""

    def do_GET(self) -> None:
        """Answer with a page."""
        self.send_response(404 if "result" in self.path else 200)
        self.end_headers()
        self.wfile.write(b"<h1>It works!</h1>\x1b[31m")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_somebody_else_there() -> None:
    """A server that is not Flawless is recognised, whatever it answers."""
    with http.server.HTTPServer(("127.0.0.1", 0), Stranger) as stranger:
        thread = threading.Thread(target=stranger.serve_forever)
        thread.start()
        try:
            with Client(f"http://127.0.0.1:{stranger.server_port}") as client:
                for ask in (client.about, client.workflows, lambda: client.outcome("x")):
                    with pytest.raises(ServerError, match="no Flawless server"):
                        ask()
        finally:
            stranger.shutdown()
            thread.join()


@pytest.mark.parametrize(
    "url", ["nonsense", "ftp://x", "http://", "http://x:99999", "http://[", "//x"]
)
def test_an_address_that_is_none(url: str) -> None:
    """A FLAWLESS_URL that cannot be an address is refused with an example."""
    with pytest.raises(UsageError, match="FLAWLESS_URL"):
        Client(url)
