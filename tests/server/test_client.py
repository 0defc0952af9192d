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
    ExecutionCancelled,
    ExecutionConflict,
    ExecutionEnded,
    ExecutionFailed,
    ExecutionNotFound,
    InputInvalid,
    NotParked,
    ResultTimeout,
    RetryRefused,
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
    for wrong in ("", ".", "..", "a/b", "a b", "%00", "a~", "a~b", "~1", "a~1~1"):
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


def test_talking_goes_both_ways(client: Client) -> None:
    """Messages go in, state and response come out, each as plain values."""
    client.start("desk.approve", ["a pen"], id="client-talk")
    assert client.response("client-talk", timeout_s=30) == "asked for a pen"
    state = client.state("client-talk")
    assert (state.value, state.version) == ({"item": "a pen", "stage": "asked"}, 1)
    with pytest.raises(InputInvalid) as unfit:
        client.send("client-talk", "Confirm", {"by": 5})
    assert unfit.value.path == "payload.by"
    assert client.send("client-talk", "Confirm", {"by": "ann"}, message_id="m")
    assert not client.send("client-talk", "Confirm", {"by": "ann"}, message_id="m")
    assert client.result("client-talk", timeout_s=30) == "a pen: ann"
    with pytest.raises(ExecutionEnded) as ended:
        client.send("client-talk", "Confirm", {"by": "bob"})
    assert (ended.value.execution, ended.value.status) == ("client-talk", "completed")


def test_a_response_that_does_not_come(client: Client) -> None:
    """Waiting for it ends with `ResultTimeout`, or with how the execution ended."""
    client.start("desk.listen", id="client-silent")
    with pytest.raises(ResultTimeout, match="not responded"):
        client.response("client-silent", timeout_s=0.05)
    client.cancel("client-silent", "no need", grace_s=0, by="me")
    with pytest.raises(ExecutionCancelled, match="no need") as cancelled:
        client.response("client-silent", timeout_s=30)
    assert cancelled.value.reason == "no need"
    with pytest.raises(ExecutionCancelled):
        client.result("client-silent")
    assert client.retry("client-silent", from_start=True).run == 2
    client.terminate("client-silent")
    assert client.wait("client-silent").status == "cancelled"


def test_refusals_keep_class_and_fields(client: Client) -> None:
    """What cannot be decided or repaired raises the error that says why."""
    client.start("shop.greet", id="client-fine", wait_s=30)
    with pytest.raises(RetryRefused) as refused:
        client.retry("client-fine", effect=3)
    assert refused.value.execution == "client-fine"
    with pytest.raises(NotParked) as unparked:
        client.resolve("client-fine", ok=None, effect=4)
    assert (unparked.value.status, unparked.value.execution) == ("completed", "client-fine")
    with pytest.raises(InputInvalid):
        client.resolve("client-fine")
    assert client.parked("client-fine") == []
    for nothing in (float("nan"), "\ud800", object()):
        with pytest.raises(InputInvalid, match="JSON"):
            client.send("client-fine", "x", nothing)


def test_children_come_from_all_pages(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """However many there are, all children are given, in order."""
    monkeypatch.setattr("flawless.api.LIST_LIMIT_MAX", 2)
    client.start("desk.family", [5], id="client-kin")
    while len(list(client.children("client-kin"))) < 5:
        client.outcome("client-kin", 0.05)
    assert [child.id for child in client.children("client-kin")] == [
        f"client-kin.{n}" for n in range(1, 6)
    ]
    client.terminate("client-kin")


def test_logs_are_read_through_all_runs(client: Client) -> None:
    """A tail goes on with the next run where the one before ended, and misses no run."""
    client.start("desk.relay", [5], id="client-relay")
    tail = client.log_tail("client-relay")
    seen: list[str] = []

    def read_until(text: str) -> None:
        while text not in seen:
            client.outcome("client-relay", 0.05)
            seen.extend(line.message for line in tail.read())

    read_until("run with 5")
    client.send("client-relay", "go")
    read_until("run with 4")
    for _ in range(4):
        client.send("client-relay", "go")
    assert client.result("client-relay") == "over"
    seen.extend(line.message for line in tail.read())
    assert seen == [f"run with {n}" for n in (5, 4, 3, 2, 1)]
    assert tail.read() == []


def test_a_journal_is_that_of_one_run(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the next run begins between two pages, the rest comes from the run it began with."""
    monkeypatch.setattr("flawless.api.JOURNAL_LIMIT", 1)
    client.start("desk.relay", [2], id="client-pages")
    while client.get("client-pages").status != "waiting":
        client.outcome("client-pages", 0.05)
    pages = client.journal_pages("client-pages")
    entries = next(pages).entries
    client.send("client-pages", "go")
    while client.get("client-pages").run == 1:
        client.outcome("client-pages", 0.05)
    entries += [entry for page in pages for entry in page.entries]
    assert [entry["position"] for entry in entries] == list(range(len(entries)))
    assert (entries[0]["run"], entries[-1]["kind"]) == (1, "continued")
    with pytest.raises(UsageError, match="ask for that of client-pages"):
        client.result("client-pages~1")
    client.terminate("client-pages")


def test_nobody_there() -> None:
    """A server that is not running is named, with the command that starts it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        with (
            Client(f"http://127.0.0.1:{port}", retry_s=0) as client,
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
