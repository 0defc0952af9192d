"""Talking with executions, ending and repairing them, from the command line."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest
from commanding import await_kind, flawless, ok, read


def test_a_message_is_sent_once(shop_url: str) -> None:
    """Standard output stays empty; a message that was sent before is no failure."""
    ok(shop_url, "start", "desk.approve", "--id", "say-1")
    sent = ok(shop_url, "send", "say-1", "Confirm", '{"by": "ann"}', "--id", "m-1")
    assert (sent.stdout, sent.stderr) == ("", "sent Confirm to say-1\n")
    again = ok(shop_url, "send", "say-1", "Confirm", '{"by": "bob"}', "--id", "m-1")
    assert "sent before" in again.stderr
    assert read(shop_url, "send", "say-1", "Confirm", '{"by": "bob"}', "--id", "m-1") == {
        "execution": "say-1", "name": "Confirm", "new": False,
    }  # fmt: skip
    assert json.loads(ok(shop_url, "result", "say-1").stdout) == "a chair: ann"
    late = flawless(shop_url, "send", "say-1", "Confirm", '{"by": "eve"}')
    assert (late.returncode, late.stdout) == (2, "")
    assert "has ended (completed)" in late.stderr


def test_a_payload_comes_from_standard_input(shop_url: str) -> None:
    """`-` reads it; without any it is null."""
    for execution, given, stdin, result in (("say-2", ["-"], "[1]", [1]), ("say-3", [], "", None)):
        ok(shop_url, "start", "desk.listen", "--id", execution)
        ok(shop_url, "send", execution, "word", *given, stdin=stdin)
        assert json.loads(ok(shop_url, "result", execution).stdout) == result


def test_a_payload_that_does_not_fit(shop_url: str) -> None:
    """Status 2, and the place in the payload."""
    ok(shop_url, "start", "desk.approve", "--id", "say-4")
    unfit = flawless(shop_url, "send", "say-4", "Confirm", '{"by": 5}')
    assert unfit.returncode == 2
    assert "payload.by" in unfit.stderr
    ok(shop_url, "terminate", "say-4")


def test_start_waits_for_the_response(shop_url: str) -> None:
    """The response is printed as it is, and a note says that more is to come."""
    started = ok(shop_url, "start", "desk.approve", '["ink"]', "--id", "say-5", "--wait")
    assert json.loads(started.stdout) == "asked for ink"
    assert "flawless result say-5" in started.stderr
    reply = read(shop_url, "start", "desk.approve", '["ink"]', "--id", "say-5", "--wait")
    assert reply["response"] == "asked for ink"
    state = ok(shop_url, "state", "say-5")
    assert json.loads(state.stdout) == {"item": "ink", "stage": "asked"}
    assert read(shop_url, "state", "say-5")["version"] == 1
    shown = ok(shop_url, "show", "say-5").stdout
    assert 'state {"item": "ink", "stage": "asked"}' in shown
    ok(shop_url, "terminate", "say-5")


def test_nothing_published(shop_url: str) -> None:
    """null, and a note that says why; `--json` tells it apart from a published null."""
    ok(shop_url, "start", "desk.listen", "--id", "say-6")
    state = ok(shop_url, "state", "say-6")
    assert (state.stdout, "nothing yet" in state.stderr) == ("null\n", True)
    assert read(shop_url, "state", "say-6")["version"] is None
    ok(shop_url, "terminate", "say-6")


def test_cancel_and_what_comes_of_it(shop_url: str) -> None:
    """The workflow cleans up; its result is status 1 with the reason, and no traceback."""
    ok(shop_url, "start", "desk.tidy", "--id", "stop-1")
    await_kind(shop_url, "stop-1", "started")
    told = ok(shop_url, "cancel", "stop-1", "--reason", "no more", "--grace", "1h", "--id", "c")
    assert "stop-1 is told to end" in told.stderr
    assert read(shop_url, "cancel", "stop-1", "--id", "c")["id"] == "stop-1"
    await_kind(shop_url, "stop-1", "published")
    ok(shop_url, "send", "stop-1", "cleaned")
    ended = flawless(shop_url, "result", "stop-1")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == "cancelled: execution 'stop-1' was cancelled: no more\n"
    described = flawless(shop_url, "result", "stop-1", "--json")
    assert (described.returncode, json.loads(described.stdout)["status"]) == (1, "cancelled")
    shown = ok(shop_url, "show", "stop-1").stdout
    assert "no more (may clean up until" in shown
    assert flawless(shop_url, "cancel", "stop-1").returncode == 2


def test_terminate_ends_at_once(shop_url: str) -> None:
    """Nothing is cleaned up; the answer says how it stands."""
    ok(shop_url, "start", "desk.tidy", "--id", "stop-2")
    found = read(shop_url, "terminate", "stop-2", "--reason", "enough", "--by", "ann")
    assert found["id"] == "stop-2"
    ended = flawless(shop_url, "result", "stop-2")
    assert (ended.returncode, "enough" in ended.stderr) == (1, True)
    assert flawless(shop_url, "terminate", "stop-2").returncode == 2


def test_a_deadline_on_the_command_line(shop_url: str) -> None:
    """When it has passed the execution ends, and the wait for it with status 1."""
    late = flawless(shop_url, "start", "desk.listen", "--id=stop-3", "--deadline=50ms", "--wait")
    assert (late.returncode, late.stdout) == (1, "")
    assert "deadline" in late.stderr
    assert "cancelled after 50 ms" in ok(shop_url, "show", "stop-3").stdout


def test_retry_goes_on_from_what_failed(shop_url: str, tmp_path: Path) -> None:
    """The first effect is not done again, and the journal has the login name."""
    notes, file = tmp_path / "notes", tmp_path / "file"
    given = json.dumps([str(notes), str(file)])
    failed = flawless(shop_url, "start", "desk.report", given, "--id", "fix-1", "--wait")
    assert failed.returncode == 1
    file.write_text("text")
    refused = flawless(shop_url, "retry", "fix-1", "--effect", "9")
    assert (refused.returncode, "cannot be retried" in refused.stderr) == (2, True)
    assert "fix-1 goes on" in ok(shop_url, "retry", "fix-1").stderr
    assert json.loads(ok(shop_url, "result", "fix-1").stdout) == [1, "text"]
    shown = ok(shop_url, "show", "fix-1").stdout
    assert f"goes on from effect 2 (by {getpass.getuser()})" in shown
    assert "attempt 1 failed" in shown


def test_retry_from_the_start(shop_url: str, tmp_path: Path) -> None:
    """A new run begins; the one before is shown under its own id."""
    given = json.dumps([str(tmp_path / "notes"), str(tmp_path / "file")])
    flawless(shop_url, "start", "desk.report", given, "--id", "fix-2", "--wait")
    (tmp_path / "file").write_text("text")
    assert "as run 2" in ok(shop_url, "retry", "fix-2", "--from-start").stderr
    assert json.loads(ok(shop_url, "result", "fix-2").stdout) == [2, "text"]
    assert "flawless show fix-2~1" in ok(shop_url, "show", "fix-2").stdout
    before = ok(shop_url, "show", "fix-2~1").stdout
    assert before.startswith("fix-2~1  desk.report  failed in")
    assert "FileNotFoundError" in before


def test_runs_are_listed_on_demand(shop_url: str) -> None:
    """Only the latest run is an execution; `--all-runs` has the others, `result` none of theirs."""
    assert json.loads(ok(shop_url, "start", "desk.rounds", "[3]", "--id=lap", "--wait").stdout) == 1
    ids = [found["id"] for found in read(shop_url, "list", "--prefix=lap")["executions"]]
    assert ids == ["lap"]
    page = read(shop_url, "list", "--prefix=lap", "--all-runs")
    assert [found["id"] for found in page["executions"]] == ["lap", "lap~2", "lap~1"]
    none = flawless(shop_url, "result", "lap~1")
    assert (none.returncode, "ask for that of lap" in none.stderr) == (2, True)
    assert read(shop_url, "result", "lap~1")["continued"] == {"args": [2], "kwargs": {}}
    assert "as the next run, with (2)" in ok(shop_url, "show", "lap~1").stdout
    assert "3 to go" in ok(shop_url, "logs", "lap~1").stdout
    assert "flawless state lap" in ok(shop_url, "state", "lap~1").stderr


def test_children_are_shown(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`show` lists children, and counts them where there are many; a child shows its parent."""
    monkeypatch.setattr("flawless.cli.show.CHILDREN_MAX", 2)
    ok(shop_url, "start", "desk.family", "[3]", "--id", "kin")
    await_kind(shop_url, "kin", "started", 3)
    shown = ok(shop_url, "show", "kin")
    assert "start desk.listen as kin.3" in shown.stdout
    assert "has not ended yet" in shown.stdout
    assert "kin.2  desk.listen" in shown.stdout
    assert "3 children in all" in shown.stderr
    assert len(read(shop_url, "show", "kin")["children"]) == 3
    assert "child of kin (effect 1)" in ok(shop_url, "show", "kin.1").stdout
    for n in (1, 2, 3):
        ok(shop_url, "send", f"kin.{n}", "go", "1")
    assert json.loads(ok(shop_url, "result", "kin").stdout) == 3


def test_logs_follow_all_runs(shop_url: str) -> None:
    """`--follow` goes on with the next run, until the last one has ended."""
    ok(shop_url, "start", "desk.relay", "[3]", "--id", "relay")
    for _ in range(3):
        ok(shop_url, "send", "relay", "go")
    followed = ok(shop_url, "logs", "relay", "--follow").stdout
    assert "run with 1" in followed
    assert json.loads(ok(shop_url, "result", "relay").stdout) == "over"


def test_a_long_journal_is_shown_in_pieces(shop_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed does not depend on the pages in which it came."""
    ok(shop_url, "start", "shop.talk", "[25]", "--id", "long", "--wait")
    whole = ok(shop_url, "show", "long")
    as_json = read(shop_url, "show", "long")
    monkeypatch.setattr("flawless.api.JOURNAL_LIMIT", 10)
    pieces = ok(shop_url, "show", "long")
    words = [line.split() for line in whole.stdout.splitlines()]
    assert [line.split() for line in pieces.stdout.splitlines()] == words
    assert read(shop_url, "show", "long") == as_json
    assert len(as_json["journal"]) == 27
