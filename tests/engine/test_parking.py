"""Effects that nobody knows the outcome of: raised or parked, and decided by a person."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import repair_programs as programs
import talk_programs
from lives import Desk, gate, marks, open_gate, until
from talking import MOSTLY_ASYNC, MOSTLY_PLAIN, engine_on, life_on, waits

import flawless
from flawless.core.entries import Parked, Resolved


def interrupt(folder: Path, name: str, *args: Any, gates: tuple[str, ...] = ("held",)) -> None:
    """Start the execution `a` and kill its engine while the gated steps run."""
    for one in gates:
        gate(folder, one)
    with life_on(folder) as life:
        life.ask("start", f"repair_programs.{name}", "a", *args)
        for one in gates:
            until(lambda: f"begin {one}" in marks(folder), one)  # noqa: B023 (called at once)
        life.kill()
    for one in gates:
        (folder / one).unlink()


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
@pytest.mark.parametrize(
    ("decision", "result", "runs"),
    [
        ({"ok": "delivered"}, "delivered", 1),
        ({"error": "lost"}, "EffectError: lost", 1),
        ({"error": ""}, "EffectError: a person decided that it failed", 1),
        ({"retry": True}, "held", 2),
    ],
    ids=["ok", "error", "bare error", "retry"],
)
def test_decisions(
    tmp_path: Path, form: str, decision: dict[str, Any], result: str, runs: int
) -> None:
    """A step that was interrupted parks; the decision, recorded with who and when, is its end."""
    interrupt(tmp_path, f"ships_once{form}", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        (parked,) = run.parked()
        assert parked.label == "step repair_programs.ships"
        assert not parked.asked
        assert [one.id for one in engine.list(status="parked")] == ["a"]
        resolved = run.resolve(**decision, by="ann")
        assert resolved == parked
        assert run.result(30) == result
        assert marks(tmp_path).count("begin held") == runs
        assert marks(tmp_path).count("shipped") == 1
        (entry,) = [entry for entry in run.journal() if isinstance(entry, Resolved)]
        assert entry.by == "ann"
        assert entry.effect == parked.effect
        assert len([entry for entry in run.journal() if isinstance(entry, Parked)]) == 1
        assert run.parked() == []
        assert run.replay().end is not None
        with pytest.raises(flawless.NotParked, match="flawless list --parked"):
            run.resolve(**decision)


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_a_request(tmp_path: Path, form: str, desk: Desk) -> None:
    """A POST that was interrupted is not sent again unless a person says so."""
    with life_on(tmp_path) as life:
        for name in ("a", "b", "c"):
            life.ask("start", f"repair_programs.posts{form}", name, desk.url)
        until(lambda: len(desk.seen) == 3, "the requests")
        life.kill()
    desk.answer.set()
    with engine_on(tmp_path) as engine:
        runs = [engine.get(name) for name in ("a", "b", "c")]
        for run in runs:
            waits(run, "parked")
            assert run.parked()[0].label == f"POST {desk.url}"
        runs[0].resolve(ok={"status": 201, "body": {"id": 7}})
        assert runs[0].result(30) == [201, '{"id":7}']
        runs[1].resolve(retry=True)
        assert runs[1].result(30) == [200, "POST"]
        runs[2].resolve(error="no answer")
        with pytest.raises(flawless.ExecutionFailed, match="no answer"):
            runs[2].result(30)
    assert len(desk.seen) == 4
    assert len({key for _, key in desk.seen}) == 3


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_two_at_once(tmp_path: Path, form: str) -> None:
    """Of several parked effects the one has to be named; each is decided for itself."""
    gates = ("one", "two")
    interrupt(tmp_path, f"ships_two{form}", str(tmp_path), "one", "two", gates=gates)
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        first, second = run.parked()
        with pytest.raises(flawless.InputInvalid, match="several effects are parked, name one"):
            run.resolve(ok="x")
        with pytest.raises(flawless.NotParked, match=r"effect 77 .* does not wait"):
            run.resolve(ok="x", effect=77)
        run.resolve(error="lost", effect=second.effect)
        until(lambda: len(run.parked()) == 1, "the first decision")
        with pytest.raises(flawless.NotParked):
            run.resolve(ok="x", effect=second.effect)
        run.resolve(ok="here")
        assert run.result(30) == ["here", "EffectError: lost"]
        assert first.effect < second.effect


def test_decisions_that_are_none(tmp_path: Path) -> None:
    """Exactly one of ok, error and retry; only what is parked, and only what is there."""
    interrupt(tmp_path, "ships_once", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        for given in ({}, {"ok": 1, "retry": True}, {"error": "x", "retry": True}):
            with pytest.raises(flawless.InputInvalid, match="one of ok, error and retry"):
                run.resolve(**given)
        with pytest.raises(flawless.InputInvalid, match="200 characters"):
            run.resolve(retry=True, by="x" * 201)
        with pytest.raises(flawless.ExecutionNotFound):
            flawless.Execution(engine, "nobody").resolve(retry=True)
        other = engine.start(talk_programs.hears)
        waits(other)
        with pytest.raises(flawless.NotParked, match="it is waiting"):
            other.resolve(retry=True)
        other.send("word", 1)
        other.result(30)
        with pytest.raises(flawless.NotParked, match="it is completed"):
            other.resolve(retry=True)
        run.resolve(ok="at last")
        assert run.result(30) == "at last"


def test_others_go_on(tmp_path: Path) -> None:
    """While one effect is parked, messages are received and steps are run."""
    interrupt(tmp_path, "ships_or_hears", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        run.send("word", "hello")
        until(lambda: "heard hello" in marks(tmp_path), "the message")
        waits(run, "parked")
        run.resolve(ok="there")
        assert run.result(30) == ["hello", "there"]


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_cancelled_while_parked(tmp_path: Path, form: str) -> None:
    """A cancel ends the wait for a decision; nothing is parked any more."""
    interrupt(tmp_path, f"ships_once{form}", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        run.cancel("enough")
        with pytest.raises(flawless.ExecutionCancelled, match="enough"):
            run.result(30)
        assert run.parked() == []
        assert engine.list(status="parked") == []
        assert run.replay().end is not None


def test_terminated_while_parked(tmp_path: Path) -> None:
    """It ends at once."""
    interrupt(tmp_path, "waits_then_ships", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        waits(run, "parked")
        run.terminate()
        with pytest.raises(flawless.ExecutionCancelled):
            run.result(30)
        assert "left" not in marks(tmp_path)


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_killed_around_the_decision(tmp_path: Path, form: str) -> None:
    """A decision that was accepted is obeyed after a kill; a retry that is killed parks again."""
    interrupt(tmp_path, f"ships_once{form}", str(tmp_path), "held")
    with life_on(tmp_path) as life:
        until(lambda: life.ask("status", "a") == "parked", "it parks")
        life.kill()
    gate(tmp_path, "held")
    with life_on(tmp_path) as life:
        assert life.ask("status", "a") == "parked"
        life.ask("resolve", "a", {"retry": True})
        until(lambda: marks(tmp_path).count("begin held") == 2, "the second try")
        life.kill()
    (tmp_path / "held").unlink()
    with life_on(tmp_path) as life:
        until(lambda: life.ask("status", "a") == "parked", "it parks again")
        life.ask("resolve", "a", {"ok": "by hand"})
        life.kill()
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        assert run.result(30) == "by hand"
        assert run.replay().end is not None
    assert marks(tmp_path) == ["begin held", "begin held", "shipped"]


def test_raised_instead(tmp_path: Path) -> None:
    """At most once without parking: `Interrupted` fails the workflow, which can be retried."""
    interrupt(tmp_path, "ships_at_most_once", str(tmp_path), "held")
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        with pytest.raises(flawless.ExecutionFailed, match="not known") as failed:
            run.result(30)
        assert failed.value.type == "flawless.errors.Interrupted"
        assert marks(tmp_path) == ["begin held"]
        run.retry()
        assert run.result(30) == "held"
    assert marks(tmp_path) == ["begin held", "begin held", "end held"]


def test_an_orderly_stop_does_not_interrupt(tmp_path: Path) -> None:
    """A step that ends during the stop is recorded, and nothing parks."""
    gate(tmp_path, "held")
    with engine_on(tmp_path) as engine:
        engine.start(programs.ships_once, str(tmp_path), "held", id="a")
        until(lambda: "begin held" in marks(tmp_path), "the step")
        open_gate(tmp_path, "held")
    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(30) == "held"
