"""Where executions are kept. `base` is the contract; each neighbour is one implementation."""

from __future__ import annotations

from flawless.stores.address import open_store
from flawless.stores.base import (
    Append,
    Chunk,
    Create,
    Deployment,
    Record,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Store,
    Write,
)
from flawless.stores.memory import MemoryStore
from flawless.stores.sqlite import SQLiteStore

__all__ = [
    "Append",
    "Chunk",
    "Create",
    "Deployment",
    "MemoryStore",
    "Record",
    "SQLiteStore",
    "SaveAttempts",
    "SaveBlob",
    "SaveDeployment",
    "Store",
    "Write",
    "open_store",
]
