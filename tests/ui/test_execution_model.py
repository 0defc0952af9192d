"""The timeline's model, in the browser's own engine, fed with entries of each kind."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from stage import Stage, stage

from browsing import visiting

__all__ = ["stage"]

BEGAN = "2026-01-01T00:00:00"
Entry = dict[str, Any]
Rows = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def script(browser: Browser, stage: Stage) -> Iterator[Page]:
    """Give a page that can load the UI's modules."""
    with visiting(browser, stage.origin) as page:
        page.goto(stage.ui("health"))
        page.evaluate("""async () => {
            const main = document.querySelector("script[type=module]").src;
            const load = (name) => import(main.replace("main.js", `execution/${name}.js`));
            window.model = Object.assign({}, ...(await Promise.all(
                ["timeline", "segments", "axis", "labels"].map(load))));
        }""")
        yield page


@pytest.fixture
def rows(script: Page) -> Rows:
    """Make rows of entries, which stand behind the start of a run."""

    def make(*entries: Entry, in_flight: Any = (), pieces: bool = False) -> list[dict[str, Any]]:
        journal = [invoked(), *entries]
        for position, one in enumerate(journal):
            one["position"] = position
        found: list[dict[str, Any]] = script.evaluate(
            """([journal, inFlight, pieces]) => {
                const timeline = new model.Timeline();
                if (pieces) for (const entry of journal) timeline.add([entry, entry]);
                else timeline.add(journal);
                return [...timeline.rows, ...timeline.underWay(inFlight)];
            }""",
            [journal, list(in_flight), pieces],
        )
        assert found[0]["kind"] == "run"
        return found[1:]

    return make


def at(elapsed_us: int) -> str:
    """Return the moment so many microseconds after the beginning."""
    return (
        f"{BEGAN}.{elapsed_us:06d}Z"
        if elapsed_us < 1_000_000
        else f"2026-01-01T00:00:{elapsed_us / 1e6:09.6f}Z"
    )


def entry(kind: str, elapsed_us: int, **fields: Any) -> Entry:
    """Return an entry."""
    return {"kind": kind, "at": at(elapsed_us), "elapsed_us": elapsed_us, **fields}


def invoked() -> Entry:
    """Return the start of a run."""
    return entry("invoked", 0, workflow="app.w", input={"args": [1], "kwargs": {}}, run=1)


def told(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    """Return some of what a row tells."""
    return tuple(row.get(name) for name in names)


FAILED = {"failed": True, "error": {"type": "E", "message": "no"}}


def test_an_effect_is_one_row(rows: Rows) -> None:
    """Entered and called together are one row that begins when it was entered."""
    (row,) = rows(
        entry("entered", 100, effect=1, label="step app.s"),
        entry("called", 400, effect=1, label="step app.s", failed=False, value={"a": 1}),
    )
    assert told(row, "kind", "before", "title", "state") == ("step", "app.", "s", "ok")
    assert told(row, "begin", "end", "value") == (100, 400, {"a": 1})
    assert row["positions"] == [1, 2]


def test_a_call_begins_where_the_workflow_was(rows: Rows) -> None:
    """What happened to other effects meanwhile, unseen, does not move its beginning."""
    first, second, _ = rows(
        entry("started", 10, effect=1, label="step app.s"),
        entry("called", 300, effect=2, label="GET https://h/p?q", failed=False, value={}),
        entry("arrived", 500, effect=1, failed=False, value=1),
        entry("called", 900, effect=3, label="step app.t", failed=False, value=2),
    )
    assert told(second, "kind", "before", "title", "begin") == ("http", "GET ", "h/p?q", 10)
    assert told(_, "begin", "end") == (300, 900)
    assert told(first, "end", "seen") == (500, None)


def test_an_outcome_may_come_before_its_name(rows: Rows) -> None:
    """The row of a call whose outcome arrived while the guest was away has name and attempts."""
    tries = [{"elapsed_us": 50, "type": "E", "message": "once", "pause_us": 20}]
    (row,) = rows(
        entry("arrived", 100, effect=1, failed=False, value=7, attempts=tries),
        entry("called", 130, effect=1, label="step app.s", failed=False),
    )
    assert told(row, "kind", "title", "begin", "end", "seen") == ("step", "s", 0, 100, 130)
    assert (row["value"], row["attempts"]) == (7, tries)


def test_failures_are_rows_with_errors(rows: Rows) -> None:
    """An effect that failed has its error, also where it is seen later."""
    (row,) = rows(
        entry("started", 100, effect=2, label="GET http://h/"),
        entry("arrived", 300, effect=2, **FAILED),
        entry("observed", 900, effect=2, failed=True),
    )
    assert told(row, "state", "failed", "end", "seen") == ("failed", True, 300, 900)
    assert row["error"]["message"] == "no"


def test_sleeps(rows: Rows) -> None:
    """A sleep ends when it is over, or when the workflow is told to end; the next call follows."""
    slept = entry("slept", 10, effect=1, until=at(5_000), until_us=5_000)
    sleep, call = rows(slept, entry("called", 5_300, effect=2, label="step a.s", failed=False))
    assert told(sleep, "kind", "state", "end", "until") == ("sleep", "ok", 5_000, 5_000)
    assert told(call, "begin", "end") == (5_000, 5_300)
    slept = entry("slept", 10, effect=1, until=at(5_000), until_us=5_000)
    sleep, cancelled, call = rows(
        slept,
        entry("cancel_observed", 700, reason="why", by="ann", effect=1),
        entry("called", 900, effect=2, label="step a.s", failed=False),
    )
    assert told(sleep, "state", "end") == ("cancelled", 700)
    assert told(cancelled, "title", "note") == ("told to end", "why (by ann)")
    assert told(call, "begin") == (700,)
    (asleep,) = rows(entry("polled", 10, label="sleep", until=at(9_000), until_us=9_000))
    assert told(asleep, "kind", "state", "end", "until") == ("sleep", "open", None, 9_000)


def test_waits_for_messages(rows: Rows) -> None:
    """A message ends a wait; so does its time, and giving it up."""
    got, late, given_up, elapsed = sorted(
        rows(
            entry("started", 1, effect=1, label="receive word"),
            entry("started", 2, effect=2, label="receive late"),
            entry("started", 3, effect=3, label="receive any message"),
            entry("observed", 4, effect=1, failed=False, value={"name": "word", "payload": 1}),
            entry("elapsed", 5),
            entry("dropped", 6, effect=2),
            entry("dropped", 7, effect=3),
        ),
        key=lambda row: (row["kind"] == "clock", row["begin"]),
    )
    assert told(got, "kind", "title", "state") == ("receive", "word", "ok")
    assert told(late, "state", "end", "note") == ("timeout", 6, "nothing came in time")
    assert told(given_up, "state", "end") == ("dropped", 7)
    assert told(elapsed, "title", "point") == ("wait", True)


def test_points(rows: Rows) -> None:
    """Logs, clock, published states and responses take no time; refusals are failures."""
    log, clock, published, refused, later = rows(
        entry("logged", 1, level=40, level_name="ERROR", logger="app", message="oh"),
        entry("clock_read", 2, label="clock"),
        entry("published", 3, label="publish", failed=False),
        entry("responded", 4, label="respond", **FAILED),
        entry("invented", 5, label="of a newer server"),
    )
    assert told(log, "kind", "before", "title", "note", "level") == (
        "log", "ERROR ", "oh", "app", "error",
    )  # fmt: skip
    assert told(clock, "kind", "point", "begin", "end") == ("clock", True, 2, 2)
    assert told(published, "kind", "before", "title") == ("publish", "publish ", "state")
    assert told(refused, "state", "title") == ("failed", "response")
    assert told(later, "kind", "title") == ("other", "of a newer server")


@pytest.mark.parametrize(
    ("label", "kind", "before", "title", "link"),
    [
        ("step shop.orders.pay", "step", "shop.orders.", "pay", None),
        ("POST https://h/a b", "http", "POST ", "h/a b", None),
        ("start shop.ship as order-1.2", "child", "start ", "shop.ship", "order-1.2"),
        ("send paid to order-1", "send", "send ", "paid to order-1", "order-1"),
        ("cancel order-1", "send", "cancel ", "order-1", "order-1"),
        ("undo shop.refund: E: no", "other", "", "undo shop.refund: E: no", None),
        ("<script>x</script>", "other", "", "<script>x</script>", None),
    ],
)
def test_labels(
    script: Page, label: str, kind: str, before: str, title: str, link: str | None
) -> None:
    """What the engine calls an effect is taken apart, and what it does not know stays whole."""
    found = script.evaluate("(label) => model.readLabel(label)", label)
    assert found == {"kind": kind, "before": before, "title": title, "link": link}


@pytest.mark.parametrize(
    ("resolved", "state", "note"),
    [
        ({"decision": "ok", "value": 5, "failed": False}, "ok", "decided: it happened (by ann)"),
        ({"decision": "error", **FAILED}, "failed", "decided: it failed (by ann)"),
        ({"decision": "retry"}, "open", "decided: perform it again (by ann)"),
    ],
)
def test_parked_effects(rows: Rows, resolved: Entry, state: str, note: str) -> None:
    """A decision is the outcome of the effect, or lets it be performed again."""
    started = entry("started", 1, effect=1, label="step a.pay")
    parked = entry("parked", 100, effect=1, label="step a.pay", asked=False)
    (row,) = rows(started, parked)
    assert told(row, "state", "end") == ("parked", None)
    (row,) = rows(started, parked, entry("resolved", 300, effect=1, by="ann", **resolved))
    assert told(row, "state", "note") == (state, note)
    assert row["parks"] == [
        {"at": 100, "until": 300, "decision": resolved["decision"], "by": "ann"}
    ]


@pytest.mark.parametrize(
    ("value", "decision", "outcome"),
    [({"ok": "paid"}, "ok", "paid"), ({"retry": True}, "again", {"retry": True})],
)
def test_decisions_that_were_asked_for(rows: Rows, value: Any, decision: str, outcome: Any) -> None:
    """What the workflow asked a person is one row, with the answer as its value."""
    (row,) = rows(
        entry("parked", 5, effect=3, label="undo app.s: E: no", asked=True),
        entry("resolved", 9, effect=3, by="ann", decision="ok", value=value),
        entry("called", 9, effect=3, label="undo app.s: E: no", failed=False),
    )
    assert told(row, "kind", "state", "begin", "end") == ("decision", "ok", 5, 9)
    assert (row["parks"][0]["decision"], row["value"]) == (decision, outcome)


def test_a_retry_takes_back(rows: Rows) -> None:
    """What a retry takes back no longer counts; the effect begins again with its attempts."""
    error = {"type": "E", "message": "no"}
    kept, failed, end, retried, again = rows(
        entry("called", 10, effect=1, label="step a.s", failed=False, value=1),
        entry("called", 90, effect=2, label="step a.t", failed=True, error=error),
        entry("failed", 95, error=error),
        entry("retried", 500, by="ann", resume=2, effect=2),
        entry("repeated", 510, effect=2),
        entry(
            "called", 700, effect=2, label="step a.t", failed=False, value=2,
            attempts=[{"elapsed_us": 90, "type": "E", "message": "no"}],
        ),
    )  # fmt: skip
    assert [row["undone"] for row in (kept, failed, end, retried, again)] == [
        False, True, True, False, False,
    ]  # fmt: skip
    assert told(retried, "title", "note") == ("retried", "goes on from effect 2 (by ann)")
    assert told(again, "key", "begin", "end", "state") == ("e2.2", 500, 700, "ok")


@pytest.mark.parametrize(
    ("kind", "fields", "title", "state"),
    [
        ("completed", {"result": [1]}, "returned", "ok"),
        ("failed", {"error": {"type": "E"}}, "failed", "failed"),
        ("cancelled", {"error": {"type": "C"}, "by": "bob"}, "cancelled", "cancelled"),
        ("continued", {"input": {"args": [], "kwargs": {}}}, "goes on as the next run", "ok"),
    ],
)
def test_ends(rows: Rows, kind: str, fields: Entry, title: str, state: str) -> None:
    """An end closes what is open, and is the last row."""
    open_, last = rows(
        entry("started", 5, effect=1, label="receive never"), entry(kind, 9, **fields)
    )
    assert told(open_, "state", "end", "note") == ("dropped", 9, "open when the run ended")
    assert told(last, "title", "state", "final") == (title, state, True)


def test_what_is_under_way(rows: Rows) -> None:
    """Effects in flight are rows though no entry tells of them; others learn of their attempts."""
    attempt = {"at": at(200), "type": "E", "message": "no", "pause_us": 100}
    flight = [
        {"effect": 1, "label": "step a.s", "began_at": at(100), "attempts": [attempt]},
        {"effect": 2, "label": "step a.t", "began_at": at(150), "attempts": []},
    ]
    known, added = rows(entry("started", 100, effect=1, label="step a.s"), in_flight=flight)
    assert told(known, "live", "end") == (True, None)
    assert known["attempts"][0]["elapsed_us"] == 200
    assert told(added, "key", "live", "begin", "state") == ("e2", True, 150, "open")
    ended = entry("called", 400, effect=2, label="step a.t", failed=False, value=1)
    (stale,) = rows(ended, in_flight=flight[1:])
    assert told(stale, "end", "live") == (400, False)


def test_pieces_of_any_size(rows: Rows) -> None:
    """Entry by entry, and each of them twice, the rows are those of the whole."""
    journal = [
        entry("entered", 100, effect=1, label="POST http://h/"),
        entry("called", 400, effect=1, label="POST http://h/", failed=False, value=1),
        entry("slept", 500, effect=2, until=at(600), until_us=600),
        entry("completed", 700, result=None),
    ]
    assert rows(*journal, pieces=True) == rows(*journal)


def test_segments(script: Page) -> None:
    """Attempts, pauses, waits, parking and what is still to come are stretches of a bar."""
    found = script.evaluate(
        """() => {
        const row = (fields) => ({...model.makeRow({kind: "step"}, 100), ...fields});
        const looks = (fields, now = 1000) =>
            model.segmentsOf(row(fields), now).map(({from, to, look}) => [look, from, to]);
        const failed = {elapsed_us: 200, pause_us: 50, type: "E", message: ""};
        return {
            retried: looks({end: 400, attempts: [{...failed, elapsed_us: 50}, failed]}),
            unseen: looks({end: 400, seen: 500}),
            parked: looks({parks: [{at: 300, until: 600}]}),
            pausing: looks({attempts: [{...failed, pause_us: 5000}]}),
            asleep: looks({kind: "sleep", until: 3000}),
            waiting: looks({kind: "receive", end: 700}),
            point: looks({point: true, end: 100}),
        };
    }"""
    )
    assert found == {
        "retried": [["tried", 100, 200], ["pause", 200, 250], ["work", 250, 400]],
        "unseen": [["work", 100, 400], ["unseen", 400, 500]],
        "parked": [["work", 100, 300], ["parked", 300, 600], ["work", 600, 1000]],
        "pausing": [["tried", 100, 200], ["pause", 200, 1000]],
        "asleep": [["wait", 100, 1000], ["ahead", 1000, 3000]],
        "waiting": [["wait", 100, 700]],
        "point": [],
    }


def test_the_axis_keeps_the_order(script: Page) -> None:
    """Moments and places lead to each other, in order, through waits that are cut short."""
    found = script.evaluate(
        """() => {
        const day = 86_400_000_000;
        const row = (kind, begin, end) => ({...model.makeRow({kind}, begin), end});
        const rows = [row("step", 0, 1000_000), row("sleep", 1000_000, 30 * day),
                      row("http", 30 * day, 30 * day + 500_000), row("run", 0, null)];
        const to = 30 * day + 500_000;
        const {axis, useful, on} = model.axisFor(rows, 0, to, to, null);
        const moments = [0, 500_000, 1000_000, 2 * day, 20 * day, 30 * day, to];
        const places = moments.map((at) => axis.place(at));
        const plain = model.axisFor(rows, 0, to, to, false).axis;
        return {useful, on, places, gaps: axis.gaps.length, share: axis.place(1000_000),
                back: [0.1, 0.5, 0.9].map((place) => axis.place(axis.moment(place))),
                plain: plain.place(1000_000), ticks: plain.ticks(6).length, busy: axis.ticks(6)};
    }"""
    )
    assert (found["useful"], found["on"], found["gaps"]) == (True, True, 1)
    assert found["places"] == sorted(found["places"])
    assert found["places"][-1] == 1
    assert found["plain"] < 0.001 < 0.4 < found["share"]
    assert found["back"] == pytest.approx([0.1, 0.5, 0.9])
    assert 3 <= found["ticks"] <= 7
    assert all(moment <= 1_000_000 or moment >= 30 * 86_400_000_000 for moment in found["busy"])


def test_a_rhythm_is_not_cut(script: Page) -> None:
    """Many waits of the same length are how the execution goes: they are left as they are."""
    found = script.evaluate(
        """() => {
        const rows = Array.from({length: 100}, (_, n) =>
            ({...model.makeRow({kind: "step"}, n * 1e6), end: n * 1e6 + 1e5}));
        return model.axisFor(rows, 0, 100e6, 100e6, null).on;
    }"""
    )
    assert found is False
