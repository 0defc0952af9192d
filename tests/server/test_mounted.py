"""The engine inside FastAPI and Starlette, served by a real uvicorn: two loops, one application."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

import flawless
from flawless.errors import EngineStopped, ExecutionNotFound, ValueTooLarge
from hosting import Hosting, hosting, port_of
from serving import DESK, SHOP

PREFIX = "/flawless"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the address of a FastAPI application with an engine below `/flawless`."""
    with hosting("host_fastapi:app", tmp_path_factory.mktemp("host") / "app.db") as (_, found):
        yield found


@pytest.fixture
def host(url: str) -> Iterator[httpx.Client]:
    """Give a client of the application."""
    with httpx.Client(base_url=url, trust_env=False, timeout=90) as client:
        yield client


@pytest.fixture
def client(url: str) -> Iterator[flawless.Client]:
    """Give a client of the engine inside."""
    with flawless.Client(url + PREFIX, retry_s=0) as made:
        yield made


def test_the_application_and_its_engine_work_together(
    host: httpx.Client, client: flawless.Client
) -> None:
    """Started by the one's code, watched and talked to over HTTP, waited for by a thread."""
    id_ = host.post("/orders", params={"item": "a pen"}).json()["id"]
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(host.get(f"/results/{id_}").json()))
    thread.start()
    states = []
    for state in client.watch(id_):
        states.append(state.value["stage"])
        if state.version == 1:
            client.send(id_, "Confirm", {"by": "ann"})
    thread.join()
    assert (states, found) == (["asked", "confirmed"], ["a pen: ann"])


def test_addresses_have_the_prefix(host: httpx.Client) -> None:
    """Where something is, is told as it is reached from outside."""
    body = {"workflow": "shop.greet", "id": "mounted-1", "wait_s": 30}
    started = host.post(f"{PREFIX}/api/v1/executions", json=body)
    assert started.headers["Location"] == f"{PREFIX}/api/v1/executions/mounted-1"
    assert host.get(started.headers["Location"]).json()["status"] == "completed"
    assert host.get(PREFIX, follow_redirects=True).url.path == f"{PREFIX}/ui/"
    assert f'<base href="{PREFIX}/ui/">' in host.get(f"{PREFIX}/ui/").text
    assert "class Flawless" in host.get(f"{PREFIX}/flawless.js").text
    missing = host.get(f"{PREFIX}/api/v1/nothing")
    assert (missing.status_code, missing.json()["status"]) == (404, 404)
    assert host.get("/nothing").json() == {"detail": "Not Found"}, "the application's own"


def test_large_bodies_cross(client: flawless.Client) -> None:
    """Megabytes go in and come out whole; what is too large is refused with the reason."""
    value = "ä€𝄞x" * 250_000
    started = client.start("shop.echo", [value], wait_s=60)
    assert started.result == value
    with pytest.raises(ValueTooLarge):
        client.start("shop.echo", ["x" * (6 << 20)])


def test_many_requests_at_once(url: str) -> None:
    """Requests of one loop wait on another, all at the same time."""

    async def run() -> None:
        async with flawless.AsyncClient(url + PREFIX) as client:

            async def one(n: int) -> Any:
                started = await client.start("shop.echo", [n])
                return await client.result(started.id, timeout_s=90)

            assert await asyncio.gather(*map(one, range(60))) == list(range(60))

    asyncio.run(run())


def raw_stream(url: str, path: str) -> socket.socket:
    """Ask for a stream; return its connection once the answer has begun."""
    connection = socket.create_connection(("127.0.0.1", port_of(url)))
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    assert connection.recv(1_000).startswith(b"HTTP/1.1 200")
    return connection


def test_who_leaves_leaves_nothing_behind(
    url: str, host: httpx.Client, client: flawless.Client
) -> None:
    """Streams and long polls of clients that went away end on both loops."""
    client.start("desk.listen", id="mounted-idle")
    while (before := host.get("/work").json())["requests"]:
        pass
    path = f"{PREFIX}/api/v1/executions/mounted-idle/events"
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(raw_stream(url, path))
        under_way = host.get("/work").json()
        assert under_way["requests"] == 40
        assert under_way["there"] >= 40
    while any(count > before[name] for name, count in host.get("/work").json().items()):
        pass
    client.terminate("mounted-idle")


def test_a_slow_reader_slows_nobody_else(
    url: str, host: httpx.Client, client: flawless.Client
) -> None:
    """A stream nobody reads waits for its reader, and everything else goes on."""
    client.start("shop.talk", [20_000], id="mounted-talk")
    path = f"{PREFIX}/api/v1/executions/mounted-talk/events?include=journal,logs"
    with raw_stream(url, path) as slow:
        client.wait("mounted-talk", timeout_s=90)
        assert client.start("shop.greet", wait_s=30).result == "Hello, world"
        while (requests := host.get("/work").json()["requests"]) != 1:
            assert requests, "the stream is still being sent"
        seen = b""
        while b"event: end" not in seen[-100_000:]:
            piece = slow.recv(1 << 20)
            assert piece
            seen += piece
        assert seen.count(b'"kind":"logged"') == 20_000


def test_stopping_ends_what_waits(tmp_path: Path) -> None:
    """Told to stop, uvicorn is not kept waiting by open streams and long polls."""
    with hosting("host_fastapi:app", tmp_path / "app.db") as (server, url):
        with flawless.Client(url + PREFIX, retry_s=0) as client:
            client.start("desk.listen", id="waiting")
            stream = raw_stream(url, f"{PREFIX}/api/v1/executions/waiting/events")
            told: list[Exception] = []

            def wait() -> None:
                try:
                    client.outcome("waiting", 60)
                except Exception as error:
                    told.append(error)

            thread = threading.Thread(target=wait)
            thread.start()
            with httpx.Client(base_url=url, trust_env=False) as host:
                while host.get("/work").json()["requests"] < 2:
                    pass
            printed = server.await_stop()
            thread.join()
            stream.close()
        assert [type(error) for error in told] == [EngineStopped]
        assert "Application shutdown complete" in printed
        assert "Traceback" not in printed
        assert "never retrieved" not in printed
        assert "was destroyed" not in printed


def test_a_killed_application_goes_on(tmp_path: Path) -> None:
    """After kill -9 the next process finishes what was begun, and its watchers see the end."""
    store = tmp_path / "app.db"
    with hosting("host_fastapi:app", store) as (server, url):
        with flawless.Client(url + PREFIX) as client:
            client.start("desk.approve", ["a chair"], id="kept")
            assert client.response("kept") == "asked for a chair"
        server.kill()
    with (
        flawless.Client(url + PREFIX, retry_s=120) as client,
        Hosting("host_fastapi:app", store, port_of(url)) as server,
    ):
        server.await_url()
        client.send("kept", "Confirm", {"by": "ann"})
        assert [state.value["stage"] for state in client.watch("kept")][-1] == "confirmed"
        assert client.result("kept") == "a chair: ann"


def ask(app: Any, path: str = "/api/v1") -> httpx.Response:
    """Send one request to an application, on a loop of its own."""

    async def exchange() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await client.get(path)

    return asyncio.run(exchange())


def test_an_engine_that_is_not_open_says_so() -> None:
    """Requests before the engine is opened, and after it was closed, hear that; it can reopen."""
    engine = flawless.Engine(modules=[SHOP, DESK])
    app = engine.asgi(local=True)
    for _ in range(2):
        closed = ask(app)
        assert closed.status_code == 503
        assert closed.json()["type"] == "urn:flawless:problem:engine-stopped"
        assert "Retry-After" in closed.headers
        with engine:
            assert ask(app).json()["name"] == "flawless"
            with pytest.raises(ExecutionNotFound):
                engine.capability("nobody")


def test_closing_leaves_no_request_without_an_answer() -> None:
    """Whatever comes while the engine closes is answered, or told that it is closed."""
    engine = flawless.Engine(modules=[SHOP, DESK])
    app = engine.asgi(local=True)
    for n in range(3):
        engine.open()
        name = engine.start("desk.listen", f"closing-{n}").id
        statuses: list[int] = []

        def keep_asking(statuses: list[int] = statuses) -> None:
            while not statuses or statuses[-1] == 200:
                statuses.append(ask(app).status_code)

        def wait_for(path: str, statuses: list[int] = statuses) -> None:
            statuses.append(ask(app, path).status_code)

        waiting = f"/api/v1/executions/{name}/result?wait=60"
        threads = [threading.Thread(target=keep_asking) for _ in range(4)]
        threads += [threading.Thread(target=wait_for, args=[waiting]) for _ in range(4)]
        for thread in threads:
            thread.start()
        while statuses.count(200) < 20:
            pass
        engine.close()
        for thread in threads:
            thread.join(60)
            assert not thread.is_alive()
        assert set(statuses) == {200, 503}
