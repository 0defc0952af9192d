"""The server as an application inside another one: API, web UI and browser client below a prefix.

The engine lives on an event loop of its own, on a thread of its own. A request that reaches the
application is answered there, by the same application that `flawless up` serves; what it receives
and sends crosses back, piece by piece, each sent one awaited before the next. So a slow client
slows its own stream, and the engine's work and the host's never wait for each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Callable, MutableMapping
from typing import Any, Final, Protocol

from starlette.applications import Starlette
from starlette.types import Message, Receive, Scope, Send

from flawless.engine.service import Service
from flawless.errors import EngineStopped
from flawless.server.access.callers import Access
from flawless.server.app import make_app
from flawless.server.hosting.crossing import Crossing, LoopGone
from flawless.server.hosting.hosted import HostedAuthenticator, Judge, judged
from flawless.server.wire.problems import problem

ANSWERS_S_MAX: Final = 5.0
"""How long requests under way may take to be answered once the engine closes."""
LOOK_S: Final = 0.5
"""How often it is looked whether the host's server wants to stop."""

_KEPT: Final = frozenset(
    {
        "type", "asgi", "http_version", "method", "scheme", "path", "raw_path", "query_string",
        "root_path", "headers", "client", "server",
    }
)  # fmt: skip
"""What the host's own framework adds to a scope belongs to the host's loop."""


class Embedded(Protocol):
    """The engine behind it."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The engine's event loop; None while it is not open."""
        ...

    @property
    def service(self) -> Service:
        """What runs there."""
        ...

    def open(self) -> None:
        """Open it, if it is not open."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class MountedApp:
    """An ASGI application, to be mounted: `app.mount("/flawless", engine.asgi())`.

    As the outermost application, its lifespan opens and closes the engine. Frameworks do not pass
    their lifespan on to what is mounted: give them `lifespan` (`FastAPI(lifespan=...)`), or open
    the engine yourself. Requests while it is not open are answered with 503.
    """

    def __init__(
        self,
        engine: Embedded,
        access: Access,
        *,
        key: Callable[[], bytes],
        local: bool,
        judge: Judge | None,
    ) -> None:
        self._engine = engine
        self._access = access
        self._key = key
        self._local = local
        self._judge = judge
        # All that follows belongs to the engine's loop.
        self._app: Starlette | None = None
        self._service: Service | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self._watcher: asyncio.Task[None] | None = None
        self._drained: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        more = await judged(self._judge, scope)
        try:
            await self._across(scope, more, receive, send)
        except EngineStopped as error:
            await problem(error)(scope, receive, send)

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """Open the engine, unless it is open, and close it in the end if it was opened here."""
        opened = self._engine.loop is None
        if opened:
            await asyncio.to_thread(self._engine.open)
        try:
            yield
        finally:
            if opened:
                await asyncio.to_thread(self._engine.close)

    async def drain(self) -> None:
        """Let requests under way end, on the engine's loop, before it closes."""
        self._drained = asyncio.get_running_loop()  # an engine that opens again has another
        app, self._app = self._app, None
        if app is not None:
            app.state.stopping.set()
        if self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=ANSWERS_S_MAX)
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late, timeout=ANSWERS_S_MAX)
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait([self._watcher])

    # --- inside -------------------------------------------------------------------------------

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(self.lifespan())
            except Exception as error:
                await send({"type": "lifespan.startup.failed", "message": str(error)})
                raise
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _across(
        self, scope: Scope, more: dict[str, Any], receive: Receive, send: Send
    ) -> None:
        """Have a request answered on the engine's loop; raises `EngineStopped` if nothing was."""
        there = self._engine.loop
        if there is None:
            raise EngineStopped("the engine is not open")
        began = False

        async def watched(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        inner = {name: value for name, value in scope.items() if name in _KEPT} | more
        back = Crossing(asyncio.get_running_loop())
        try:
            await Crossing(there).call(self._answer, inner, back, receive, watched)
        except LoopGone:
            if began:
                raise  # what was sent is cut off, as it has to be
            raise EngineStopped("the engine was closed") from None

    async def _answer(
        self, scope: MutableMapping[str, Any], back: Crossing, receive: Receive, send: Send
    ) -> None:
        """Answer a request, on the engine's loop."""

        async def receive_there() -> Message:
            return await back.call(receive)

        async def send_there(message: Message) -> None:
            await back.call(send, message)

        if self._drained is asyncio.get_running_loop():
            raise EngineStopped("the engine is closing")
        app = self._app_of_now()
        task = asyncio.current_task()
        assert task is not None
        self._under_way.add(task)
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch())
        try:
            await app(scope, receive_there, send_there)
        finally:
            self._under_way.discard(task)

    def _app_of_now(self) -> Starlette:
        service = self._engine.service
        if self._app is None or self._service is not service:
            authenticator = HostedAuthenticator(
                self._access, service.clock, key=self._key(), local=self._local
            )
            self._app = make_app(service, authenticator=authenticator)
            self._service = service
        return self._app

    async def _watch(self) -> None:
        """End what waits, such as streams, when the host's server wants to stop.

        Servers wait for the requests under way before they tell applications that they stop, and a
        stream would go on for ever.
        """
        try:
            while self._under_way:
                await asyncio.sleep(LOOK_S)
                if server_stops() and self._app is not None:
                    self._app.state.stopping.set()
                    self._app = None  # should the engine outlive that server, others are served
        finally:
            self._watcher = None


def server_stops() -> bool:
    """Tell whether the process's uvicorn was told to stop.

    It tells nobody; but what handles its signals is the server itself.
    """
    server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
    return getattr(server, "should_exit", False) is True
