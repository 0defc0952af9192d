"""`flawless up` as anyone starts it, killed again and again, and the clients it has meanwhile."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import httpx
from child import MODULES, full_name, workflow_of
from notebook import Notebook

import rust_programs
from flawless.client import Client
from flawless.errors import ExecutionCancelled, ExecutionFailed, ExecutionNotFound
from serving import environment

HERE = Path(__file__).resolve().parent
READY_S_MAX = 120.0
PATIENCE_S = 900.0
DATABASE = "flawless.db"

_PAUSE = threading.Event()


class Served:
    """One store and one port, and the server of this moment."""

    def __init__(self, folder: Path, language: str) -> None:
        self.folder = folder
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"
        in_rust = language == "rust"
        modules = [str(rust_programs.wasm()), "storm_steps"] if in_rust else MODULES
        self._modules = [getattr(module, "__name__", module) for module in modules]
        self.process: subprocess.Popen[bytes] | None = None

    def command(self, port: int) -> list[str]:
        """Return what is typed to serve this store."""
        up = [sys.executable, "-m", "flawless.cli", "up", *self._modules]
        return [*up, f"--data={self.folder}", f"--port={port}"]

    def start(self) -> None:
        """Begin a life."""
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                self.command(self._port),
                cwd=HERE,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    def await_ready(self) -> None:
        """Return when it answers."""
        until = time.monotonic() + READY_S_MAX
        while True:
            try:
                if httpx.get(f"{self.url}/api/v1/health", trust_env=False).is_success:
                    return
            except httpx.TransportError:
                pass
            assert self.process is not None
            assert self.process.poll() is None, self.output()
            assert time.monotonic() < until, self.output()
            _PAUSE.wait(0.02)

    def send_signal(self, number: int) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def kill(self) -> None:
        """`kill -9`, if it lives."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    def stop(self) -> None:
        """End it in order."""
        self.send_signal(signal.SIGTERM)
        assert self.process is not None
        assert self.process.wait(READY_S_MAX) == 0, self.output()

    def output(self) -> str:
        """Return what all lives have printed."""
        return (self.folder / "output").read_text()


@contextmanager
def served(folder: Path, language: str) -> Iterator[Served]:
    """Serve a store in this folder, and leave no process behind."""
    server = Served(folder, language)
    server.start()
    try:
        server.await_ready()
        yield server
    finally:
        server.kill()


class Clients:
    """People who each want something of the server, and ask until they have it."""

    def __init__(self, server: Served, ledger: str, chance: Random) -> None:
        self._client = Client(server.url, retry_s=PATIENCE_S)
        self._ledger = ledger
        self._chance = chance
        self.notebook = Notebook(server.folder / "told")
        self.results: dict[str, Any] = {}
        self.errors: dict[str, str] = {}

    def ask(self, executions: Sequence[str], at_once: int) -> None:
        """Ask for all of them, so many at once, until each has ended."""
        with ThreadPoolExecutor(at_once) as pool:
            list(pool.map(self._one, executions))

    def ask_again(self, executions: Sequence[str]) -> None:
        """Ask how they have ended once more: it has to be as it was."""
        for execution in executions:
            try:
                outcome = self._client.outcome(execution)
                final = outcome.status in ("completed", "failed", "cancelled")
                self.notebook.note("found", execution, final=final)
                if final:
                    self._note_end(execution)
            except ExecutionNotFound:
                self.notebook.note("lost", execution)

    def close(self) -> None:
        """Hang up."""
        self._client.close()

    def _one(self, execution: str) -> None:
        workflow, address = workflow_of(execution), f"{self._ledger}-{execution}"
        _PAUSE.wait(self._chance.uniform(0.0, 0.3))
        try:
            self._client.start(full_name(workflow), [address], id=execution)
            self.notebook.note("started", execution)
            if workflow in ("continues", "continues_async", "begins_later"):
                for n in range(6):
                    self._client.send(execution, "item", n, message_id=f"item{n}")
            self._note_end(execution)
        except ExecutionNotFound:
            self.notebook.note("lost", execution)

    def _note_end(self, execution: str) -> None:
        try:
            told = self._client.result(execution, timeout_s=PATIENCE_S)
            self.results[execution] = told
        except (ExecutionFailed, ExecutionCancelled) as error:
            told = self.errors[execution] = f"{type(error).__name__}: {error}"
        status = self._client.outcome(execution).status
        journal = sum(1 for _ in self._client.journal(execution))
        self.notebook.note("ended", execution, told=told, status=str(status), entries=journal)


def kill_now_and_then(server: Served, kills: int, chance: Random, idle: threading.Event) -> int:
    """Kill it so many times, also while it starts, unless all have what they want; count."""
    for n in range(kills):
        if chance.random() < 0.75:
            server.await_ready()
        # The first one comes soon: a quick machine has done everything in a second.
        if idle.wait(chance.uniform(0.05, 3.0 if n else 0.2)):
            return n
        server.kill()
        server.start()
    return kills
