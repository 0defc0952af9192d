"""From what a user writes to the store it means."""

from __future__ import annotations

from os import PathLike, fspath

from flawless.errors import StoreError
from flawless.stores.base import Store
from flawless.stores.memory import MemoryStore
from flawless.stores.sqlite import SQLiteStore


def open_store(where: str | PathLike[str]) -> Store:
    """Return the store for `where`: the path of an SQLite file, or `":memory:"`. Not yet opened.

    Raises `StoreError` for an address (`scheme://`) no store is known for.
    """
    text = fspath(where)
    if text == ":memory:":
        return MemoryStore()
    scheme, mark, _ = text.partition("://")
    if mark and "/" not in scheme:
        raise StoreError(
            "open",
            f"no store is known for addresses that begin with {scheme}://",
            "Give the path of a file.",
            retriable=False,
        )
    return SQLiteStore(where)
