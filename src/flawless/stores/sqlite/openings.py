"""Openings, in rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flawless.stores.openings import OPENINGS_MAX, NoteOpening, Opening
from flawless.stores.sqlite.sql import QUERIES


def note_opening(execute: Callable[..., Any], write: NoteOpening) -> None:
    """Carry out a write; only within a transaction."""
    execute(QUERIES["insert_opening"], (write.at_us, write.version))
    execute(QUERIES["session_noted"])
    execute(QUERIES["forget_openings"], (OPENINGS_MAX,))


def read_openings(execute: Callable[..., Any], limit: int) -> list[Opening]:
    """Return the latest openings, the last one first."""
    rows = execute(QUERIES["openings"], (max(0, limit),))
    return [Opening(at_us, version, bool(clean)) for at_us, version, clean in rows]
