"""Names in forks: what a guest calls itself, and who is meant by that."""

from __future__ import annotations

import msgspec
import pytest

from flawless.core.entries import FORMAT, Invoked, Origin
from flawless.core.names import known_as, translator
from flawless.core.protocol import CancelRequest, ExecuteRequest, SendRequest, StepRequest

NOTHING = msgspec.Raw(b"null")
STARTED = Invoked(FORMAT, "app.w", "d1", 0, bytes(32), b"{}")
FORKED = msgspec.structs.replace(STARTED, origin=Origin("b", 3, 0, "a"))
FORKED_RUN = msgspec.structs.replace(STARTED, origin=Origin("a", 3, 0, "a", 2, 2))


@pytest.mark.parametrize(
    ("execution", "first", "known"),
    [
        ("a", STARTED, ("a", 1)),
        ("a~1", STARTED, ("a", 1)),
        ("a", msgspec.structs.replace(STARTED, run=3), ("a", 3)),
        ("c", FORKED, ("a", 1)),
        ("c~1", FORKED, ("a", 1)),
        ("c", FORKED_RUN, ("a", 2)),
    ],
)
def test_what_a_guest_is_told(execution: str, first: Invoked, known: tuple[str, int]) -> None:
    """The guest of a fork goes on calling itself as it did in the shared entries."""
    assert known_as(execution, first) == known


@pytest.mark.parametrize(
    ("first", "name", "meant"),
    [
        (STARTED, "a", "a"),
        (FORKED, "a", "c"),
        (FORKED, "a.1", "c.1"),
        (FORKED, "a.1.2", "c.1.2"),
        (FORKED, "a.r2.1", "c.r2.1"),
        (FORKED, "b", "b"),
        (FORKED, "b.1", "b.1"),
        (FORKED, "ab.1", "ab.1"),
        (FORKED, "a-1", "a-1"),
        (FORKED, "x.a.1", "x.a.1"),
        (FORKED_RUN, "a.r2.1", "c.r1.1"),
        (FORKED_RUN, "a.r3.1", "c.r3.1"),
        (FORKED_RUN, "a.1", "c.1"),
    ],
)
def test_who_is_meant(first: Invoked, name: str, meant: str) -> None:
    """The origin's name, and names made from it, mean the fork and its own; others stay."""
    translate = translator("c", first)
    assert translate(SendRequest(1, name, "word", NOTHING)) == SendRequest(
        1, meant, "word", NOTHING
    )
    assert translate(CancelRequest(1, name)) == CancelRequest(1, meant)
    started = translate(ExecuteRequest(1, "app.w", NOTHING, name))
    assert started == ExecuteRequest(1, "app.w", NOTHING, meant)
    step = StepRequest(1, name, NOTHING)
    assert translate(step) is step
