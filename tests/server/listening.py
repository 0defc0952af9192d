"""Listening to streams of events, and a server in this process that can be looked into."""

from __future__ import annotations

import asyncio
import http.client
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from types import TracebackType
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlencode

import httpx
import uvicorn
from starlette.applications import Starlette

from flawless.engine.service import Service
from flawless.server import make_app

T = TypeVar("T")

PATIENCE_S = 90.0


class Event(NamedTuple):
    """An event that came."""

    type: str
    id: str
    data: Any


class Listener:
    """Reads a stream of events, and no further than it is asked to.

    With `buffer_bytes` the system keeps little more than that of what the server sends.
    """

    def __init__(
        self,
        client: httpx.Client,
        path: str,
        *,
        last_id: str | None = None,
        buffer_bytes: int | None = None,
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> None:
        base = client.base_url
        self._socket = socket.socket()
        if buffer_bytes is not None:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
        self._socket.settimeout(PATIENCE_S)
        self._socket.connect((base.host, base.port or 80))
        connection = http.client.HTTPConnection(base.host, base.port)
        connection.sock = self._socket
        sent = dict(headers or {}) | ({} if last_id is None else {"Last-Event-ID": last_id})
        target = f"{base.path.rstrip('/')}{path}?{urlencode(query)}"
        connection.request("GET", target, headers=sent)
        self.response = connection.getresponse()
        self.last_id = last_id or ""
        self.lines: list[str] = []
        """All lines so far."""

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Break the connection."""
        self.response.close()
        self._socket.close()

    def __iter__(self) -> Iterator[Event]:
        while (event := self.read()) is not None:
            yield event

    def read(self) -> Event | None:
        """Return the next event; None at the end of the stream."""
        fields: dict[str, str] = {}
        while line := self.response.readline().decode():
            assert line.endswith("\n")
            self.lines.append(line.rstrip("\n"))
            if line == "\n":
                self.last_id = fields.get("id", self.last_id)
                if "data" in fields:
                    return Event(fields["event"], fields["id"], json.loads(fields["data"]))
                fields = {}
                continue
            name, _, value = line.rstrip("\n").partition(":")
            fields[name] = value.removeprefix(" ")
        return None

    def until(self, wanted: Callable[[Event], bool]) -> Event:
        """Return the first event that is wanted."""
        for event in self:
            if wanted(event):
                return event
        raise AssertionError(f"the stream has ended:\n{self.lines[-10:]}")


class Inside:
    """A server in a thread of this process."""

    def __init__(self, service: Service, app: Starlette, loop: asyncio.AbstractEventLoop) -> None:
        self.service = service
        self.app = app
        self._loop = loop

    def do(self, work: Callable[[], T]) -> T:
        """Do something on the server's loop."""
        done: Future[T] = Future()

        def run() -> None:
            try:
                done.set_result(work())
            except BaseException as error:
                done.set_exception(error)

        self._loop.call_soon_threadsafe(run)
        return done.result(PATIENCE_S)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Begin something on the server's loop; call this there."""
        self._spawned = self._loop.create_task(work)

    def wait_until(self, holds: Callable[[], bool]) -> None:
        """Return when something holds that is looked at after each turn of the server's loop."""
        done: Future[None] = Future()

        def look() -> None:
            if done.cancelled():
                return
            if holds():
                done.set_result(None)
            else:
                self._loop.call_soon(look)

        self._loop.call_soon_threadsafe(look)
        try:
            done.result(PATIENCE_S)
        finally:
            done.cancel()


@contextmanager
def inside(service: Service) -> Iterator[tuple[Inside, httpx.Client]]:
    """Serve an engine from a thread; give it, and a client."""
    ready: Future[tuple[Inside, int]] = Future()
    stop = asyncio.Event()

    async def main() -> None:
        await service.open()
        app = make_app(service)
        config = uvicorn.Config(app, lifespan="off", log_config=None, timeout_graceful_shutdown=5)
        server = uvicorn.Server(config)
        loop = asyncio.get_running_loop()
        with socket.create_server(("127.0.0.1", 0), backlog=1_000) as listener:
            serving = asyncio.ensure_future(server.serve(sockets=[listener]))
            ready.set_result((Inside(service, app, loop), listener.getsockname()[1]))
            await stop.wait()
            app.state.stopping.set()
            server.should_exit = True
            await serving
        await service.close()

    def run() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=run)
    thread.start()
    made, port = ready.result(PATIENCE_S)
    try:
        url = f"http://127.0.0.1:{port}/api/v1"
        with httpx.Client(base_url=url, timeout=PATIENCE_S, trust_env=False) as client:
            yield made, client
    finally:
        made.do(stop.set)
        thread.join(PATIENCE_S)
        assert not thread.is_alive()
