"""The timeline, from entries as the server gives them."""

from __future__ import annotations

from typing import Any

import pytest

from flawless import api
from flawless.cli.timeline import Row, timeline

BEGAN_US = 1_800_000_000_000_000
NOW_US = BEGAN_US + 10_000_000


def entry(kind: str, elapsed_us: int, **fields: Any) -> dict[str, Any]:
    """Return an entry."""
    at = api.timestamp(BEGAN_US + elapsed_us)
    return {"position": 0, "kind": kind, "at": at, "elapsed_us": elapsed_us, **fields}


def rows(*entries: dict[str, Any], **fields: Any) -> list[Row]:
    """Return the rows of a journal that begins with a start without arguments."""
    begin = entry("invoked", 0, workflow="app.w", deployment="d", input={"args": [], "kwargs": {}})
    began = api.timestamp(BEGAN_US)
    detail = api.ExecutionDetail("x", "app.w", "d", **{
        "status": "running", "created_at": began, "updated_at": began, **fields
    })  # fmt: skip
    first, *others = timeline([begin, *entries], detail, NOW_US)
    assert (first.label, first.detail) == ("app.w", "()")
    return others


def test_an_effect_is_one_row() -> None:
    """Entered and called together are one row that begins when it was entered."""
    (row,) = rows(
        entry("entered", 100, effect=1, label="step app.s"),
        entry("called", 400, effect=1, label="step app.s", failed=False, value={"a": 1}),
    )
    assert row == Row(100, "effect", "step app.s", 300, '{"a": 1}')


def test_a_started_effect_is_shown_where_it_was_seen() -> None:
    """Started, arrived and observed are one row with the time until it arrived."""
    (row,) = rows(
        entry("started", 100, effect=2, label="GET http://h/"),
        entry(
            "arrived", 300, effect=2, failed=True, error={"type": "ConnectError", "message": "no"}
        ),
        entry("observed", 900, effect=2, failed=True),
    )
    assert row == Row(100, "effect", "GET http://h/", 200, "ConnectError: no", "bad")


def test_a_call_begins_where_the_workflow_was() -> None:
    """An outcome that arrived while the workflow was away ends the call, and does not begin it."""
    clock, row = rows(
        entry("clock_read", 100, label="clock"),
        entry("arrived", 900, effect=1, failed=False, value=7),
        entry("called", 950, effect=1, label="step app.s", failed=False),
    )
    assert clock.elapsed_us == 100
    assert row == Row(100, "effect", "step app.s", 800, "7")


def test_what_is_under_way_comes_last_with_its_attempts() -> None:
    """Effects in flight show for how long, which attempt, and what went wrong before."""
    at = api.timestamp(BEGAN_US + 2_000_000)
    flight = api.InFlight(3, "step app.s", at, [api.Attempt(at, "OSError", "away\nagain")])
    (row,) = rows(entry("entered", 1_900_000, effect=3, label="step app.s"), in_flight=[flight])
    assert (row.took_us, row.detail) == (8_000_000, "under way, attempt 2")
    assert row.below == ["attempt 1 failed at 2.00 s: OSError: away ⏎ again"]


def test_effects_without_an_outcome() -> None:
    """An effect that was begun and is nowhere under way is shown as such while it matters."""
    begun = entry("started", 5, effect=4, label="step app.s")
    (row,) = rows(begun)
    assert row.detail == "begun, no outcome yet"
    assert [r.label for r in rows(begun, entry("completed", 9, result=1), status="completed")] == [
        "returned"
    ]


def test_an_effect_after_a_sleep_begins_when_it_is_over() -> None:
    """A call is the length of the call, without the sleep before it."""
    slept = entry("slept", 10, effect=1, until=api.timestamp(BEGAN_US), until_us=5_000)
    called = entry("called", 5_300, effect=2, label="step app.s", failed=False)
    assert [(row.label, row.elapsed_us, row.took_us) for row in rows(slept, called)] == [
        ("sleep", 10, 4_990),
        ("step app.s", 5_000, 300),
    ]
    told = entry("cancel_observed", 700, reason="why", by="ann", effect=1)
    again = entry("called", 900, effect=2, label="step app.s", failed=False)
    _, cancelled, cleaned = rows(slept, told, again)
    assert (cancelled.detail, cleaned.elapsed_us, cleaned.took_us) == ("why (by ann)", 700, 200)


@pytest.mark.parametrize(
    ("decision", "words"),
    [
        ({"decision": "ok", "value": {"retry": True}}, "try it again (by ann)"),
        ({"decision": "ok", "value": {"ok": "paid"}}, 'it happened: "paid" (by ann)'),
        ({"decision": "error", "error": {"type": "E", "message": "no"}}, "E: no (by ann)"),
    ],
)
def test_a_decision_that_was_asked_for_is_one_row(decision: dict[str, Any], words: str) -> None:
    """It is told as what the person said, and not again as the answer the workflow got."""
    failed = decision["decision"] == "error"
    parked, decided = rows(
        entry("parked", 5, effect=3, label="undo app.s: E: no", asked=True),
        entry("resolved", 9, effect=3, by="ann", **decision),
        entry("called", 9, effect=3, label="undo app.s: E: no", failed=failed),
    )
    assert parked.detail == "effect 3 parked, asks for a decision"
    assert (decided.label, decided.detail) == ("effect 3 decided", words)


def test_a_sleeper_says_when_it_wakes() -> None:
    """The last sleep of a waiting execution shows the moment and how far it is."""
    until = api.timestamp(NOW_US + 5_000_000)
    (row,) = rows(
        entry("slept", 0, effect=1, until=until, until_us=15_000_000),
        status="waiting",
        wake_at=until,
    )
    assert (row.label, row.took_us, row.look) == ("sleep", 15_000_000, "waiting")
    assert row.detail == f"until {until}, wakes in 5.00 s"


def test_every_kind_of_entry_has_a_row_or_a_reason() -> None:
    """Logs, clock, timers, dropped effects and failures are rows; an unknown kind is one too."""
    shown = rows(
        entry("clock_read", 1, label="clock"),
        entry(
            "logged", 2, label="log", level=30, level_name="WARNING", logger="app", message="a\nb"
        ),
        entry("started", 3, effect=5, label="sleep", until=api.timestamp(0), until_us=2_003),
        entry("dropped", 4, effect=5),
        entry("elapsed", 5),
        entry("polled", 6, label="sleep", until=api.timestamp(0), until_us=9),
        entry("invented", 7, label="later"),
        entry("failed", 8, error={"type": "E", "message": "m\x1b[2J"}),
        status="failed",
    )
    assert [row.label for row in shown] == [
        "clock", "log app", "sleep 2 ms", "wait", "sleep", "later", "failed",
    ]  # fmt: skip
    assert shown[1].detail == "WARNING a ⏎ b"
    assert shown[-1].detail == "E: m\ufffd[2J"


def test_a_message_is_shown_by_its_payload() -> None:
    """The label names what was waited for, so the name is shown only where it could be another."""
    value = {"name": "word", "payload": {"n": 1}, "id": "m"}
    seen = [
        entry("started", 1, effect=1, label="receive word"),
        entry("observed", 2, effect=1, failed=False, value=value),
        entry("started", 3, effect=2, label="receive any message"),
        entry("observed", 4, effect=2, failed=False, value=value),
        entry("started", 5, effect=3, label="receive word"),
        entry("started", 6, effect=4, label="start app.child as x.4"),
    ]
    assert [row.detail for row in rows(*seen, status="waiting")] == [
        '{"n": 1}', 'word {"n": 1}', "no message yet", "has not ended yet",
    ]  # fmt: skip


def test_a_parked_effect_waits_until_it_is_decided() -> None:
    """It is shown where it parked, not as begun; the decision is its outcome."""
    parked = [
        entry("entered", 1, effect=1, label="step app.s"),
        entry("parked", 2, effect=1, label="step app.s", asked=False),
    ]
    (row,) = rows(*parked, status="parked")
    assert (row.label, row.look) == ("step app.s", "warning")
    assert "effect 1 parked" in row.detail
    decided = rows(
        *parked,
        entry("resolved", 3, effect=1, by="ann", decision="ok", value=7),
        entry("called", 4, effect=1, label="step app.s", failed=False),
        status="running",
    )
    assert [row.detail for row in decided[1:]] == ["it happened: 7 (by ann)", "7"]
    error = {"type": "EffectError", "message": "no"}
    failed = rows(
        *parked,
        entry("resolved", 3, effect=1, by="", decision="error", error=error),
        entry("called", 4, effect=1, label="step app.s", failed=True),
    )
    assert [row.detail for row in failed[1:]] == ["EffectError: no", "EffectError: no"]
    again = rows(*parked, entry("resolved", 3, effect=1, by="", decision="retry"))
    assert [row.detail for row in again[1:]] == ["perform it again", "begun, no outcome yet"]


def test_a_retry_keeps_the_label_of_what_failed() -> None:
    """What is performed again after a retry is shown under the name it had."""
    error = {"type": "E", "message": "no"}
    shown = rows(
        entry("started", 1, effect=1, label="step app.s"),
        entry("observed", 2, effect=1, failed=True, error=error),
        entry("failed", 3, error=error),
        entry("retried", 4, effect=1, resume=2, by="ann"),
        entry("repeated", 5, effect=1),
        entry("observed", 6, effect=1, failed=False, value=1),
        entry("completed", 7, result=1),
        status="completed",
    )
    assert [row.label for row in shown] == [
        "step app.s", "failed", "retried", "step app.s", "returned",
    ]  # fmt: skip
    assert shown[2].detail == "goes on from effect 1 (by ann)"


def test_ends_before_their_time_have_rows() -> None:
    """Cancelling, deadlines, the next run, and what could not be shown."""
    error = {"type": "ValueTooLarge", "message": "large"}
    invoked = entry(
        "invoked", 0, workflow="app.w", input={"args": [], "kwargs": {}},
        deadline="then", deadline_us=5_000_000,
    )  # fmt: skip
    shown = rows(
        invoked,
        entry("published", 1, label="publish", failed=False),
        entry("responded", 2, label="respond", failed=True, error=error),
        entry("entered", 3, effect=4, label="step app.s"),
        entry("cancel_observed", 4, effect=4, reason="a\nb", until="later", until_us=9),
        entry("cancel_observed", 5, reason=""),
        entry("continued", 6, input={"args": [1], "kwargs": {"b": 2}}),
        entry("cancelled", 7, error={"type": "CancelledError", "message": "a\nb"}),
        status="cancelled",
    )
    assert [(row.label, row.detail) for row in shown[1:]] == [
        ("deadline", "cancelled after 5.00 s, at then"),
        ("publish", ""),
        ("respond", "ValueTooLarge: large"),
        ("cancelled", "a ⏎ b (may clean up until later)"),
        ("cancelled", "told to end"),
        ("continued", "as the next run, with (1, b=2)"),
        ("cancelled", "a ⏎ b"),
    ]
