"""The server of a soak: `flawless up`, one process after the other, on one port and one store."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeAlias

import httpx

from flawless.cli.defaults import DATABASE
from serving import FLAWLESS, environment

READY_S_MAX = 120.0
"""The first server of all may compile the runtime."""
STOP_S_MAX = 60.0
LOOK_S = 0.02
MARK = "FLAWLESS_SOAK"
LOG = "server.log"
NICE_OF_LIVES_MAX = -5


@dataclass(slots=True)
class Life:
    """One process: when it was started, ready, and over, in seconds since the epoch."""

    number: int
    began_s: float
    ready_s: float | None = None
    over_s: float | None = None
    end: str = ""
    """`killed`, `stopped`, or how it ended although nobody had asked it to."""

    @property
    def expected(self) -> bool:
        """Whether it lives, or ended as it was told to."""
        return self.end in ("", "killed", "stopped")


class Process(Protocol):
    """What is needed of a process, whoever has started it."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    def poll(self) -> int | None:
        """Return the exit status if it has ended, else None."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """Return the exit status when it has ended."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...

    def terminate(self) -> None:
        """Ask it to end."""
        ...


Launch: TypeAlias = Callable[[Sequence[str], Path, Mapping[str, str]], Process]
"""Starts `flawless` with these arguments, in a folder and an environment."""


def launch(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Process:
    """Start `flawless` as a shell would; it writes to `server.log` in the folder."""
    with (folder / LOG).open("ab") as log:
        return subprocess.Popen(
            [*FLAWLESS, *arguments],
            cwd=folder,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


class Served:
    """The server through all its lives. Only one lives at a time."""

    def __init__(self, folder: Path, modules: Sequence[Path], launch: Launch) -> None:
        self._folder = folder
        self._modules = modules
        self._launch = launch
        self._process: Process | None = None
        self._ending = False
        self._port = _free_port()
        self._mark = f"{os.getpid()}-{time.time_ns()}"
        self.url = f"http://127.0.0.1:{self._port}"
        self.data = folder / "data"
        self.store = self.data / DATABASE
        self.lives: list[Life] = []
        self._http = httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=10)

    @property
    def pid(self) -> int | None:
        """The process that lives."""
        return None if self._process is None else self._process.pid

    @property
    def now(self) -> Life:
        """The life that is being lived, or was the last."""
        return self.lives[-1]

    async def begin(self) -> None:
        """Start the next process, and return at once."""
        life = Life(len(self.lives) + 1, time.time())
        arguments = [*map(str, self._modules), f"--data={self.data}", f"--port={self._port}"]
        env = environment(**{MARK: f"{self._mark}-{life.number}"})
        self._process = self._launch(["up", *arguments], self._folder, env)
        if os.getpriority(os.PRIO_PROCESS, 0) < 0:  # steps' processes inherit it
            os.setpriority(os.PRIO_PROCESS, self._process.pid, NICE_OF_LIVES_MAX)
        self.lives.append(life)

    async def ready(self) -> None:
        """Return when it serves. Raises RuntimeError when it has ended instead."""
        until = time.monotonic() + READY_S_MAX
        while not await self._serves():
            if not self.lives_on() or time.monotonic() > until:
                raise RuntimeError(f"the server did not start:\n{self.log()[-4000:]}")
            await asyncio.sleep(LOOK_S)
        self.now.ready_s = time.time()

    async def _serves(self) -> bool:
        try:
            return (await self._http.get("/readyz")).is_success
        except httpx.HTTPError:
            return False

    async def metrics(self) -> dict[str, float]:
        """Return the metrics without buckets, or nothing when nobody answers."""
        try:
            text = (await self._http.get("/metrics")).text
        except httpx.HTTPError:
            return {}
        pairs = (line.rsplit(" ", 1) for line in text.splitlines() if line.startswith("flawless_"))
        return {name: float(value) for name, value in pairs if "_bucket{" not in name}

    def lives_on(self) -> bool:
        """Tell whether the process lives; note its end if nobody has asked for that."""
        assert self._process is not None
        status = self._process.poll()
        if status is None:
            return True
        if not self._ending and self.now.over_s is None:
            self._over(f"ended by itself with status {status}")
        return False

    async def kill(self) -> None:
        """End it as a power cut would."""
        assert self._process is not None
        if not self.lives_on():
            return
        self._ending = True
        self._process.kill()
        await asyncio.to_thread(self._process.wait)
        self._over("killed")
        self._ending = False

    async def stop(self) -> None:
        """Ask it to end, and wait for that."""
        assert self._process is not None
        if not self.lives_on():
            return
        self._ending = True
        try:
            self._process.terminate()
            status = await asyncio.to_thread(self._process.wait, STOP_S_MAX)
            self._over("stopped" if status == 0 else f"stopped with status {status}")
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._over(f"did not stop within {STOP_S_MAX:.0f} s")
        finally:
            self._ending = False

    async def close(self) -> None:
        """Leave nothing behind."""
        if self._process is not None:
            await self.kill()
        await self._http.aclose()

    def strays(self) -> list[str]:
        """Return the processes of this server whose life is over, by what they are called."""
        own = None if self._process is None or not self.lives_on() else str(self.now.number)
        return [
            f"{pid} of life {number}: {name}"
            for pid, number, name in self._marked()
            if number != own
        ]

    def _marked(self) -> Iterator[tuple[int, str, str]]:
        mark = f"{MARK}={self._mark}-".encode()
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                for one in (entry / "environ").read_bytes().split(b"\0"):
                    if one.startswith(mark):
                        command = (entry / "cmdline").read_bytes().replace(b"\0", b" ")
                        if command:  # else: it has ended, and nobody has asked how
                            yield int(entry.name), one[len(mark) :].decode(), command.decode()

    def _over(self, end: str) -> None:
        self.now.over_s = time.time()
        self.now.end = end

    def log(self) -> str:
        """Return what all lives have printed, if that was written down."""
        log = self._folder / LOG
        return log.read_text(errors="replace") if log.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
