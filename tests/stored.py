"""A store as anyone could read it: executions with their journals and builds, without an engine."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flawless.core.encoding import decode_entries
from flawless.core.entries import Entry
from flawless.engine.deployment import Deployment
from flawless.stores import Selection, SQLiteStore, Store
from flawless.stores.base import Record


@dataclass(frozen=True, slots=True)
class Stored:
    """One execution as its store has it."""

    record: Record
    entries: list[Entry]
    deployment: Deployment


def read(path: Path) -> list[Stored]:
    """Return all executions of an SQLite file."""
    return asyncio.run(_read(path))


def component(path: Path, sha256: str) -> bytes:
    """Return a component that an SQLite file keeps."""
    return asyncio.run(_component(path, sha256))


async def records(store: Store, **conditions: Any) -> list[Record]:
    """Return all records that fulfil the conditions, newest first."""
    found: list[Record] = []
    before: str | None = None
    while True:
        page = await store.list(Selection(**conditions), limit=1_000, before=before)
        found += page.records
        before = page.next
        if before is None:
            return found


async def _read(path: Path) -> list[Stored]:
    store = SQLiteStore(path)
    await store.open()
    try:
        found = []
        for record in await records(store, runs=True):
            entries: list[Entry] = []
            for chunk in await store.journal(record.id):
                entries += decode_entries(record.id, chunk.first_seq, chunk.data, chunk.count)
            kept = await store.deployment(record.deployment)
            assert kept is not None
            found.append(Stored(record, entries, Deployment.decode(kept.manifest)))
        return found
    finally:
        await store.close()


async def _component(path: Path, sha256: str) -> bytes:
    store = SQLiteStore(path)
    await store.open()
    try:
        wasm = await store.blob(sha256)
        assert wasm is not None
        return wasm
    finally:
        await store.close()
