"""What the tests of all stores share: the stores themselves, and short ways to make writes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from flawless.stores import MemoryStore, SQLiteStore, Store

STORES = ("memory", "sqlite")


@pytest.fixture
def anyio_backend() -> str:
    """Run the asynchronous tests on asyncio."""
    return "asyncio"


class Place:
    """Where a store's data lives: `open` gives the store, again after it was closed."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._kind = kind
        self._path = folder / "data" / "app.db"
        self._memory = MemoryStore()
        self._opened: list[Store] = []

    async def open(self) -> Store:
        """Open the store, and close it at the end of the test."""
        store: Store = SQLiteStore(self._path) if self._kind == "sqlite" else self._memory
        await store.open()
        self._opened.append(store)
        return store

    async def close(self) -> None:
        """Close all that was opened."""
        for store in self._opened:
            await store.close()


@pytest.fixture(params=STORES)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    """A place for each kind of store."""
    place = Place(request.param, tmp_path)
    yield place
    await place.close()


@pytest.fixture
async def store(place: Place) -> Store:
    """An open, empty store of each kind."""
    return await place.open()
