"""Whether a journal that comes from elsewhere is one that an engine could have written.

A store's own journals are believed once their checksums fit. A file of somebody else's can have
checksums that fit and make no sense: it is looked at as a whole, before anybody replays it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from flawless.core.entries import (
    SEED_BYTES,
    Arrived,
    Called,
    Cancelled,
    CancelObserved,
    Completed,
    Continued,
    Dropped,
    Entry,
    Failed,
    Invoked,
    Observed,
    Published,
    Resolved,
    Responded,
    Retried,
    Slept,
    Started,
)
from flawless.core.history import history
from flawless.core.values import no_call, no_object, unreadable
from flawless.errors import JournalDamaged

LATEST_US: Final = 18_000_000_000_000_000
"""The year 2540: WASI's clocks count nanoseconds in 64 bits."""


def check_sound(execution: str, entries: Sequence[Entry]) -> None:
    """Raise `JournalDamaged`, naming the position, unless a journal makes sense as a whole."""
    first = entries[0]
    assert isinstance(first, Invoked)
    latest = 0
    for position, entry in enumerate(entries):
        why = _wrong(entry, position, entries)
        if why is None and not latest <= entry.at <= LATEST_US - first.began_us:
            why = "its time cannot be"
        if why is not None:
            raise JournalDamaged(execution, position, why)
        latest = entry.at
    _check_outcomes(execution, entries)


def _wrong(entry: Entry, position: int, entries: Sequence[Entry]) -> str | None:
    """Return what of an entry cannot be, or None."""
    match entry:
        case Invoked():
            if len(entry.seed) != SEED_BYTES or not 0 <= entry.began_us <= LATEST_US:
                return "its seed or its time cannot be"
            if entry.origin is not None and not 0 < entry.origin.entries <= len(entries):
                return "its origin has more entries than there are"
            return no_call(entry.input)
        case Started(until=int(until)) | Slept(until=until) if not 0 <= until <= LATEST_US:
            return "its time cannot be"
        case Called(failed=failed, payload=bytes(payload)):
            return _no_outcome(failed, payload)
        case Observed(failed=failed, payload=bytes(payload)):
            return _no_outcome(failed, payload)
        case Arrived():
            return _no_outcome(entry.failed, entry.payload)
        case Resolved(payload=bytes(payload)):
            return unreadable(payload)
        case Published(refused=bytes(refused)) | Responded(refused=bytes(refused)):
            return no_object(refused)
        case Retried():
            fits = isinstance(entries[position - 1], Failed) and 0 < entry.resume < position
            return None if fits else "nothing had failed that could go on there"
        case Completed() | Continued() | Failed() | Cancelled():
            if position + 1 < len(entries) and not isinstance(entries[position + 1], Retried):
                return "there are entries behind the end"
            if isinstance(entry, Completed):
                return unreadable(entry.payload)
            return (no_call if isinstance(entry, Continued) else no_object)(entry.payload)
    return None


def _no_outcome(failed: bool, payload: bytes) -> str | None:
    return no_object(payload) if failed else unreadable(payload)


def _check_outcomes(execution: str, entries: Sequence[Entry]) -> None:
    """Raise unless each outcome that stands in another entry stands in an earlier one."""
    past = history(entries)
    kept: set[int] = set()
    for position, entry in zip(past.positions, past.entries, strict=True):
        if isinstance(entry, Arrived | Resolved) and entry.payload is not None:
            kept.add(entry.effect)
        elif isinstance(entry, Called | Observed) and entry.payload is None:
            if entry.effect not in kept:
                raise JournalDamaged(execution, position, "its outcome is nowhere")
            kept.discard(entry.effect)
        elif isinstance(entry, Dropped | CancelObserved):
            kept.discard(entry.effect)
