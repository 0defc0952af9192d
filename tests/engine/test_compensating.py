"""Compensation: what was done is undone in reverse, each undo retried, and none given up."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import repair_programs as programs
from lives import marks, until
from talking import FORMS, MOSTLY_PLAIN, STORES, SkippingClock, engine_on, life_on, waits

import flawless

BOOKED = ["book hotel", "book flight", "book car"]
UNDONE = ["undo car", "undo flight", "undo hotel"]


@pytest.fixture(scope="module")
def clock() -> SkippingClock:
    """A clock that can skip pauses."""
    return SkippingClock()


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: SkippingClock
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("undo"), request.param, clock=clock) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"repair_programs.{name}{form}", *args)


def parks(run: flawless.Execution[Any], clock: SkippingClock) -> None:
    """Let time pass until the execution is parked."""

    def parked() -> bool:
        clock.skip(1)
        assert not run.status.final
        return run.status == "parked"

    until(parked, "the execution parks")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("ending", "error"), [("raise", "ValueError"), ("step", "LookupError")])
def test_a_failure(
    engine: flawless.Engine, form: str, ending: str, error: str, tmp_path: Path
) -> None:
    """The undo actions run in reverse, and the error goes on."""
    run = start(engine, "travels", form, str(tmp_path), ending)
    with pytest.raises(flawless.ExecutionFailed) as failed:
        run.result(30)
    assert failed.value.type == error
    assert marks(tmp_path) == BOOKED + UNDONE
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_cancellation(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A cancelled workflow undoes, too, and is cancelled then."""
    run = start(engine, "travels", form, str(tmp_path), "wait")
    waits(run)
    run.cancel("changed plans")
    with pytest.raises(flawless.ExecutionCancelled, match="changed plans"):
        run.result(30)
    assert marks(tmp_path) == BOOKED + UNDONE


@pytest.mark.parametrize("form", FORMS)
def test_nothing_to_undo(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A block that ends well undoes nothing; nor does a next run, or one that was cleared."""
    assert start(engine, "travels", form, str(tmp_path), "well").result(30) == "travelled"
    assert marks(tmp_path) == BOOKED
    assert start(engine, "travels", form, str(tmp_path), "again").result(30) == "travelled"
    assert marks(tmp_path) == BOOKED * 3
    with pytest.raises(flawless.ExecutionFailed, match="changed my mind"):
        start(engine, "travels", form, str(tmp_path), "clear").result(30)
    assert marks(tmp_path) == BOOKED * 4


@pytest.mark.parametrize("form", FORMS)
def test_an_undo_that_fails_at_first(
    engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path
) -> None:
    """It is tried again after a pause, and nobody is asked."""
    stuck = tmp_path / "stuck flight"
    stuck.touch()
    run = start(engine, "travels", form, str(tmp_path), "raise")
    until(lambda: "cannot undo flight" in marks(tmp_path), "the first try")
    stuck.unlink()

    def ended() -> bool:
        clock.skip(1)
        return run.status.final

    until(ended, "the end")
    assert run.status == "failed"
    assert marks(tmp_path) == [*BOOKED, "undo car", "cannot undo flight", *UNDONE[1:]]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("decision", ["retry", "ok", "error"])
def test_an_undo_that_keeps_failing(
    engine: flawless.Engine, clock: SkippingClock, form: str, decision: str, tmp_path: Path
) -> None:
    """After four tries it parks; a person decides, and the others are undone in any case."""
    stuck = tmp_path / "stuck flight"
    stuck.touch()
    run = start(engine, "travels", form, str(tmp_path), "raise")
    parks(run, clock)
    assert marks(tmp_path) == [*BOOKED, "undo car", *["cannot undo flight"] * 4]
    (parked,) = run.parked()
    assert parked.asked
    assert "undo" in parked.label
    assert "flight is stuck" in parked.label
    if decision == "retry":
        stuck.unlink()
        run.resolve(retry=True, by="ann")
    elif decision == "ok":
        run.resolve(ok=None, by="ann")
    else:
        run.resolve(error="the airline is bankrupt", by="ann")
    with pytest.raises(flawless.ExecutionFailed) as failed:
        run.result(30)
    undone = ["undo flight", "undo hotel"] if decision == "retry" else ["undo hotel"]
    assert marks(tmp_path)[8:] == undone
    if decision == "error":
        assert failed.value.message == "the airline is bankrupt"
        assert "changed my mind" in failed.value.traceback
    else:
        assert failed.value.message == "changed my mind"
    assert run.replay().end is not None


def test_two_retries(engine: flawless.Engine, clock: SkippingClock, tmp_path: Path) -> None:
    """A retry is four more tries; then it parks again."""
    stuck = tmp_path / "stuck flight"
    stuck.touch()
    run = engine.start(programs.travels_and_tells, str(tmp_path))
    parks(run, clock)
    run.resolve(retry=True)
    until(lambda: marks(tmp_path).count("cannot undo flight") == 5, "a fifth try")
    parks(run, clock)
    assert marks(tmp_path).count("cannot undo flight") == 8
    run.resolve(error="enough")
    told = run.result(30)
    assert told.startswith("EffectError: enough <- ")
    assert "stuck" in told or "changed my mind" in told


@pytest.mark.parametrize("form", FORMS)
def test_cancelled_while_parked(
    engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path
) -> None:
    """A cancel does not skip the other undo actions; a second one ends it."""
    (tmp_path / "stuck flight").touch()
    run = start(engine, "travels", form, str(tmp_path), "raise")
    parks(run, clock)
    run.cancel("stop waiting")
    until(lambda: "undo hotel" in marks(tmp_path) or run.status == "parked", "it goes on")
    run.terminate("for good")
    with pytest.raises(flawless.ExecutionError):
        run.result(30)
    assert run.status.final


def test_an_undo_as_child(engine: flawless.Engine, tmp_path: Path) -> None:
    """An undo may be started, as a step or as a child: its end is waited for."""
    run = engine.start(programs.travels_with_child, str(tmp_path))
    waits(run)
    run.cancel()
    with pytest.raises(flawless.ExecutionCancelled):
        run.result(30)
    assert marks(tmp_path) == ["book hotel", "undo hotel"]
    assert [child.status for child in run.children()] == ["completed"]


@pytest.mark.parametrize(
    ("what", "part"),
    [
        ("call", "write undo(refund, ref) instead of undo(refund(ref))"),
        ("coroutine", "use `async with compensation()`"),
        ("arguments", "missing a required argument: 'what'"),
    ],
)
def test_mistakes(engine: flawless.Engine, what: str, part: str) -> None:
    """What cannot be undone is refused where it is registered."""
    assert part in engine.start(programs.misuses_undo, what).result(30)


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_killed_while_it_undoes(tmp_path: Path, form: str) -> None:
    """The next engine goes on with the undo actions that are left, and what parked stays so."""
    (tmp_path / "stuck flight").touch()
    with life_on(tmp_path) as life:
        life.ask("start", f"repair_programs.travels{form}", "a", str(tmp_path), "raise")
        until(lambda: "cannot undo flight" in marks(tmp_path), "the first try")
        life.kill()
    clock = SkippingClock()
    with engine_on(tmp_path, clock=clock) as engine:
        parks(engine.get("a"), clock)
    with life_on(tmp_path) as life:
        assert life.ask("status", "a") == "parked"
        life.ask("resolve", "a", {"ok": None, "by": "ann"})
        life.kill()
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        with pytest.raises(flawless.ExecutionFailed, match="changed my mind"):
            run.result(30)
        assert run.replay().end is not None
    seen = marks(tmp_path)
    assert seen[:4] == [*BOOKED, "undo car"]
    assert seen[-1] == "undo hotel"
    assert seen.count("undo hotel") == 1
    assert 4 <= seen.count("cannot undo flight") <= 5  # the step under way may run twice
