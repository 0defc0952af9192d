"""Cancelling: the workflow hears of it where it waits, cleans up, and ends; so do its effects."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cancel_programs as programs
import family_programs
import pytest
from lives import Desk, Life, marks, until
from talking import (
    FORMS,
    MODULES,
    MOSTLY_ASYNC,
    MOSTLY_PLAIN,
    STORES,
    SkippingClock,
    engine_on,
    life_on,
    no_guests,
    waits,
)

import flawless
from flawless.core.entries import Cancelled, CancelObserved

WAITS = [
    "message",
    "message for days",
    "messages",
    "sleep",
    "started sleep",
    "gather",
    "select",
]
"""Without anything under way."""

BUSY = ["step", "started step", "async step", "process step"]
"""With a step under way."""


@pytest.fixture(scope="module")
def clock() -> SkippingClock:
    """A clock that can skip days."""
    return SkippingClock()


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: SkippingClock
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("cancelling"), request.param, clock=clock) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"cancel_programs.{name}{form}", *args)


def ends_cancelled(run: flawless.Execution[Any], reason: str) -> None:
    """Check that an execution ends as cancelled for that reason, and that its journal says so."""
    with pytest.raises(flawless.ExecutionCancelled) as cancelled:
        run.result(30)
    assert cancelled.value.reason == reason
    assert cancelled.value.execution == run.id
    assert run.status == "cancelled"
    assert isinstance(run.journal()[-1], Cancelled)
    assert run.replay().end is not None


def alive(process: int) -> bool:
    """Tell whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", WAITS)
def test_while_it_waits(engine: flawless.Engine, form: str, what: str, tmp_path: Path) -> None:
    """`Cancelled` is raised at the wait; effects in the clean-up run; then it has ended."""
    run = start(engine, "waits_for", form, str(tmp_path), what)
    waits(run)
    run.cancel("enough", by="ann")
    ends_cancelled(run, "enough")
    assert marks(tmp_path) == ["cleans up: enough", "finally"]
    (observed,) = [entry for entry in run.journal() if isinstance(entry, CancelObserved)]
    assert observed.reason == "enough"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", BUSY)
def test_with_a_step_under_way(
    engine: flawless.Engine, form: str, what: str, tmp_path: Path
) -> None:
    """A step in a thread is told, an async one cancelled, a worker process killed."""
    run = start(engine, "waits_for", form, str(tmp_path), what)
    until(lambda: "step begins" in marks(tmp_path), "the step")
    run.cancel()
    ends_cancelled(run, "")
    if what == "process step":
        (pid,) = [int(line.split()[1]) for line in marks(tmp_path) if line.startswith("pid ")]
        until(lambda: not alive(pid), "the worker's end")
    else:
        until(lambda: "step was told" in marks(tmp_path), "the step hears of it")
    assert not engine._service.in_flight(run.id)


@pytest.mark.parametrize("form", FORMS)
def test_with_a_request_under_way(
    engine: flawless.Engine, form: str, tmp_path: Path, desk: Desk
) -> None:
    """A request that nobody waits for any more is given up."""
    run = start(engine, "waits_for", form, str(tmp_path), desk.url)
    until(lambda: desk.seen, "the request")
    run.cancel("enough")
    ends_cancelled(run, "enough")


@pytest.mark.parametrize("form", FORMS)
def test_with_a_child_under_way(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """The child follows its policy when its parent has ended."""
    run = start(engine, "waits_for", form, str(tmp_path), "child")
    until(lambda: run.children(), "the child")
    waits(engine.get(run.children()[0].id))
    run.cancel("enough")
    ends_cancelled(run, "enough")
    ends_cancelled(engine.get(run.children()[0].id), "its parent ended")
    assert marks(tmp_path) == [
        "cleans up: enough",
        "finally",
        "child cancelled: its parent ended",
    ]


@pytest.mark.parametrize("form", FORMS)
def test_time_sleep(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Python's own `time.sleep` is ended, too."""
    run = start(engine, "waits_for", form, str(tmp_path), "time.sleep")
    waits(run)
    run.cancel("enough")
    ends_cancelled(run, "enough")


@pytest.mark.parametrize("form", FORMS)
def test_before_it_waits(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Cancelled as soon as it was started, it hears of it at its first wait."""
    run = start(engine, "waits_for", form, str(tmp_path), "message")
    run.cancel("at once")
    ends_cancelled(run, "at once")


def test_a_workflow_that_is_busy(engine: flawless.Engine, tmp_path: Path) -> None:
    """One step after the other: the cancel comes between two."""
    run = engine.start(programs.takes_steps_until_cancelled, str(tmp_path))
    until(lambda: "step 5" in marks(tmp_path), "some steps")
    run.cancel("enough")
    ends_cancelled(run, "enough")


def test_tasks_of_a_group(engine: flawless.Engine, tmp_path: Path) -> None:
    """Each task of a group cleans up."""
    run = engine.start(programs.groups, str(tmp_path))
    waits(run)
    run.cancel("enough")
    ends_cancelled(run, "enough")
    assert sorted(marks(tmp_path)) == [f"member {n} cleans up" for n in range(3)]


def test_what_does_not_catch_it(engine: flawless.Engine) -> None:
    """Neither `asyncio.timeout` nor `except Exception` takes it for something else."""
    for workflow in (programs.has_a_timeout, programs.catches_exceptions):
        run: flawless.Execution[Any] = engine.start(workflow)
        waits(run)
        run.cancel("enough")
        ends_cancelled(run, "enough")


def test_cancelled_at_any_moment(engine: flawless.Engine, tmp_path: Path) -> None:
    """Executions that are about to end are cancelled, or have completed; none is left."""
    runs = [engine.start(programs.is_quick, str(tmp_path), n % 7) for n in range(60)]
    late = 0
    for run in reversed(runs):
        try:
            run.cancel("race")
        except flawless.ExecutionEnded:
            late += 1
    for n, run in enumerate(runs):
        until(lambda: run.status.final, "the end")  # noqa: B023 (called at once)
        if run.status == "completed":
            assert run.result(0) == n % 7
        else:
            ends_cancelled(run, "race")
        assert run.replay().end is not None
    completed = [run for run in runs if run.status == "completed"]
    assert late <= len(completed)


@pytest.mark.parametrize("form", FORMS)
def test_a_second_cancel_ends_it(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Whoever asks again ends the clean-up."""
    run = start(engine, "cleans_up_slowly", form, str(tmp_path))
    waits(run)
    run.cancel("first")
    until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
    waits(run)
    run.cancel("second")
    ends_cancelled(run, "second")
    assert "has cleaned up" not in marks(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_grace(engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path) -> None:
    """The clean-up has as much time as the request gave it."""
    run = start(engine, "cleans_up_slowly", form, str(tmp_path))
    waits(run)
    run.cancel("first", grace="1h")
    until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
    waits(run)
    clock.skip(3500)
    assert not run.status.final
    clock.skip(200)
    with pytest.raises(flawless.ExecutionCancelled, match="the time for cleaning up is over"):
        run.result(30)
    assert "has cleaned up" not in marks(tmp_path)


@pytest.mark.parametrize("form", FORMS)
def test_long_clean_ups(
    engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path
) -> None:
    """Without a bound the clean-up may take days."""
    run = start(engine, "cleans_up_slowly", form, str(tmp_path))
    waits(run)
    run.cancel("first")
    until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
    waits(run)
    clock.skip(86_401)
    ends_cancelled(run, "first")
    assert marks(tmp_path) == ["cleans up", "has cleaned up"]


@pytest.mark.parametrize("form", FORMS)
def test_terminate(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """No clean-up runs, whether it waits or cleans up already."""
    run = start(engine, "waits_for", form, str(tmp_path), "message")
    waits(run)
    run.terminate("at once", by="bob")
    ends_cancelled(run, "at once")
    assert marks(tmp_path) == []
    run = start(engine, "cleans_up_slowly", form, str(tmp_path))
    waits(run)
    run.cancel("first")
    until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
    run.terminate()
    ends_cancelled(run, "it was terminated")


@pytest.mark.parametrize("what", BUSY)
def test_terminate_with_a_step_under_way(
    engine: flawless.Engine, what: str, tmp_path: Path
) -> None:
    """The step is told, too."""
    run = engine.start(programs.waits_for, str(tmp_path), what)
    until(lambda: "step begins" in marks(tmp_path), "the step")
    run.terminate()
    ends_cancelled(run, "it was terminated")
    if what == "process step":
        (pid,) = [int(line.split()[1]) for line in marks(tmp_path) if line.startswith("pid ")]
        until(lambda: not alive(pid), "the worker's end")
    else:
        until(lambda: "step was told" in marks(tmp_path), "the step hears of it")


@pytest.mark.parametrize("form", FORMS)
def test_a_workflow_may_refuse(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """Who catches `Cancelled` and returns has completed; a second cancel then finds it ended."""
    run = start(engine, "refuses", form, str(tmp_path))
    waits(run)
    run.cancel()
    assert run.result(30) == "refused"
    with pytest.raises(flawless.ExecutionEnded):
        run.cancel()


def test_a_clean_up_that_fails(engine: flawless.Engine) -> None:
    """An error in the clean-up is the execution's failure."""
    run = engine.start(programs.fails_when_cancelled)
    waits(run)
    run.cancel()
    with pytest.raises(flawless.ExecutionFailed, match="the clean-up failed"):
        run.result(30)


@pytest.mark.parametrize("form", FORMS)
def test_deadlines(
    engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path
) -> None:
    """A deadline is a cancellation that comes by itself: that of the start, or the workflow's."""
    run = start(engine, "has_a_deadline", form, str(tmp_path))
    ends_cancelled(run, "its deadline has passed")
    assert marks(tmp_path) == ["deadline: its deadline has passed"]
    longer = engine.start(f"cancel_programs.has_a_deadline{form}", str(tmp_path), deadline="1h")
    waits(longer)
    clock.skip(60)
    longer.send("word", 1)
    assert longer.result(30) == "in time"
    late = engine.start(f"cancel_programs.waits_for{form}", str(tmp_path), "sleep", deadline=3600)
    waits(late)
    clock.skip(3601)
    ends_cancelled(late, "its deadline has passed")


@pytest.mark.parametrize("form", FORMS)
def test_a_deadline_bounds_the_clean_up(
    engine: flawless.Engine, clock: SkippingClock, form: str, tmp_path: Path
) -> None:
    """After a deadline the clean-up has a minute."""
    run = engine.start(f"cancel_programs.cleans_up_slowly{form}", str(tmp_path), deadline=3600)
    waits(run)
    clock.skip(3601)
    until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
    clock.skip(61)
    ends_cancelled(run, "the time for cleaning up is over")


def test_a_deadline_over_a_kill(tmp_path: Path) -> None:
    """A deadline that passes while no engine runs is kept by the next one."""
    with life_on(tmp_path) as life:
        life.ask("start", "cancel_programs.has_a_deadline", "a", str(tmp_path))
        life.ask("status", "a")
        life.kill()
    clock = SkippingClock()
    clock.skip(10)
    with engine_on(tmp_path, clock=clock) as engine:
        ends_cancelled(engine.get("a"), "its deadline has passed")
    assert marks(tmp_path) == ["deadline: its deadline has passed"]


@pytest.mark.parametrize("deadline", [-1, float("nan"), 1e12, "soon", "-3h"])
def test_deadlines_that_are_none(engine: flawless.Engine, deadline: Any) -> None:
    """A deadline is a duration within reason."""
    with pytest.raises(ValueError, match=r"length of time|100 years"):
        engine.start(family_programs.listens, deadline=deadline)


@pytest.mark.parametrize("grace", [-1, float("nan"), 1e12])
def test_graces_that_are_none(engine: flawless.Engine, grace: Any) -> None:
    """A grace is a duration within reason; the execution is not cancelled."""
    run = engine.start(family_programs.listens)
    with pytest.raises((ValueError, flawless.InputInvalid)):
        run.cancel(grace=grace)
    with pytest.raises(flawless.InputInvalid, match="1,000 characters"):
        run.cancel("x" * 1001)
    with pytest.raises(flawless.InputInvalid, match="200 characters"):
        run.terminate(by="x" * 201)
    run.send("word", 1)
    assert run.result(30) == [1]


def test_what_has_ended(engine: flawless.Engine) -> None:
    """There is nothing to cancel: the text says where to look."""
    run = engine.start(family_programs.adds, 1, 2)
    run.result(30)
    for end in (run.cancel, run.terminate):
        with pytest.raises(flawless.ExecutionEnded, match=f"flawless show {run.id}"):
            end()
        with pytest.raises(flawless.ExecutionNotFound, match="flawless list"):
            getattr(flawless.Execution(engine, "nobody"), end.__name__)()


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
@pytest.mark.parametrize("what", ["sleep", "message", "async step"])
def test_evicted(tmp_path: Path, form: str, what: str) -> None:
    """A cancel finds an execution that has left memory, and one whose guest alone has."""
    with engine_on(tmp_path) as engine:
        run = start(engine, "waits_for", form, str(tmp_path), what)
        if what == "async step":
            until(lambda: "step begins" in marks(tmp_path), "the step")
        else:
            waits(run)
        no_guests(engine)
        run.cancel("enough")
        ends_cancelled(run, "enough")


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
@pytest.mark.parametrize("what", ["sleep", "started step", "select"])
def test_killed_after_the_request(tmp_path: Path, form: str, what: str) -> None:
    """A cancel that was accepted is obeyed by the next engine, and its clean-up runs once."""
    with life_on(tmp_path) as life:
        life.ask("start", f"cancel_programs.waits_for{form}", "a", str(tmp_path), what)
        if what == "started step":
            until(lambda: "step begins" in marks(tmp_path), "the step")
        else:
            until(lambda: life.ask("status", "a") == "waiting", "it waits")
        life.ask("cancel", "a", "enough")
        life.kill()
    with engine_on(tmp_path) as engine:
        ends_cancelled(engine.get("a"), "enough")
    seen = marks(tmp_path)
    assert seen.count("finally") >= 1
    assert seen.index("cleans up: enough") < seen.index("finally")


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_killed_in_the_clean_up(tmp_path: Path, form: str) -> None:
    """The next engine goes on with the clean-up, where it was."""
    with life_on(tmp_path) as life:
        life.ask("start", f"cancel_programs.cleans_up_slowly{form}", "a", str(tmp_path))
        until(lambda: life.ask("status", "a") == "waiting", "it waits")
        life.ask("cancel", "a", "enough")
        until(lambda: "cleans up" in marks(tmp_path), "the clean-up")
        until(lambda: life.ask("status", "a") == "waiting", "it sleeps")
        life.kill()
    clock = SkippingClock()
    clock.skip(86_401)
    with engine_on(tmp_path, clock=clock) as engine:
        ends_cancelled(engine.get("a"), "enough")
    assert marks(tmp_path) == ["cleans up", "has cleaned up"]


def test_requested_while_no_engine_runs(tmp_path: Path) -> None:
    """An engine that opens the store may cancel at once what another one left."""
    with Life(tmp_path, modules=MODULES) as life:
        for n in range(3):
            life.ask("start", "cancel_programs.waits_for", f"a{n}", str(tmp_path), "sleep")
        until(lambda: life.ask("status", "a2") == "waiting", "it waits")
        life.kill()
    with engine_on(tmp_path) as engine:
        for n in range(3):
            engine.get(f"a{n}").cancel("at once")
        for n in range(3):
            ends_cancelled(engine.get(f"a{n}"), "at once")
