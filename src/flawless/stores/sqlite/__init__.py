"""A store in one SQLite file."""

from __future__ import annotations

from flawless.stores.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
