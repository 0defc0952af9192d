"""A replay under control: it stops where it is told to, shows where it stands, and goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import step_workflows as programs

import flawless
from flawless.core.entries import Completed, Failed, Retried
from flawless.errors import FlawlessError
from flawless.testing import Lab
from flawless.timetravel.model import Stop, Variable, Watch
from flawless.timetravel.path import trace
from flawless.timetravel.problems import NoSuchFrame, ReplayLost
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer

FILE = "step_workflows.py"
LIMITS = flawless.Limits(cpu_s_per_turn=0.5, guest_memory_bytes_max=128 * 1024 * 1024)
LINES = {
    text.rpartition("  # ")[2]: number
    for number, text in enumerate(Path(programs.__file__).read_text().splitlines(), 1)
    if "  # " in text
}
"""The number of each line that is called something."""
STARTS: dict[str, list[Any]] = {
    "loop": [4], "recursion": [3], "generators": [2], "exceptions": [3], "tasks": [2],
    "endless": [], "hungry": [], "runs": [2], "looks_at_the_clock": [], "waits": [], "sleeps": [],
}  # fmt: skip
UNDER_WAY = ("waits", "sleeps")


@pytest.fixture(scope="module")
def engine() -> Iterator[flawless.Engine]:
    """An engine with low limits."""
    settings = flawless.Settings(limits=LIMITS)
    with flawless.Engine(":memory:", modules=[programs], settings=settings) as made:
        yield made


@pytest.fixture(scope="module")
def recordings(engine: flawless.Engine) -> dict[str, Recording]:
    """Each workflow, recorded at its end, or where it waits."""
    runs = {
        name: engine.start(getattr(programs, name), *arguments, id=name)
        for name, arguments in STARTS.items()
    }
    for name, run in runs.items():
        if name in UNDER_WAY:
            while str(run.status) != "waiting":
                pass
        else:
            with suppress(flawless.ExecutionFailed):
                run.result(timeout=60)
    return {name: Recording.of(run) for name, run in runs.items()}


def at(stop: Stop) -> list[str]:
    """Return the lines of a stop's own frames, innermost first, by what they are called."""
    names = {number: name for name, number in LINES.items()}
    return [names.get(frame.line, str(frame.line)) for frame in stop.frames if frame.user]


def breakpoint_at(*names: str) -> Watch:
    """Return a watch that stops at lines."""
    return Watch(breakpoints={FILE: [LINES[name] for name in names]})


def steps(replay: Replayer, kind: Any, number: int) -> list[str]:
    """Take so many steps; return the innermost line of each stop."""
    return [next(iter(at(replay.go(Watch(stop=kind)))), "end") for _ in range(number)]


# --- points and lines -----------------------------------------------------------------------------


def test_a_point_is_where_the_guest_waits_for_its_answer(recordings: dict[str, Recording]) -> None:
    """At a point the stack, the variables and the entry that will answer are known."""
    with Replayer(recordings["loop"]) as replay:
        assert replay.go(Watch(point=2)).reason == "request"
        stop = replay.stop
        assert stop is not None
        assert at(stop) == ["effect"]
        assert (stop.points, stop.position) == (3, 3)
        assert {one.name: one.text for one in replay.variables(0)} == {
            "count": "4", "total": "2", "number": "2",
        }  # fmt: skip
        stop = replay.go(Watch(point=2))
        assert (stop.reason, stop.points) == ("request", 4), "what is passed is not waited for"
        assert replay.go().reason == "end"
        assert isinstance(replay.end, Completed)


def test_so_many_lines_further(recordings: dict[str, Recording]) -> None:
    """Lines are counted from where the replay stands, in whatever function they are."""
    with Replayer(recordings["loop"]) as replay:
        assert at(replay.go(Watch(count=1))) == ["begin"]
        assert at(replay.go(Watch(count=3))) == ["call"]
        assert at(replay.go(Watch(count=2))) == ["helper end", "call"]
        assert at(replay.go(Watch(count=1))) == ["head"]
        assert replay.go(Watch(count=1_000)).reason == "end"


def test_the_same_place_is_reached_in_every_way(recordings: dict[str, Recording]) -> None:
    """Line by line, by count, and by a point and a count from there: it is the same path."""
    path = list(trace(recordings["loop"], lines=True).lines())
    with Replayer(recordings["loop"]) as replay:
        for line in path:
            stop = replay.go(Watch(stop="lines"))
            assert (stop.frames[0].line, stop.frames[0].function) == (line.line, line.function)
        assert replay.go(Watch(stop="lines")).reason == "end"
    for number in (1, 7, len(path)):
        with Replayer(recordings["loop"]) as replay:
            assert replay.go(Watch(count=number)).frames[0].line == path[number - 1].line
    points = trace(recordings["loop"], lines=True).points
    with Replayer(recordings["loop"]) as replay:
        replay.go(Watch(point=2))
        stop = replay.go(Watch(count=5))
        assert stop.frames[0].line == path[points[2].lines_before + 4].line


# --- steps ----------------------------------------------------------------------------------------


def test_steps_into_over_and_out_of_a_function(recordings: dict[str, Recording]) -> None:
    """A call is entered by lines, passed over, and left."""
    with Replayer(recordings["loop"]) as replay:
        replay.go(breakpoint_at("call"))
        assert steps(replay, "lines", 2) == ["helper", "helper end"]
        assert steps(replay, "out", 1) == ["head"]
        assert steps(replay, "over", 4) == ["effect", "call", "head", "effect"]
        assert steps(replay, "out", 1) == ["end"]


def test_steps_in_recursion_stay_in_their_own_call(recordings: dict[str, Recording]) -> None:
    """The next line of this call is not that of the same function further down."""
    with Replayer(recordings["recursion"]) as replay:
        stop = replay.go(breakpoint_at("deeper"))
        assert at(stop) == ["deeper", "top"]
        assert at(replay.go(Watch(stop="over"))) == ["up", "top"]
        assert at(replay.go(Watch(stop="over"))) == ["top end"]
    with Replayer(recordings["recursion"]) as replay:
        assert at(replay.go(breakpoint_at("bottom"))) == ["bottom", *["deeper"] * 3, "top"]
        assert at(replay.go(Watch(stop="out"))) == ["up", "deeper", "deeper", "top"]
        assert at(replay.go(Watch(stop="out"))) == ["up", "deeper", "top"]


def test_steps_in_generators(recordings: dict[str, Recording]) -> None:
    """Lines lead into a generator and back; over and out stay with the one that they began in."""
    with Replayer(recordings["generators"]) as replay:
        replay.go(breakpoint_at("next"))
        assert steps(replay, "lines", 3) == ["each", "yield", "got"]
        assert steps(replay, "over", 4) == ["next", "got", "next", "sum"]
    with Replayer(recordings["generators"]) as replay:
        replay.go(breakpoint_at("yield"))
        assert steps(replay, "over", 2) == ["each", "yield"]
        assert steps(replay, "out", 1) == ["sum"], "it is left once it has no more"


def test_steps_where_exceptions_pass_through(recordings: dict[str, Recording]) -> None:
    """Who is left by an exception is left: one stops where it is caught."""
    for kind, where in (("over", "raise"), ("out", "raise"), ("out", "passing")):
        with Replayer(recordings["exceptions"]) as replay:
            replay.go(breakpoint_at(where))
            assert steps(replay, kind, 1) == ["except"], (kind, where)
            assert steps(replay, "over", 1) == ["handler"]
    with Replayer(recordings["exceptions"]) as replay:
        replay.go(breakpoint_at("handler"))
        assert steps(replay, "over", 1) == ["last"]
        assert replay.go(Watch(stop="over")).reason == "raised"


def test_steps_in_coroutines(recordings: dict[str, Recording]) -> None:
    """Over an `await` is to the next line of this coroutine, whatever other tasks do meanwhile."""
    with Replayer(recordings["tasks"]) as replay:
        stop = replay.go(breakpoint_at("alone"))
        assert stop.task == "Task-1"
        stop = replay.go(Watch(stop="over"))
        assert (at(stop), stop.task) == (["gather"], "Task-1")
        assert at(replay.go(Watch(stop="over"))) == ["all"]
    with Replayer(recordings["tasks"]) as replay:
        replay.go(breakpoint_at("first"))
        stop = replay.go(Watch(stop="over"))
        assert (at(stop)[0], stop.task) == ("second", "Task-1")


def test_other_tasks_and_where_they_wait(recordings: dict[str, Recording]) -> None:
    """While one task runs, the others' stacks and variables can be seen."""
    with Replayer(recordings["tasks"]) as replay:
        replay.go(breakpoint_at("second"))
        found = {task.name: task.frames for task in replay.tasks()}
        assert list(found) == ["Task-2", "Task-3"]
        assert [frame.line for frame in found["Task-2"]] == [LINES["first"]]
        [number, *_] = replay.variables(0, task="Task-3")
        assert (number.name, number.text) == ("number", "1")
        with pytest.raises(NoSuchFrame):
            replay.variables(5, task="Task-3")


# --- breakpoints ----------------------------------------------------------------------------------


def test_a_breakpoint_in_a_loop_stops_each_time(recordings: dict[str, Recording]) -> None:
    """Each time round, and no longer than it is watched for."""
    with Replayer(recordings["loop"]) as replay:
        seen = []
        while (stop := replay.go(breakpoint_at("effect"))).reason == "breakpoint":
            seen.append(next(v.text for v in replay.variables(0) if v.name == "number"))
        assert seen == ["0", "1", "2", "3"]
    with Replayer(recordings["loop"]) as replay:
        assert at(replay.go(breakpoint_at("effect", "helper end"))) == ["effect"]
        assert at(replay.go(breakpoint_at("effect", "helper end"))) == ["helper end", "call"]
        assert replay.go().reason == "end"
    with Replayer(recordings["loop"]) as replay:
        stop = replay.go(Watch(breakpoints={FILE: [1, 99_999], "other.py": [LINES["effect"]]}))
        assert stop.reason == "end", "lines that do not exist are never reached"


# --- ends -----------------------------------------------------------------------------------------


def test_where_the_error_came_from(recordings: dict[str, Recording]) -> None:
    """When the workflow fails, its frames are still there, with what they knew."""
    with Replayer(recordings["exceptions"]) as replay:
        stop = replay.go()
        assert (stop.reason, at(stop)) == ("raised", ["raise", "passing", "last"])
        assert {v.name: v.text for v in replay.variables(0)} == {"number": "7", "local": "14"}
        assert replay.evaluate("local + number").value.text == "21"  # type: ignore[union-attr]  # it has one
        assert replay.touched
        assert replay.go().reason == "end"
        assert isinstance(replay.end, Failed)


def test_beyond_the_end_there_is_nothing(recordings: dict[str, Recording]) -> None:
    """An end stays the end, and what needs a guest says that there is none."""
    with Replayer(recordings["loop"]) as replay:
        assert replay.go(Watch(point=1_000)).reason == "end"
        assert replay.go(Watch(stop="lines")).reason == "end"
        with pytest.raises(ReplayLost, match="go to a point first"):
            replay.variables(0)
    with Replayer(recordings["loop"]) as replay:
        with pytest.raises(ReplayLost):
            replay.variables(0)
        assert replay.begin().reason == "begin"
        with pytest.raises(NoSuchFrame):
            replay.variables(0)


@pytest.mark.parametrize(("name", "line"), [("waits", "receive"), ("sleeps", "sleep")])
def test_an_execution_under_way_ends_where_it_waits(
    recordings: dict[str, Recording], name: str, line: str
) -> None:
    """Its last point is what it waits for; there its variables are known, and then it is over."""
    path = trace(recordings[name], lines=True)
    assert (path.end, path.error) == (None, None)
    last = path.points[-1]
    assert last.frames[0].line == LINES[line]
    with Replayer(recordings[name]) as replay:
        stop = replay.go(Watch(point=last.number))
        assert at(stop) == [line]
        replay.variables(0)
        assert replay.go().reason == "end"
        assert replay.end is None


@pytest.mark.parametrize(("name", "line", "error"), [
    ("endless", "spin", "GuestCpuExceeded"), ("hungry", "eat", "MemoryError"),
])  # fmt: skip
def test_a_guest_that_was_stopped_is_stopped_again(
    recordings: dict[str, Recording], name: str, line: str, error: str
) -> None:
    """The replay of what ran out of time or memory shows how it came to that."""
    path = trace(recordings[name])
    assert isinstance(path.end, Failed)
    assert path.end == recordings[name].entries[-1]
    assert error in path.end.payload.decode()
    assert path.error is None
    with Replayer(recordings[name]) as replay:
        stop = replay.go(breakpoint_at(line))
        assert (stop.reason, at(stop)) == ("breakpoint", [line])
        assert at(replay.go(Watch(count=2)))


def test_a_parked_execution_stands_where_a_person_has_to_decide() -> None:
    """The risky step is its last point, before and after the decision."""
    with Lab(programs) as lab:
        lab.crash_at(2, side="after")
        run = lab.start(programs.parks, id="parks")
        lab.advance(1)
        assert str(run.status) == "parked"
        before = Recording.of(run)
        run.resolve(ok=5)
        assert run.result() == 7
        after = Recording.of(run)
    path = trace(before)
    assert (path.end, path.error) == (None, None)
    assert path.points[-1].frames[0].line == LINES["risky"]
    assert {one.name: one.text for one in variables_at(before, path.points[-1].number)} == {
        "total": "2"
    }
    assert trace(after).end == after.entries[-1]


def variables_at(recording: Recording, point: int) -> list[Variable]:
    """Return the innermost variables at a point."""
    with Replayer(recording) as replay:
        replay.go(Watch(point=point))
        return replay.variables(0)


@pytest.mark.parametrize("how", ["cancelled", "terminated"])
def test_a_stop_from_outside(engine: flawless.Engine, how: str) -> None:
    """What was cancelled or terminated is shown until then, with the end that it had."""
    run = engine.start(programs.waits, id=how)
    while str(run.status) != "waiting":
        pass
    if how == "cancelled":
        run.cancel("enough")
    else:
        run.terminate("enough")
    with pytest.raises(FlawlessError):
        run.result(timeout=30)
    recording = Recording.of(run)
    path = trace(recording, lines=True)
    assert path.error is None
    assert path.end == recording.entries[-1]
    assert any(f.line == LINES["receive"] for p in path.points for f in p.frames)


def test_runs_of_continue_as_new_are_recordings_of_their_own(engine: flawless.Engine) -> None:
    """The last run has the execution's id, earlier ones have theirs; each has its own path."""
    first = engine.start(programs.runs, 2, id="again")
    assert first.result(timeout=30) == "done"
    left = {}
    for name in ("again", "again~1", "again~2"):
        recording = Recording.of(engine.get(name))
        path = trace(recording, lines=True)
        assert (path.error, path.end) == (None, recording.entries[-1])
        assert [p.position for p in path.points][:1] == [1]
        with Replayer(recording) as replay:
            replay.go(Watch(point=0))
            left[name, recording.run] = replay.variables(0)[0].text
    assert left == {("again", 3): "0", ("again~1", 1): "2", ("again~2", 2): "1"}


def test_a_retried_execution_has_the_path_that_counts(
    engine: flawless.Engine, tmp_path: Path
) -> None:
    """What was undone by a retry is not on the path; positions are those of the whole journal."""
    run = engine.start(programs.retried, str(tmp_path / "marker"), id="retried")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(timeout=30)
    failed = trace(Recording.of(run), lines=True)
    assert failed.raised is not None
    assert failed.raised.frames[0].line == LINES["fails"]
    (tmp_path / "marker").touch()
    run.retry()
    assert run.result(timeout=30) == 5
    recording = Recording.of(run)
    assert any(isinstance(entry, Retried) for entry in recording.entries)
    path = trace(recording, lines=True)
    assert (path.error, path.end) == (None, recording.entries[-1])
    lines = [point.frames[0].line for point in path.points]
    assert lines[0] == LINES["before"]
    assert set(lines[1:]) == {LINES["fails"]}
    positions = [point.position for point in path.points]
    assert positions == sorted(positions)
    retried = next(n for n, e in enumerate(recording.entries) if isinstance(e, Retried))
    assert positions[-1] > retried


def test_looks_at_the_clock_are_points(recordings: dict[str, Recording]) -> None:
    """WASI asks for the time below any Python code; the stack is known all the same."""
    path = trace(recordings["looks_at_the_clock"], variables=True)
    assert [point.request[:5] for point in path.points] == [b"clock", b'{"op"', b"clock"]
    assert [point.frames[0].line for point in path.points] == [
        LINES["clock"], LINES["between"], LINES["clock again"],
    ]  # fmt: skip
    with Replayer(recordings["looks_at_the_clock"]) as replay:
        stop = replay.go(Watch(point=2, clocks=True))
        assert at(stop) == ["clock again"]
        assert replay.variables(0)[0].name == "before"


def test_without_tracer_a_replay_only_ends(recordings: dict[str, Recording]) -> None:
    """It knows its points, and stands nowhere."""
    with Replayer(recordings["loop"], traced=False) as replay:
        assert replay.go(Watch(point=1)).reason == "end"
        assert len(replay.world.points) == 4
        assert replay.end == recordings["loop"].entries[-1]


def test_a_baked_deployment_is_traced_too(request: pytest.FixtureRequest) -> None:
    """Modules that are part of the component are traced as if they had been loaded (sweep only)."""
    if request.config.getoption("--sweep") != "whole":
        pytest.skip("baking takes long: make sweep")
    with flawless.Engine(":memory:", modules=[programs], baked=True) as engine:
        run = engine.start(programs.loop, 4)
        run.result(timeout=60)
        recording = Recording.of(run)
    path = trace(recording, lines=True, variables=True)
    assert (path.error, path.end) == (None, recording.entries[-1])
    assert path.counts(FILE)[LINES["effect"]] == 4
    with Replayer(recording) as replay:
        assert at(replay.go(breakpoint_at("helper"))) == ["helper", "call"]
