"""The timeline, from entries as the server gives them."""

from __future__ import annotations

from typing import Any

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
