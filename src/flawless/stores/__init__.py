"""Where executions are kept. `base` is the contract; each neighbour is one implementation."""

from __future__ import annotations

from flawless.stores.address import open_store
from flawless.stores.base import (
    Append,
    Chunk,
    Create,
    Deployment,
    Message,
    NextRun,
    NoteOpening,
    Opening,
    Page,
    Parent,
    Record,
    SaveActive,
    SaveAttempts,
    SaveBlob,
    SaveDeployment,
    Selection,
    Send,
    Sent,
    Store,
    Visible,
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
    "Message",
    "NextRun",
    "NoteOpening",
    "Opening",
    "Page",
    "Parent",
    "Record",
    "SQLiteStore",
    "SaveActive",
    "SaveAttempts",
    "SaveBlob",
    "SaveDeployment",
    "Selection",
    "Send",
    "Sent",
    "Store",
    "Visible",
    "Write",
    "open_store",
]
