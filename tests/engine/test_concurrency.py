"""Several things at once: futures of steps, timers and messages, in plain and in async form."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import race_programs
from lives import gate, marks, open_gate, until
from talking import FORMS, MOSTLY_ASYNC, STORES, engine_on, life_on, no_guests

import flawless


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("concurrency"), request.param) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"race_programs.{name}{form}", *args)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("first", ["word", "timer", "work"])
def test_select(engine: flawless.Engine, form: str, first: str, tmp_path: Path) -> None:
    """Of a message, a timer and a step the first to complete is returned."""
    gate(tmp_path, "work")
    run = start(engine, "selects", form, str(tmp_path), 0.3 if first == "timer" else 1000.0)
    until(lambda: "begin work" in marks(tmp_path), "the step")
    if first == "word":
        run.send("word", "hello")
        assert run.result(30) == "word hello"
    elif first == "timer":
        assert run.result(30) == "timer"
    if first == "work":
        open_gate(tmp_path, "work")
        assert run.result(30) == "work work"
    else:
        open_gate(tmp_path, "work")  # the step's thread goes on until then
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_in_order_of_completion(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Futures come as they complete, whatever the order in which they were started."""
    names = ["one", "two", "three"]
    for name in names:
        gate(tmp_path, name)
    run = start(engine, "completes", form, str(tmp_path), names)
    for name in ("two", "three", "one"):
        open_gate(tmp_path, name)
        until(lambda: f"end {name}" in marks(tmp_path), name)  # noqa: B023 (called at once)
        in_flight = {"two": 2, "three": 1, "one": 0}[name]
        until(lambda: len(engine._service.in_flight(run.id)) == in_flight, "outcome")  # noqa: B023 (called at once)
    assert run.result(30) == ["two", "three", "one"]
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_wait_with_a_timeout(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """What is done after the timeout, and what is not; nothing is cancelled."""
    gate(tmp_path, "slow")
    run = start(engine, "waits_for_some", form, str(tmp_path), ["quick", "slow", "fast"], 1.0)
    until(lambda: {"end quick", "end fast"} <= set(marks(tmp_path)), "the quick ones")
    until(lambda: len(engine._service.in_flight(run.id)) == 1, "their outcomes")
    time_up = time.monotonic() + 1.2
    until(lambda: time.monotonic() > time_up, "the timeout")
    open_gate(tmp_path, "slow")
    assert run.result(30) == [["quick", "fast"], ["slow"]]
    assert "end slow" in marks(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_some_fail(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """The first error is raised, the others go on; or errors stand among the results."""
    run = start(engine, "partly_fails", form, str(tmp_path))
    assert run.result(30) == ["no", 2, "ValueError", "done all the same"]
    assert marks(tmp_path) == ["done all the same"]


@pytest.mark.parametrize("form", FORMS)
def test_nobody_waits(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A step that was started is done before the end; timers and messages are dropped."""
    assert start(engine, "never_awaits", form, str(tmp_path), False).result(30) == "returned"
    assert marks(tmp_path) == ["started"]
    with pytest.raises(flawless.ExecutionFailed, match="the workflow fails"):
        start(engine, "never_awaits", form, str(tmp_path), True).result(30)


@pytest.mark.parametrize("form", FORMS)
def test_a_future_twice(engine: flawless.Engine, form: str) -> None:
    """A future may be waited for any number of times."""
    assert start(engine, "awaits_twice", form).result(30) == [8, 8, 8, 8]


@pytest.mark.sweep
@pytest.mark.parametrize("form", FORMS)
def test_thousands(engine: flawless.Engine, form: str) -> None:
    """The cost of a future does not grow with their number."""
    started = time.monotonic()
    assert start(engine, "fans_out", form, 500).result(60) == 500 * 499
    few_s = time.monotonic() - started
    started = time.monotonic()
    run = start(engine, "fans_out", form, 4000)
    assert run.result(120) == 4000 * 3999
    many_s = time.monotonic() - started
    assert many_s < 8 * few_s * 2.5, f"500 took {few_s:.2f} s, 4000 took {many_s:.2f} s"
    started = time.monotonic()
    assert run.replay().end is not None
    assert time.monotonic() - started < many_s + 1


def test_more_futures_than_allowed(tmp_path: Path) -> None:
    """The bound on effects in flight gives the futures beyond it an error."""
    limits = flawless.Limits(effects_in_flight_max=10)
    with engine_on(tmp_path, "memory", limits=limits) as engine:
        assert engine.start(race_programs.fans_out, 10).result(30) == 90
        with pytest.raises(flawless.ExecutionFailed, match="10 effects"):
            engine.start(race_programs.fans_out, 11).result(30)


def test_asyncio(engine: flawless.Engine, tmp_path: Path) -> None:
    """Queue, Event, Semaphore, TaskGroup, shield and timeout work and replay."""
    run = engine.start(race_programs.uses_asyncio, str(tmp_path))
    log = run.result(30)
    assert [item for item in log if item != "event"] == [
        *(0, 2, 4, 6, 30, 2, "timeout", "shielded", "one fails")
    ]
    assert "event" in log
    assert run.replay().end is not None


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_killed_among_completions(tmp_path: Path, form: str) -> None:
    """Completions that were observed keep their order; the others come after a restart."""
    names = ["one", "two", "three"]
    for name in names:
        gate(tmp_path, name)
    with life_on(tmp_path) as life:
        life.ask("start", f"race_programs.completes{form}", "a", str(tmp_path), names)
        life.ask("start", f"race_programs.selects{form}", "b", str(tmp_path), 10_000.0)
        open_gate(tmp_path, "three")
        until(lambda: len(life.ask("in_flight", "a")) == 2, "one outcome")
        life.ask("start", "talk_programs.hears", "barrier", 0)
        life.kill()
    with engine_on(tmp_path) as engine:
        for name in ("two", "one"):
            until(lambda: marks(tmp_path).count(f"begin {name}") == 2, name)  # noqa: B023 (called at once)
        no_guests(engine)
        open_gate(tmp_path, "two")
        until(lambda: len(engine._service.in_flight("a")) == 1, "the second")
        open_gate(tmp_path, "one")
        assert engine.get("a").result(30) == ["three", "two", "one"]
        assert engine.get("b").result(30) == "work work"
    assert marks(tmp_path).count("end three") == 1
