"""An engine with its server, in this process, for targets that need the whole of it.

Bytes are handed to the server's own protocol, as its event loop would, without a socket between.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import tempfile
import threading
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from puppet import puppet
from uvicorn.server import ServerState

from flawless.core.limits import Limits
from flawless.embedding.engine import Engine
from flawless.errors import FlawlessError
from flawless.functions import step
from flawless.server.access.callers import Access
from flawless.server.app import make_app
from flawless.server.hosting.connections import Connection, Lobby, LobbyConfig

T = TypeVar("T")

EXECUTIONS_MAX = 3_000
"""So many executions later a new engine takes over."""
ANSWER_S_MAX = 0.25
"""How long what waits, such as a stream, is left to wait."""
GIVEN_UP_S = 60.0
LIMITS = Limits(
    value_bytes_max=20_000,
    journal_entries_max=200,
    journal_bytes_max=200_000,
    log_chars_max=200,
    effects_in_flight_max=20,
    inbox_messages_max=20,
    child_depth_max=3,
    guest_memory_bytes_max=32 * 1024 * 1024,
    cpu_s_per_turn=1.0,
)


@step
def echo(*args: Any, **kwargs: Any) -> list[Any]:
    """Return what it was given."""
    return [list(args), kwargs]


class Wire(asyncio.Transport):
    """What the server writes to, and hears from nobody."""

    def __init__(self) -> None:
        super().__init__({"peername": ("127.0.0.1", 5), "sockname": ("127.0.0.1", 80)})
        self.written = bytearray()
        self.closed = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Keep what is sent."""
        self.written += data

    def close(self) -> None:
        """Note that the server closes the connection."""
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        """Whether the server has closed the connection."""
        return self.closed

    def get_write_buffer_size(self) -> int:
        """All is taken at once."""
        return 0

    def pause_reading(self) -> None:
        """There is no more to read anyway."""

    resume_reading = pause_reading


class Faults(logging.Handler):
    """Hears of exceptions that the engine has caught, logged, and did not expect."""

    def __init__(self, troubles: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._troubles = troubles

    def emit(self, record: logging.LogRecord) -> None:
        """Keep what is a fault of ours."""
        error = record.exc_info[1] if record.exc_info else None
        if error is not None and not isinstance(error, FlawlessError | ConnectionError):
            text = "".join(traceback.format_exception(error))
            self._troubles.append(f"{record.name}: {record.getMessage()}\n{text}")


class Served:
    """One engine, open, and its server."""

    def __init__(self) -> None:
        self.folder = tempfile.TemporaryDirectory(prefix="flawless-fuzz-")
        file = Path(self.folder.name) / "puppet.wasm"
        file.write_bytes(puppet())
        self.engine = Engine(modules=[file], limits=LIMITS, egress=[])
        self.engine.open()
        self.started = 0
        self.troubles: list[str] = []
        self.faults = Faults(self.troubles)
        logging.getLogger("flawless").addHandler(self.faults)
        loop = self.engine.loop
        assert loop is not None
        self.loop = loop
        loop.call_soon_threadsafe(loop.set_exception_handler, self._trouble)
        self.config = self.run(self._configure())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Do something on the engine's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(2 * GIVEN_UP_S)

    def send(self, data: bytes, *, wait_s: float = ANSWER_S_MAX) -> bytes:
        """Return what the server answers to the bytes of one connection."""
        answer = self.run(self._exchange(data, wait_s))
        self.check()
        return answer

    def get(self, path: str) -> tuple[int, Any]:
        """Return status and document of a request that is as it should be."""
        request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode()
        answer = self.send(request, wait_s=GIVEN_UP_S / 2)
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head[9:12]), json.loads(body)

    def check(self) -> None:
        """Raise what the loop heard of, and nobody else."""
        troubles = [*self.troubles]
        self.troubles.clear()
        assert not troubles, "\n".join(troubles)

    def close(self) -> None:
        """Close the engine."""
        self.engine.close(1.0)
        logging.getLogger("flawless").removeHandler(self.faults)
        self.folder.cleanup()

    # --- on the loop ------------------------------------------------------------------------------

    def _trouble(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self.troubles.append(f"{context.get('message')}: {context.get('exception')!r}")

    async def _configure(self) -> LobbyConfig:
        app = make_app(self.engine.service, access=Access())
        config = LobbyConfig(app, Lobby(Access().limits), lifespan="off", log_config=None)
        config.load()
        return config

    async def _exchange(self, data: bytes, wait_s: float) -> bytes:
        protocol = Connection(self.config, ServerState(), {}, self.loop)
        wire = Wire()
        protocol.connection_made(wire)
        ends_at = self.loop.time() + wait_s
        if data:  # loops hand over nothing that is empty
            protocol.data_received(data)
        while not wire.closed and self.loop.time() < ends_at:
            cycle: Any = protocol.cycle
            if cycle is None or cycle.response_complete:
                break
            if cycle.more_body:  # it was cut off in the middle
                ends_at = min(ends_at, self.loop.time() + 0.01)
            await asyncio.sleep(0 if wait_s < GIVEN_UP_S else 0.01)
        protocol.connection_lost(None)
        for task in list(protocol.tasks):
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait([task], timeout=1.0)
        return bytes(wire.written)


_lock = threading.Lock()
_served: Served | None = None


def served() -> Served:
    """Return the engine of this process, a new one from time to time."""
    global _served
    with _lock:
        if _served is not None and _served.started > EXECUTIONS_MAX:
            close()
        if _served is None:
            _served = Served()
        return _served


def close() -> None:
    """Close the engine of this process, if there is one."""
    global _served
    if _served is not None:
        _served.close()
        _served = None
