"""Serving: engine and HTTP on one event loop, in one process, until a signal ends it."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Final

import uvicorn

from flawless.engine.service import Service
from flawless.errors import UsageError
from flawless.server.access.callers import Access
from flawless.server.app import make_app
from flawless.server.hosting.connections import Lobby, LobbyConfig, make_room

ANSWERS_S_MAX: Final = 5
"""How long requests under way may take to be answered once the server stops."""
BACKLOG: Final = 2048


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that is bound and does not listen yet; port 0 takes any free one.

    Raises `UsageError` when the address cannot be had.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except (socket.gaierror, UnicodeError, OverflowError) as error:
        raise UsageError(f"cannot listen on {host}:{port}: {error}") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
    except OSError as error:
        listener.close()
        raise _unusable(host, port, error) from error
    return listener


def url(listener: socket.socket) -> str:
    """Return the address of a bound socket as clients write it."""
    host, port, *_ = listener.getsockname()
    if host in ("0.0.0.0", "::"):  # noqa: S104 (recognised, not bound)
        host = "127.0.0.1" if host == "0.0.0.0" else "::1"  # noqa: S104 (recognised, not bound)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def serve(
    service: Service,
    listener: socket.socket,
    access: Access,
    *,
    ready: Callable[[], None] = lambda: None,
    stopping: Callable[[], None] = lambda: None,
    stop: asyncio.Event | None = None,
) -> None:
    """Open the engine, answer requests, and stop in order on SIGINT, SIGTERM or `stop`.

    `ready` is called when the server listens, `stopping` when it is told to stop. Stopping means:
    take no more connections, answer waiting requests, then let effects under way end within the
    engine's deadline. A second signal ends the process at once, which loses nothing either.

    Raises what `Service.open` raises, `AccessUnusable` when tokens or key cannot be read, and
    `UsageError` when somebody else took the port meanwhile.
    """
    try:
        await service.open()
    except BaseException:
        listener.close()
        raise
    places = make_room(access.limits)
    try:
        app = make_app(service, access=access, connections_max=places)
    except BaseException:
        listener.close()
        await service.close()
        raise
    host, port, *_ = listener.getsockname()
    config = LobbyConfig(
        app,
        Lobby(access.limits, places),
        access_log=False,
        backlog=BACKLOG,
        lifespan="off",
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=ANSWERS_S_MAX,
    )
    server = _Server(config)

    def begin_to_stop() -> None:
        stopping()
        app.state.stopping.set()
        server.should_exit = True

    watcher = asyncio.ensure_future(_when(stop, begin_to_stop)) if stop is not None else None
    try:
        with _signals(begin_to_stop):
            try:
                try:
                    # Bound sockets share a port until one of them listens.
                    listener.listen(BACKLOG)
                except OSError as error:
                    raise _unusable(host, port, error) from error
                ready()
                await server.serve(sockets=[listener])
            finally:
                listener.close()
                await service.close()
    finally:
        if watcher is not None:
            watcher.cancel()


def _unusable(host: str, port: int, error: OSError) -> UsageError:
    if error.errno == errno.EADDRINUSE:
        return UsageError(
            f"port {port} of {host} is in use: another `flawless up`? Stop what listens there, or "
            "choose another port with --port (and set FLAWLESS_URL for the clients)"
        )
    if error.errno == errno.EACCES:
        return UsageError(f"port {port} needs privileges: choose one from 1024 on with --port")
    return UsageError(f"cannot listen on {host}:{port}: {error.strerror or error}")


class _Server(uvicorn.Server):
    """Leaves the signals to whoever runs it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextlib.contextmanager
def _signals(stop: Callable[[], None]) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    asked = False

    def on_signal(number: signal.Signals) -> None:
        nonlocal asked
        if asked:
            os._exit(128 + number)
        asked = True
        stop()

    handled = (signal.SIGINT, signal.SIGTERM)
    for number in handled:
        loop.add_signal_handler(number, on_signal, number)
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


async def _when(event: asyncio.Event, action: Callable[[], None]) -> None:
    await event.wait()
    action()
