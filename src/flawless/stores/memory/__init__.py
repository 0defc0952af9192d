"""A store that forgets."""

from __future__ import annotations

from flawless.stores.memory.store import MemoryStore

__all__ = ["MemoryStore"]
