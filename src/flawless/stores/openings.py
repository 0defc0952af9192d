"""Each opening of a store by an engine, for people who look at what happened."""

from __future__ import annotations

import msgspec

OPENINGS_MAX = 1_000
"""How many openings a store remembers: the latest."""


class NoteOpening(msgspec.Struct, frozen=True):
    """Remember that an engine of this version has opened the store.

    The store adds what it knows itself: see `Opening.clean`. Only the latest `OPENINGS_MAX` are
    kept.
    """

    at_us: int
    version: str


class Opening(msgspec.Struct, frozen=True):
    """An opening that was noted.

    `clean` is false if, since the opening noted before, the store was left without `close`: the
    engine was killed, or the machine failed.
    """

    at_us: int
    version: str
    clean: bool
