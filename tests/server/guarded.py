"""Applications with tokens, in this process: their clock can be moved, their limits be small."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import uvicorn
from starlette.types import ASGIApp

from flawless.engine.clock import SystemClock
from flawless.engine.service import Service
from flawless.server import Access, make_app
from flawless.server.access import tokens
from flawless.server.access.roles import Role
from flawless.server.hosting.connections import Lobby, LobbyConfig
from flawless.stores import open_store
from serving import DESK

T = TypeVar("T")
HOST = "localhost:27288"
API = "/api/v1"
WAIT_S_MAX = 60.0
HOUR_S = 3_600.0


class MovableClock(SystemClock):
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.us = time.time_ns() // 1_000

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return self.us

    def move(self, seconds: float) -> None:
        """Set the clock ahead."""
        self.us += round(seconds * 1_000_000)


class Guarded:
    """An application on a loop of its own, and what a caller sees of it."""

    def __init__(self, app: ASGIApp, clock: MovableClock, data: Path, loop: Any) -> None:
        self.app = app
        self.clock = clock
        self.data = data
        self.loop: asyncio.AbstractEventLoop = loop

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the application's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(WAIT_S_MAX)

    def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        client: tuple[str, int] = ("127.0.0.1", 50_000),
        root_path: str = "",
        base: str = f"http://{HOST}",
        **more: Any,
    ) -> httpx.Response:
        """Send a request to the application. A cookie is sent only if `headers` has it."""
        headers = dict(more.pop("headers", {}))
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"

        async def exchange() -> httpx.Response:
            transport = httpx.ASGITransport(
                self.app, raise_app_exceptions=False, root_path=root_path, client=client
            )
            async with httpx.AsyncClient(transport=transport, base_url=base) as asking:
                return await asking.request(method, path, headers=headers, **more)

        return self.run(exchange())

    def add(self, name: str, role: Role, lasts_s: float | None = None) -> str:
        """Make a token, as `flawless tokens add` does."""
        now_us = self.clock.now_us()
        expires_us = None if lasts_s is None else now_us + round(lasts_s * 1_000_000)
        return tokens.add(self.data / tokens.TOKENS_FILE, name, role, now_us, expires_us)

    def revoke(self, name: str) -> None:
        """Revoke a token, as `flawless tokens revoke` does."""
        tokens.revoke(self.data / tokens.TOKENS_FILE, name)

    def start(self, token: str | None, execution: str, workflow: str = "desk.listen") -> None:
        """Start an execution that waits."""
        body = {"workflow": workflow, "id": execution}
        response = self.ask("POST", f"{API}/executions", token=token, json=body)
        assert response.status_code in (200, 201), response.text

    def capability(
        self, token: str | None, execution: str, rights: Sequence[str], **more: Any
    ) -> str:
        """Have a capability token made."""
        path = f"{API}/executions/{execution}/capability"
        response = self.ask("POST", path, token=token, json={"rights": list(rights), **more})
        assert response.status_code == 201, response.text
        made: str = response.json()["token"]
        return made


@contextmanager
def guarded(data: Path, module: Path = DESK, **access: Any) -> Iterator[Guarded]:
    """Give an application whose data folder is `data`; `access` are fields of `Access`."""
    with _loop() as loop:
        clock = MovableClock()
        service = Service(open_store(":memory:"), [module], clock=clock)

        async def open_() -> ASGIApp:
            await service.open()
            return make_app(service, access=Access(data=data, **access))

        app = asyncio.run_coroutine_threadsafe(open_(), loop).result(WAIT_S_MAX * 4)
        try:
            yield Guarded(app, clock, data, loop)
        finally:
            asyncio.run_coroutine_threadsafe(service.close(0), loop).result(WAIT_S_MAX)


@contextmanager
def listening(
    app: ASGIApp, lobby: Lobby, loop: asyncio.AbstractEventLoop | None = None
) -> Iterator[tuple[str, int]]:
    """Serve an application on a port as `flawless up` does, on its loop; give its address."""

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    with ExitStack() as stack:
        loop = loop or stack.enter_context(_loop())
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=512))
        config = LobbyConfig(app, lobby, lifespan="off", log_config=None, access_log=False)
        server = Server(config)
        done = asyncio.run_coroutine_threadsafe(server.serve(sockets=[listener]), loop)
        try:
            yield listener.getsockname()
        finally:
            server.should_exit = server.force_exit = True
            done.result(WAIT_S_MAX)


@contextmanager
def _loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
