"""How far an execution's cancellation has come."""

from __future__ import annotations

import pytest

from flawless.core.cancellation import Cancellation
from flawless.core.entries import CancelObserved
from flawless.core.signals import CancelSignal


def test_nobody_asked() -> None:
    """Without a deadline nothing happens by itself."""
    cancellation = Cancellation(None, None)
    assert not cancellation.begun
    assert cancellation.wake is None
    assert not cancellation.overdue(10**15)
    assert not cancellation.expired(10**15)


def test_asked_and_told() -> None:
    """The guest is told once; from then on its time for cleaning up runs."""
    cancellation = Cancellation(None, None)
    cancellation.ask(CancelSignal("enough", grace_s=2.5), 7)
    assert cancellation.begun
    assert not cancellation.told
    assert cancellation.number == 7
    assert cancellation.wake is None, "the grace counts from when the guest was told"
    assert not cancellation.expired(10**15)
    assert cancellation.tell(1_000).reason == "enough"
    assert cancellation.until == 2_501_000
    assert cancellation.told
    assert cancellation.asked is None
    assert cancellation.wake == 2_501_000
    assert not cancellation.expired(2_500_999)
    assert cancellation.expired(2_501_000)
    with pytest.raises(AssertionError):
        cancellation.tell(1_001)
    with pytest.raises(AssertionError):
        cancellation.ask(CancelSignal())


def test_no_grace_is_all_the_time_in_the_world() -> None:
    """Without a bound the cleaning up may take as long as it wants."""
    cancellation = Cancellation(None, None)
    cancellation.ask(CancelSignal())
    assert cancellation.tell(1_000) == CancelSignal()
    assert cancellation.until is None
    assert cancellation.wake is None
    assert not cancellation.expired(10**15)


def test_deadline() -> None:
    """A deadline counts until somebody asks."""
    cancellation = Cancellation(5_000, None)
    assert cancellation.wake == 5_000
    assert not cancellation.overdue(4_999)
    assert cancellation.overdue(5_000)
    cancellation.ask(CancelSignal())
    assert not cancellation.overdue(5_000)
    assert cancellation.wake is None
    cancellation.tell(4_000)
    assert not cancellation.overdue(5_000)
    assert cancellation.wake is None


def test_told_by_an_earlier_process() -> None:
    """What the journal tells goes on counting."""
    cancellation = Cancellation(5_000, CancelObserved(1, 2, 3, "enough", 9_000))
    assert cancellation.begun
    assert cancellation.told
    assert cancellation.wake == 9_000
    assert not cancellation.overdue(6_000)
    assert cancellation.expired(9_000)


@pytest.mark.parametrize(
    ("first", "then", "ends"),
    [
        ("ann", "ann", True),
        ("deadline", "ann", True),
        ("ann", "deadline", True),
        (":parent", "ann", False),
        ("ann", ":parent", False),
        (":parent", ":parent", False),
    ],
)
def test_insisting(first: str, then: str, ends: bool) -> None:
    """A second request ends it for good; a parent that ends is neither a first nor a second."""
    cancellation = Cancellation(None, None)
    cancellation.ask(CancelSignal(by=first))
    assert cancellation.insist(CancelSignal(by=then)) is ends
    told = Cancellation(None, CancelObserved(5, 1, 0, "", by=first))
    assert told.insist(CancelSignal(by=then)) is ends


def test_insisting_after_a_parent() -> None:
    """Who cancels what a parent has cancelled asks for the first time; the next one ends it."""
    cancellation = Cancellation(None, None)
    cancellation.ask(CancelSignal(by=":parent"))
    assert not cancellation.insist(CancelSignal(by="ann"))
    assert cancellation.insist(CancelSignal(by="ann"))
