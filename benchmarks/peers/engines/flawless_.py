"""Flawless, embedded, on SQLite: workflows in Python, baked or not, and in Rust."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any, ClassVar

import flawless
from benchmarks.peers.peer import Embedded, Looped

COMPONENT = "FLAWLESS_PEERS_COMPONENT"
"""The variable of the environment that tells where the crate `benchmarks/rust` was built."""
DEPLOYED = "FLAWLESS_PEERS_DEPLOYED"
"""The variable that tells where stores are that have nothing but the code deployed: a block begins
with a copy, because baking takes half a minute."""
_STEPS = "benchmarks.peers.engines.flawless_steps"

_STORED = """
import sqlite3, sys
connection = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True, timeout=30)
ask = lambda name: connection.execute(f"PRAGMA {name}").fetchone()[0]
print((ask("page_count") - ask("freelist_count")) * ask("page_size"))
"""


class Python(Embedded, Looped):
    """Workflows in Python, their module part of the component: what production advises."""

    name = "flawless-python"
    modules: ClassVar[list[Any]] = ["benchmarks.peers.engines.flawless_workflows", _STEPS]
    prefix = "benchmarks.peers.engines.flawless_workflows."
    baked = True

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._path = folder / "flawless.db"
        deployed = Path(os.environ.get(DEPLOYED, "")) / self.name
        if os.environ.get(DEPLOYED) and not self._path.exists() and deployed.exists():
            shutil.copytree(deployed, folder, dirs_exist_ok=True)
        self._engine: flawless.Engine | None = None

    @property
    def engine(self) -> flawless.Engine:
        """The engine, which is open."""
        assert self._engine is not None
        return self._engine

    def versions(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "flawless": version("flawless-engine"),
            "wasmtime": version("wasmtime"),
            "python": platform.python_version(),
        }

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        return {
            "store": "SQLite, WAL, synchronous=FULL",
            "code": "baked" if self.baked else "not baked",
            "engine": "embedded, defaults; one asyncio client in the same process",
        }

    def open(self) -> None:
        """See `Peer`."""
        self._engine = flawless.Engine(self._path, modules=self.given(), baked=self.baked)
        self._engine.open()

    def given(self) -> list[Any]:
        """Return the modules to deploy."""
        return self.modules

    def close(self) -> None:
        """See `Peer`."""
        if self._engine is not None:
            self._engine.close(deadline=2.0)
        self.end_loop()

    def latencies(self, workflow: str, count: int) -> list[float]:
        """See `Peer`: by the blocking call, which waits least."""
        taken = []
        for _ in range(count):
            began = time.perf_counter()
            self.engine.start(self.prefix + workflow).result()
            taken.append(time.perf_counter() - began)
        return taken

    async def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """See `Looped`."""
        return await (await self.engine.start_async(self.prefix + workflow, *arguments))

    async def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """See `Looped`."""
        await self.engine.start_async(self.prefix + workflow, *arguments)

    def store_bytes(self) -> int:
        """See `Peer`."""
        # Another SQLite than the engine's: in this process it would drop the engine's locks.
        asked = subprocess.run(
            [sys.executable, "-c", _STORED, str(self._path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        return int(asked.stdout)


class Loaded(Python):
    """Workflows in Python whose module each guest imports when it starts: as in development."""

    name = "flawless-python-loaded"
    baked = False


class Rust(Python):
    """Workflows in Rust, their steps in Python."""

    name = "flawless-rust"
    prefix = "peers."
    baked = False

    def settings(self) -> dict[str, str]:
        """See `Peer`."""
        return super().settings() | {"code": "a component in Rust; steps in Python"}

    def given(self) -> list[Any]:
        """See `Python`."""
        return [Path(os.environ[COMPONENT]), _STEPS]
