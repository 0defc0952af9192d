"""What a workflow shows: its state, visible when durable, and a response before its end."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import race_programs
import talk_programs as programs
from lives import gate, marks, open_gate, until
from talking import FORMS, MOSTLY_PLAIN, STORES, engine_on, life_on, no_guests, waits

import flawless
from flawless.core.entries import Published, Responded


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("publishing"), request.param) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"talk_programs.{name}{form}", *args)


@pytest.mark.parametrize("form", FORMS)
def test_the_latest_state_is_seen(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """While a step runs its state is there already; the last one stays after the end."""
    gate(tmp_path, "middle")
    run = start(engine, "shows", form, str(tmp_path))
    until(lambda: "begin middle" in marks(tmp_path), "the step")
    # The step began, so what was published before it is durable.
    assert run.state() == {"stage": "begun", "parts": [1, None]}
    open_gate(tmp_path, "middle")
    assert run.result(30) == "done"
    assert run.state() == {"stage": "over"}
    assert [type(entry) for entry in run.journal()].count(Published) == 2


def test_nothing_published(engine: flawless.Engine) -> None:
    """Without a publish the state is None, and so is that of an execution nobody knows."""
    run = engine.start(programs.hears, 0)
    assert run.result(30) == []
    assert run.state() is None


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    "value", [{"ref": 7}, None, programs.Confirm("ann")], ids=["object", "none", "class"]
)
def test_a_response_comes_before_the_end(engine: flawless.Engine, form: str, value: object) -> None:
    """Whoever waits gets the response while the workflow goes on, and so does who asks later."""
    run = start(engine, "responds", form, value)
    assert run.response(30) == value
    waits(run)
    assert run.response(0) == value
    run.send("word", "end")
    assert run.result(30) == "end"
    assert run.response(0) == value


def test_several_wait_for_a_response(engine: flawless.Engine) -> None:
    """All who wait are answered at the same time."""
    run = engine.start(programs.responds_after, 0.3)
    got: list[str] = []
    threads = [threading.Thread(target=lambda: got.append(run.response(30))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert got == ["late"] * 5
    assert run.result(30) == "end"


def test_ends_without_a_response(engine: flawless.Engine) -> None:
    """The result, or the failure, stands for the response that never came."""
    assert engine.start(programs.hears, 0).response(30) == []
    failing = engine.start(race_programs.never_awaits, "/nowhere", True)
    with pytest.raises(flawless.ExecutionFailed):
        failing.response(30)
    waiting = engine.start(programs.hears, 1)
    with pytest.raises(flawless.ResultTimeout, match="it goes on"):
        waiting.response(0.01)
    waiting.send("word", 1)
    assert waiting.response(30) == [1]


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_a_response_survives_a_kill(tmp_path: Path, form: str) -> None:
    """State and response are there with the next engine, without the guest."""
    with life_on(tmp_path) as life:
        life.ask("start", f"talk_programs.responds{form}", "a", {"ref": 1})
        life.ask("start", "talk_programs.shows", "b", str(tmp_path))
        until(lambda: life.ask("status", "a") == "waiting", "it waits")
        until(lambda: life.ask("state", "b") == {"stage": "over"}, "the state")
        life.kill()
    with engine_on(tmp_path) as engine:
        assert engine.get("a").response(0) == {"ref": 1}
        assert engine.get("b").state() == {"stage": "over"}
        engine.get("a").send("word", "over")
        assert engine.get("a").result(30) == "over"
        kinds = [type(entry) for entry in engine.get("a").journal()]
        assert kinds.count(Responded) == 1


def test_states_that_are_seen_are_never_taken_back(tmp_path: Path) -> None:
    """Killed at any moment, an execution goes on from the state that was seen, or a later one."""
    seen = 0
    for _ in range(3):
        with life_on(tmp_path) as life:
            life.ask("start", "talk_programs.counts_up", "a", str(tmp_path), 400)
            assert (life.ask("state", "a") or 0) >= seen
            until(lambda: (life.ask("state", "a") or 0) > seen, "more")  # noqa: B023 (called at once)
            seen = life.ask("state", "a")
            life.kill()
        assert str(seen - 1) in ["0", *marks(tmp_path)]
    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(60) == 400
        assert engine.get("a").state() == 400


def test_evicted(tmp_path: Path) -> None:
    """State and response of an execution without a guest are read from the store."""
    with engine_on(tmp_path) as engine:
        run = engine.start(programs.responds, 5)
        waits(run)
        no_guests(engine)
        assert run.response(0) == 5
        assert run.state() is None
        run.send("word", 6)
        assert run.result(30) == 6
