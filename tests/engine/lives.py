"""Engines that end in the middle of things, and what is left to see afterwards."""

from __future__ import annotations

import asyncio
import json
import os
import threading
import time
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from flawless.engine.clock import SystemClock
from flawless.engine.service import Service
from nursery import grow

HERE = Path(__file__).parent
WAIT_S_MAX = 30.0
_POLL_S = 0.005

T = TypeVar("T")


class Life:
    """An engine on `FOLDER/t.db` in a process of its own, whose clock is `ahead_s` ahead."""

    def __init__(self, folder: Path, *, ahead_s: float = 0.0, **settings: Any) -> None:
        child, options = str(HERE / "engine_child.py"), [json.dumps(settings), str(ahead_s)]
        self._process = grow([child, str(folder), *options], cwd=HERE, stdin=True)

    def ask(self, *command: Any) -> Any:
        """Give a command and return its answer."""
        self._process.stdin.write(json.dumps(command) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def kill(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.close()

    def __enter__(self) -> Life:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self.kill()


class Desk:
    """A local HTTP service that keeps every request waiting until `answer` is set."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str | None]] = []
        self.answer = threading.Event()
        desk = self

        class Handler(BaseHTTPRequestHandler):
            def _serve(self) -> None:
                desk.seen.append((self.command, self.headers["Idempotency-Key"]))
                desk.answer.wait(30)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(self.command.encode())

            do_GET = do_POST = do_PUT = _serve  # noqa: N815 (names of http.server)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (name of http.server)
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]  # clients die
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the service."""
        self.answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class MovableClock(SystemClock):
    """The machine's clock, set ahead or back."""

    def __init__(self, ahead_s: float = 0.0) -> None:
        self.ahead_s = ahead_s

    def now_us(self) -> int:
        """Return microseconds since the epoch."""
        return time.time_ns() // 1_000 + round(self.ahead_s * 1_000_000)


def marks(folder: Path) -> list[str]:
    """Return the lines that steps have left, in order."""
    file = folder / "marks"
    return file.read_text().splitlines() if file.exists() else []


def gate(folder: Path, name: str) -> Path:
    """Make a gate that holds the step of that name."""
    made = folder / name
    os.mkfifo(made)
    return made


def open_gate(folder: Path, name: str) -> None:
    """Let the step go that has come to the gate, and all that come later."""
    until(lambda: f"begin {name}" in marks(folder), f"{name} at its gate")
    (folder / name).open("wb").close()
    (folder / name).unlink()


def until(condition: Callable[[], Any], what: str) -> None:
    """Wait for a condition; fail when it does not come true."""
    deadline = time.monotonic() + WAIT_S_MAX
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S_MAX:g} s for: {what}"
        pause.wait(_POLL_S)


async def until_async(condition: Callable[[], Awaitable[Any]], what: str) -> None:
    """Wait for a condition in a loop; fail when it does not come true."""
    deadline = time.monotonic() + WAIT_S_MAX
    while not await condition():
        assert time.monotonic() < deadline, f"waited {WAIT_S_MAX:g} s for: {what}"
        await asyncio.to_thread(threading.Event().wait, _POLL_S)


def with_service(service: Service, work: Callable[[Service], Awaitable[T]]) -> T:
    """Open a service, work with it, and close it."""

    async def main() -> T:
        await service.open()
        try:
            return await work(service)
        finally:
            await service.close()

    return asyncio.run(main())
