"""The engines by name, each imported only where it is used: in its own environment."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.peers.peer import Peer

FLAWLESS: Final = "flawless"
"""The environment of the engines that are ours."""


@dataclass(frozen=True, slots=True)
class Known:
    """Where an engine's class is, what it runs in, and how people name it."""

    environment: str
    module: str
    kind: str
    title: str

    @property
    def ours(self) -> bool:
        """Whether it is Flawless."""
        return self.environment == FLAWLESS


ENGINES: Final = {
    "flawless-python": Known(FLAWLESS, "flawless_", "Python", "Flawless, Python"),
    "flawless-rust": Known(FLAWLESS, "flawless_", "Rust", "Flawless, Rust"),
    "dbos-sqlite": Known("dbos", "dbos_", "OnSqlite", "DBOS, SQLite"),
    "dbos-postgresql": Known("dbos", "dbos_", "OnPostgresql", "DBOS, PostgreSQL"),
    "restate": Known("restate", "restate_", "Restate", "Restate"),
    "temporal-dev": Known("temporal", "temporal_", "Temporal", "Temporal, dev server"),
    "flawless-python-loaded": Known(FLAWLESS, "flawless_", "Loaded", "Flawless, Python, not baked"),
}


def make(name: str, folder: Path) -> Peer:
    """Return an engine whose store is in `folder`."""
    known = ENGINES[name]
    module = importlib.import_module(f"benchmarks.peers.engines.{known.module}")
    peer: Peer = getattr(module, known.kind)(folder)
    return peer
