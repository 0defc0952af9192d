"""Restate: its server, and its Python SDK served by hypercorn; called over HTTP with aiohttp."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
import urllib.request
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import aiohttp

from benchmarks.peers import probes
from benchmarks.peers.peer import READY_S, Looped, inputs, kill, wait_until

SERVER: Final = "FLAWLESS_PEERS_RESTATE"
"""The variable of the environment that tells where the server's program is."""
# below the ports that the system gives to clients: who asks too early would meet himself
NODE, INGRESS, ADMIN, APP = (f"127.0.0.1:{port}" for port in (25122, 28080, 29070, 29080))
_LOOP: Final = "uvloop"


class Restate(Looped):
    """One node with its defaults, one process of the application."""

    name = "restate"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._app: subprocess.Popen[bytes] | None = None
        self._session: aiohttp.ClientSession | None = None
        self._registered = False

    def versions(self) -> dict[str, str]:
        """See `Peer`."""
        asked = subprocess.run([os.environ[SERVER], "--version"], capture_output=True, text=True)
        return {
            "restate-server": asked.stdout.split()[1],
            "restate-sdk": version("restate-sdk"),
            "hypercorn": version("hypercorn"),
            "python": platform.python_version(),
        }

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "store": "one node, defaults: replicated log of one replica, synced",
            "engine": f"server over TCP on 127.0.0.1, telemetry off; SDK on hypercorn ({_LOOP}, "
            "one worker); client aiohttp, keep-alive",
        }

    def open(self) -> None:
        """See `Peer`."""
        self.spawn()
        self.ready()

    def close(self) -> None:
        """See `Peer`."""
        if self._session is not None:
            self.run(self._session.close())
            self._session = None
        self.end_loop()
        self.kill()

    def spawn(self) -> None:
        """See `Peer`."""
        environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")} | {
            "DO_NOT_TRACK": "1",
            "RESTATE_LISTEN_MODE": "tcp",
            "RESTATE_BIND_ADDRESS": NODE,
            "RESTATE_ADVERTISED_ADDRESS": f"http://{NODE}",
            "RESTATE_INGRESS__BIND_ADDRESS": INGRESS,
            "RESTATE_ADMIN__BIND_ADDRESS": ADMIN,
            "RESTATE_DISABLE_TELEMETRY": "true",
            "RESTATE_NODE_NAME": "n1",
            "RESTATE_CLUSTER_NAME": "peers",
            "RESTATE_LOG_FORMAT": "compact",
        }
        with (self.folder / "restate.log").open("ab") as log:
            self._app = subprocess.Popen(
                [sys.executable, "-m", "hypercorn", "--bind", APP, "--worker-class", _LOOP,
                 "benchmarks.peers.engines.restate_services:app"],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip
            self._server = subprocess.Popen(
                [os.environ[SERVER], "--base-dir", str(self.folder / "data"), "--no-logo"],
                stdout=log, stderr=log, env=environment,
            )  # fmt: skip

    def ready(self, limit_s: float = READY_S) -> None:
        """See `Peer`."""
        wait_until(lambda: _answers(f"http://{ADMIN}/health"), limit_s, "Restate")
        if not self._registered:
            wait_until(self._register, limit_s, "the service of Restate")
            self._registered = True
        wait_until(lambda: _answers(f"http://{INGRESS}/restate/health"), limit_s, "its ingress")
        self.latencies("noop", 1)

    def _register(self) -> bool:
        return _answers(f"http://{ADMIN}/deployments", {"uri": f"http://{APP}"})

    def begin(self, workflow: str, count: int, value: float, at_once: int, limit_s: float) -> int:
        """See `Peer`."""
        self.ready()
        arguments = (inputs(workflow, number, value) for number in range(count))
        return self.begin_all(workflow, arguments, at_once, time.monotonic() + limit_s)

    def kill(self) -> None:
        """See `Peer`."""
        for process in (self._server, self._app):
            if process is not None:
                kill(process)
        self._server = self._app = None
        if self._session is not None:
            self.run(self._session.close())
            self._session = None

    def numbers(self) -> list[int]:
        """See `Peer`."""
        spawned = [process for process in (self._server, self._app) if process is not None]
        return [number for process in spawned for number in probes.descendants(process.pid)]

    def alive(self) -> None:
        """See `Peer`."""
        for process in (self._server, self._app):
            if process is not None and process.poll() is not None:
                raise ChildProcessError(f"{process.args} ended with {process.returncode}")

    def store_bytes(self) -> int:
        """See `Peer`."""
        os.sync()
        time.sleep(0.5)
        return probes.folder_bytes(self.folder / "data")

    async def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """See `Looped`."""
        return json.loads(await self._post(f"Bench/{workflow}", arguments))

    async def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """See `Looped`."""
        await self._post(f"Bench/{workflow}/send", arguments)

    async def _post(self, path: str, arguments: tuple[Any, ...]) -> bytes:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=600)
            )
        async with self._session.post(f"http://{INGRESS}/{path}", json=list(arguments)) as answer:
            text = await answer.read()
            if answer.status not in (200, 202):
                raise ConnectionError(f"{answer.status} {text.decode()}")
            return text


def _answers(address: str, body: object = None) -> bool:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.status in (200, 201)
