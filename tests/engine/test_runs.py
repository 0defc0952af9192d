"""Runs: `continue_as_new` begins the next one under the same id, with an empty journal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import repair_programs as programs
from lives import marks, until
from talking import (
    FORMS,
    MOSTLY_ASYNC,
    MOSTLY_PLAIN,
    STORES,
    SkippingClock,
    engine_on,
    life_on,
    waits,
)

import flawless
from flawless.core.entries import Continued, Invoked


@pytest.fixture(scope="module")
def clock() -> SkippingClock:
    """A clock that can skip months."""
    return SkippingClock()


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: SkippingClock
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("runs"), request.param, clock=clock) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"repair_programs.{name}{form}", *args)


@pytest.mark.parametrize("form", FORMS)
def test_runs_under_one_id(engine: flawless.Engine, form: str) -> None:
    """State and messages go along, journals do not, and idempotency keys differ."""
    run = start(engine, "rolls", form, 2)
    for n in range(3):
        run.send("word", n, id=f"m-{n}")
    seen = run.result(30)
    assert [word for word, _, _ in seen] == [0, 1, 2]
    assert len({key for _, key, _ in seen}) == 3
    assert {execution for _, _, execution in seen} == {run.id}
    assert run.state() == 0
    assert not run.send("word", 9, id="m-0")  # known for ever
    assert run.info().run == 3
    first = run.journal()[0]
    assert isinstance(first, Invoked)
    assert first.run == 3
    listed = [one.id for one in engine.list(prefix=run.id)]
    assert listed == [run.id]
    listed = sorted(one.id for one in engine.list(prefix=run.id, runs=True))
    assert listed == [run.id, f"{run.id}~1", f"{run.id}~2"]
    for n in (1, 2):
        old = engine.get(f"{run.id}~{n}")
        assert old.status == "completed"
        assert isinstance(old.journal()[-1], Continued)
        assert old.replay().end is not None
    with pytest.raises(flawless.ExecutionEnded):
        engine.get(f"{run.id}~1").send("word", 1)
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_result_is_waited_for_over_runs(engine: flawless.Engine, form: str) -> None:
    """Who waits for the result hears of the last run, and who starts again gets that execution."""
    run_id = f"same{form}-{id(engine)}"
    name = f"repair_programs.rolls{form}"
    run = engine.start(name, 1, id=run_id)
    waits(run)
    with pytest.raises(flawless.ResultTimeout):
        run.result(0.05)
    run.send("word", "a")
    until(lambda: run.info().run == 2 and run.status == "waiting", "the second run")
    run.send("word", "b")
    assert [word for word, _, _ in run.result(30)] == ["a", "b"]


@pytest.mark.parametrize("form", FORMS)
def test_what_was_started_is_done_first(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A run ends like any: what it started is done before the next one begins."""
    assert start(engine, "rolls_and_marks", form, str(tmp_path), 3).result(30) == "over"
    seen = marks(tmp_path)
    assert sorted(seen) == sorted(f"{what} {n}" for n in range(4) for what in ("run", "started"))
    for n in range(3):
        assert seen.index(f"started {n + 1}") < seen.index(f"run {n}")


def test_a_response_stays(engine: flawless.Engine) -> None:
    """The first response of any run is the response."""
    run = engine.start(programs.responds_in_each_run, 3)
    assert run.response(30) == 3
    assert run.result(30) == "over"
    assert run.response(0) == 3


def test_a_deadline_is_for_each_run(engine: flawless.Engine, clock: SkippingClock) -> None:
    """Each run has the workflow's deadline for itself."""
    run = engine.start(programs.rolls_with_deadline, 3)
    for n in range(1, 5):
        until(lambda: run.info().run == n and run.status == "waiting", f"run {n}")  # noqa: B023 (called at once)
        clock.skip(1801)
    assert run.result(30) == "over"


@pytest.mark.sweep
def test_ten_years_of_months(tmp_path: Path) -> None:
    """A run a month for ten years: 120 small journals under one id."""
    clock = SkippingClock()
    with engine_on(tmp_path, "memory", clock=clock) as engine:
        run = engine.start(programs.bills, 120)

        def over() -> bool:
            if run.status == "waiting":
                clock.skip(30 * 86_400 + 1)
            return run.status.final

        until(over, "ten years")
        assert run.result(0) == 0
        assert run.info().run == 120
        assert len(run.journal()) < 10


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_killed_between_runs(tmp_path: Path, form: str) -> None:
    """Killed again and again, each run begins once."""
    total = 30
    with life_on(tmp_path) as life:
        life.ask("start", f"repair_programs.rolls_and_marks{form}", "a", str(tmp_path), total)
        for seen in (1, 4, 9, 16):
            until(lambda: len(marks(tmp_path)) >= seen, "some runs")  # noqa: B023 (called at once)
            life.kill()
            life = life_on(tmp_path)
        life.kill()
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        assert run.result(30) == "over"
        assert run.info().run == total + 1
        assert len(engine.list(runs=True, limit=100)) == total + 1
    begun = [line for line in marks(tmp_path) if line.startswith("run ")]
    assert sorted(set(begun), key=begun.index) == [f"run {n}" for n in range(total, -1, -1)]
    assert len(begun) <= total + 1 + 4  # steps that were under way run again


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_messages_over_kills(tmp_path: Path, form: str) -> None:
    """Each message is received by one run, whenever the engine was killed."""
    with life_on(tmp_path) as life:
        life.ask("start", f"repair_programs.rolls{form}", "a", 5)
        for n in range(3):
            life.ask("send", "a", "word", n)
        life.kill()
    with life_on(tmp_path) as life:
        for n in range(3, 6):
            life.ask("send", "a", "word", n)
        life.kill()
    with engine_on(tmp_path) as engine:
        seen = engine.get("a").result(30)
        assert [word for word, _, _ in seen] == list(range(6))
        assert len({key for _, key, _ in seen}) == 6
        assert engine.get("a").state() == 0
