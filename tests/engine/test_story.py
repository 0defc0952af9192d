"""What a journal tells as spans, entry by entry: also what no running engine shows at will."""

from __future__ import annotations

from collections.abc import Sequence

from flawless.core.entries import (
    FORMAT,
    Arrived,
    Attempt,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Dropped,
    Entered,
    Entry,
    Failed,
    Invoked,
    Observed,
    Parked,
    Polled,
    Repeated,
    Resolved,
    Retried,
    Slept,
    Started,
)
from flawless.engine.tracing.identity import identity
from flawless.engine.tracing.labels import kind_of_label, span_name
from flawless.engine.tracing.story import EVENTS_MAX, Story, Told

BEGAN_US = 1_000_000
FIRST = Invoked(FORMAT, "app.w", "d1", BEGAN_US, bytes(32), b"{}")
IDS = identity("a", 1)
ERROR = b'{"type":"ValueError","module":"builtins","message":"hunter2"}'


def tell(*entries: Entry, story: Story | None = None) -> list[Told]:
    """Return what a journal tells, from its beginning unless a story goes on."""
    whole: Sequence[Entry] = entries if story is not None else (FIRST, *entries)
    story = story or Story("a", FIRST, IDS)
    return [told for entry in whole for told in story.take(entry)]


def spans(found: list[Told]) -> list[tuple[str, int, int]]:
    """Return labels and times since the beginning."""
    return [(one.label, one.began_us - BEGAN_US, one.ended_us - BEGAN_US) for one in found]


def test_a_sleep_ends_when_its_time_has_come() -> None:
    """However late the entry is that shows it; one that was cut short ends earlier."""
    assert spans(tell(Slept(10, 1, 1, 100), ClockRead(250))) == [("sleep", 10, 100)]
    assert tell(Slept(10, 1, 1, 100)) == []
    cut = tell(Slept(10, 1, 1, 100), CancelObserved(50, 2, 1, "enough"))
    assert spans(cut) == [("sleep", 10, 50)]


def test_an_outcome_that_came_while_asleep_does_not_end_the_sleep() -> None:
    """What was started earlier may end meanwhile."""
    found = tell(
        Started(5, 1, 1, "step app.s"),
        Slept(10, 2, 2, 100),
        Arrived(40, 1, False, b"1"),
        Observed(100, 3, 1, False, None),
    )
    assert spans(found) == [("step app.s", 5, 40), ("sleep", 10, 100)]


def test_a_poll_has_a_place_instead_of_a_number() -> None:
    """Two waits of the operating system's kind are two spans."""
    found = tell(Polled(10, 20), Polled(30, 40), ClockRead(50))
    assert spans(found) == [("sleep", 10, 20), ("sleep", 30, 40)]
    assert [one.place for one in found] == [IDS.poll(1), IDS.poll(2)]


def test_a_timer_ends_at_its_time() -> None:
    """It was seen later, because the guest was busy."""
    found = tell(Started(5, 1, 1, "sleep", until=60), Observed(300, 2, 1, False, b"null"))
    assert spans(found) == [("sleep", 5, 60)]


def test_an_outcome_is_told_once() -> None:
    """When it came; the entry that shows that the guest saw it tells nothing more."""
    story = Story("a", FIRST, IDS)
    tell(FIRST, story=story)
    place = story.begins(1, "step app.s", "step", BEGAN_US + 20)
    found = tell(
        Arrived(50, 1, False, b"1"), Called(90, 1, 1, "step app.s", False, None), story=story
    )
    assert spans(found) == [("step app.s", 20, 50)]
    assert found[0].place == place == IDS.effect(1)
    assert found[0].parent == IDS.root


def test_what_is_known_of_an_effect_only_from_its_end() -> None:
    """Tracing was switched on meanwhile: it began no earlier than the entry before."""
    assert spans(tell(ClockRead(30), Called(80, 1, 1, "step app.s", True, ERROR))) == [
        ("step app.s", 30, 80)
    ]


def test_failed_attempts_are_events_and_their_number_has_a_bound() -> None:
    """The span begins no later than the first of them: an earlier process made it."""
    attempts = [Attempt(10 + n, "OSError", "hunter2") for n in range(2 * EVENTS_MAX)]
    (told,) = tell(ClockRead(500), Called(800, 1, 1, "step app.s", False, b"1", attempts))
    assert told.began_us == BEGAN_US + 10
    assert len(told.events) == EVENTS_MAX
    assert told.events[0].attributes == {"flawless.attempt": 1, "error.type": "OSError"}


def test_a_persons_decision_ends_a_parked_effect() -> None:
    """The effect was being performed when a process died; somebody knew what became of it."""
    found = tell(
        Entered(5, 1, 1, "POST http://shop/orders"),
        Parked(100, 1, "POST http://shop/orders"),
        Resolved(900, 1, False, b'"ref"', "ann"),
        Called(901, 1, 1, "POST http://shop/orders", False, None),
    )
    assert spans(found) == [("POST http://shop/orders", 5, 900)]
    assert found[0].attributes["flawless.decided"] is True
    assert [event.name for event in found[0].events] == ["parked"]


def test_a_decision_to_repeat_ends_nothing() -> None:
    """The effect goes on, and ends with what it brings."""
    found = tell(
        Entered(5, 1, 1, "step app.s"),
        Parked(100, 1, "step app.s"),
        Resolved(900, 1, False, None, "ann"),
        Called(950, 1, 1, "step app.s", True, ERROR),
    )
    assert spans(found) == [("step app.s", 5, 950)]
    assert found[0].error == "ValueError"


def test_a_decision_that_the_workflow_asked_for() -> None:
    """It is an effect of its own kind."""
    (told,) = tell(
        Parked(10, 1, "undo app.refund", asked=True),
        Resolved(70, 1, False, b'{"ok":1}', "ann"),
    )
    assert (told.kind, told.label) == ("decision", "undo app.refund")


def test_what_is_open_at_the_end_was_given_up() -> None:
    """So was what the workflow dropped, or was told to leave."""
    found = tell(
        Started(1, 1, 1, "receive go"),
        Started(2, 2, 2, "start app.c as c"),
        Dropped(3, 3, 1),
        Cancelled(9, b"{}"),
    )
    assert spans(found) == [("receive go", 1, 3), ("start app.c as c", 2, 9), ("app.w", 0, 9)]
    assert [one.attributes.get("flawless.given_up") for one in found] == [
        "dropped",
        "dropped",
        None,
    ]
    assert found[-1].attributes["flawless.status"] == "cancelled"
    assert found[-1].error is None


def test_a_retry_begins_a_span_of_its_own() -> None:
    """What failed keeps its place; what is repeated gets another one, below the retry."""
    found = tell(
        Started(1, 1, 1, "step app.early"),
        Called(5, 2, 2, "step app.s", True, ERROR),
        Started(6, 3, 3, "receive never"),
        Failed(7, ERROR),
        Retried(100, 2, 2, "ann"),
        Repeated(101, 1),
        Called(150, 2, 2, "step app.s", False, b"1"),
        Completed(160, b"1"),
    )
    places = {(one.label, one.kind, one.place, one.parent) for one in found}
    assert ("step app.s", "step", IDS.effect(2), IDS.root) in places
    assert ("step app.s", "step", IDS.effect(2, 1), IDS.retry(1)) in places
    assert ("app.w", "execution", IDS.root, None) in places
    assert ("app.w", "retry", IDS.retry(1), IDS.root) in places
    assert len({one.place for one in found}) == len(found)
    (first, second) = [one for one in found if one.label == "app.w"]
    assert (first.error, second.error) == ("ValueError", None)
    assert (second.began_us, second.ended_us) == (BEGAN_US + 100, BEGAN_US + 160)


def test_messages_of_errors_are_never_told() -> None:
    """Whatever they quote."""
    found = tell(Called(5, 2, 2, "step app.s", True, ERROR), Failed(7, b"no JSON: hunter2"))
    assert [one.error for one in found] == ["ValueError", "Error"]
    assert "hunter2" not in repr(found)


def test_names_of_spans_are_few() -> None:
    """Ids and paths are attributes; names are what a tracing system groups by."""
    for label, kind, name in (
        ("step app.s", "step", "step app.s"),
        ("GET http://api.shop:8080/orders/42", "http", "GET api.shop"),
        ("GET http://[::1", "http", "GET "),
        ("send word to order-42", "send", "send word"),
        ("start app.c as order-42:3", "child", "start app.c"),
        ("cancel order-42", "cancel", "cancel"),
        ("receive go, stop", "receive", "receive go, stop"),
        ("sleep", "sleep", "sleep"),
        ("undo app.refund", "decision", "undo app.refund"),
    ):
        assert kind_of_label(label) == kind, label
        assert span_name(kind, label) == name
