"""All that reads a journal, on a journal that a stranger has filled: nobody may fall over it."""

from __future__ import annotations

import json
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import msgspec

from flawless.core.entries import Cancelled, Completed, Continued, Entry, Failed, Invoked, describe
from flawless.core.history import NoResumePoint, end_of, history, resume_point, stopped, taken_back
from flawless.engine.endings import outcome_for_parent, status_of
from flawless.server.endpoints import journals
from flawless.server.wire.documents import encoded

T = TypeVar("T")


def is_a_sentence(error: Exception) -> None:
    """An error says something, and not all that it was given."""
    text = str(error)
    if not 0 < len(text) < 10_000:
        raise AssertionError(f"an error with {len(text)} characters") from error
    text.encode("utf-8", "surrogatepass")


def at_once(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what only lets others have their turn."""
    while True:
        try:
            coroutine.send(None)
        except StopIteration as end:
            found: T = end.value
            return found


def read_everything(entries: Sequence[Entry]) -> None:
    """Read a journal in every way that there is."""
    if not entries:
        return
    past = history(entries)
    assert len(past.positions) == len(past.entries)
    for words in (describe(entry) for entry in entries):
        words.encode()
    first = entries[0]
    assert isinstance(first, Invoked)
    stretch = journals.Stretch(first.run, first.began_us, 0, list(entries), len(entries))
    for document in at_once(journals.entries_of(stretch)):
        json.loads(encoded(document))
    for line in journals.lines_of(stretch):
        json.loads(encoded(line))
    end = end_of(entries)
    if end is not None:
        status_of(end)
        stopped(end)
    if isinstance(end, Completed | Failed | Cancelled):
        told = msgspec.json.decode(outcome_for_parent("order-1", end), type=dict[str, msgspec.Raw])
        assert set(told) == {"ok"} or set(told) == {"error"}
    if not isinstance(end, Continued):
        try:
            taken_back(entries, resume_point(entries))
        except NoResumePoint:
            return
