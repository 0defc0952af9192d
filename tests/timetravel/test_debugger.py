"""The debugger: forwards and backwards over real recordings, in real guests."""

from __future__ import annotations

import msgspec
import pytest
from debugging import CLOCK, LOAD, RETURN, WEIGHT, Open, here, value

from flawless.core.entries import Cancelled, Completed, Continued, End, Failed
from flawless.core.responses import cancelled_error, error_object
from flawless.engine.deployment import Deployment
from flawless.errors import UsageError
from flawless.timetravel import Recording
from flawless.timetravel.labels import ending, shortened
from flawless.timetravel.model import Stop, Watch
from flawless.timetravel.path import trace
from flawless.timetravel.problems import NoSuchFrame, NoSuchPlace, ReplayLost, ReplayTooLong
from flawless.timetravel.sources import Sources
from flawless.timetravel.stepping.debugger import Debugger
from stepping import FILE, PLACES, line, recordings

# --- lines ----------------------------------------------------------------------------------------


def test_steps_into_lines_are_the_path_both_ways(opened: Open) -> None:
    """Every line forwards is every line of the path; backwards they come in the opposite order."""
    debugger = opened("short")
    path = trace(recordings()["short"], lines=True)
    expected = [(one.function, one.line) for one in path.lines()]
    forwards, passed = [], []
    while not debugger.ended:
        forwards.append(here(debugger))
        passed.append(debugger.stop.points)
        debugger.step_into()
    assert forwards == expected
    for at in reversed(range(len(forwards))):
        debugger.back_into()
        assert (here(debugger), debugger.stop.points) == (forwards[at], passed[at])
    debugger.back_into()
    assert debugger.note == "the start: there is nothing before"
    assert here(debugger) == forwards[0]


def test_over_and_out_stay_in_the_function(opened: Open) -> None:
    """Over goes past calls and effects, out to the caller; backwards they do the same."""
    debugger = opened("tour")
    for _ in range(3):
        debugger.step_over()
    assert here(debugger) == ("tour", LOAD)
    debugger.step_over()
    assert here(debugger) == ("tour", line("seen.append(number)"))
    assert debugger.passed == 1
    debugger.back_over()
    assert here(debugger) == ("tour", LOAD)
    assert debugger.passed == 0
    debugger.step_into()
    assert here(debugger) == ("load", WEIGHT)
    debugger.step_out()
    assert here(debugger) == ("tour", line("seen.append(number)"))
    debugger.back_into()
    assert here(debugger) == ("load", RETURN)
    debugger.back_over()
    assert here(debugger) == ("load", WEIGHT)
    debugger.back_over()
    assert here(debugger) == ("tour", LOAD)


def test_out_backwards_is_where_the_call_was_made(opened: Open) -> None:
    """Back out leaves a function at its call, a generator too; the workflow has no caller."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, line("yield number"))
    debugger.resume()
    debugger.resume()
    assert here(debugger) == ("odd", line("yield number"))
    debugger.back_out()
    assert here(debugger) == ("tour", line("total += sum(odd(seen))"))
    spot = debugger.spot
    debugger.back_out()
    assert debugger.note == "no function of yours has called this one"
    assert debugger.spot == spot


def test_a_line_far_back_is_found(opened: Open) -> None:
    """The line before may lie behind many effects of other functions."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, RETURN)
    debugger.end()
    debugger.reverse()
    assert value(debugger, "number") == str(PLACES - 1)
    debugger.back_out()
    debugger.breakpoints.clear()
    debugger.breakpoints.at_line(FILE, line("total = 0"))
    debugger.end()
    debugger.reverse()
    assert here(debugger) == ("tour", line("total = 0"))


# --- effects --------------------------------------------------------------------------------------


def test_effects_forwards_and_backwards_are_the_same_places(opened: Open) -> None:
    """Each effect is met in order, the look at the clock too, and again on the way back."""
    debugger = opened("tour")
    places = []
    debugger.next_effect()
    while not debugger.ended:
        assert debugger.point is not None
        places.append((debugger.point.position, *here(debugger)))
        debugger.next_effect()
    assert [one[0] for one in places] == list(range(1, PLACES + 3))
    assert places[PLACES] == (PLACES + 1, "tour", CLOCK)
    assert debugger.note == f"the workflow {debugger.ending}"
    for expected in places[: -len(places) // 3 : -1]:
        debugger.previous_effect()
        assert debugger.point is not None
        assert (debugger.point.position, *here(debugger)) == expected
    debugger.go_to(1)
    debugger.previous_effect()
    assert debugger.note == "the start"


def test_an_effect_is_shown_with_its_recorded_result(opened: Open) -> None:
    """At an effect the label and the result are known, though the guest has no answer yet."""
    debugger = opened("tour")
    debugger.go_to(5)
    assert debugger.point is not None
    assert debugger.labels.label(debugger.point) == "step stepped.weigh"
    assert debugger.labels.outcome(debugger.point) == "8"
    assert value(debugger, "number") == "4"
    assert debugger.elapsed_us > 0
    debugger.next_effect()
    assert debugger.labels.outcome(debugger.point) == "10"


def test_lines_after_a_look_at_the_clock_can_be_stepped(opened: Open) -> None:
    """From a stop at the clock, lines go on in both directions."""
    debugger = opened("tour")
    debugger.go_to(PLACES + 1)
    debugger.step_over()
    assert here(debugger) == ("tour", line('print("halfway")'))
    debugger.back_over()
    assert here(debugger) == ("tour", CLOCK)
    assert debugger.point is None


@pytest.mark.parametrize("position", [-1, PLACES + 3, 10**12])
def test_an_effect_that_does_not_exist_moves_nothing(opened: Open, position: int) -> None:
    """Going beyond the end says which effects there are, and stays."""
    debugger = opened("tour")
    spot = debugger.spot
    with pytest.raises(NoSuchPlace, match=f"has effects 1 to {PLACES + 2}"):
        debugger.go_to(position)
    assert debugger.spot == spot


# --- expressions ----------------------------------------------------------------------------------


def test_expressions_do_not_change_the_path(opened: Open) -> None:
    """What an expression changes is gone with the next move; the end is as it was recorded."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, CLOCK)
    debugger.resume()
    assert value(debugger, "seen.clear() or len(seen)") == "0"
    assert value(debugger, "seen") == "[]"
    debugger.step_over()
    assert value(debugger, "len(seen)") == str(PLACES)
    value(debugger, "seen.clear()")
    debugger.resume()
    assert debugger.ended
    assert debugger.ending == f"returned {sum(range(PLACES)) * 2 + sum(range(1, PLACES, 2))}"


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("1 / 0", "ZeroDivisionError"),
        ("nobody", "NameError"),
        ("this is no expression", "SyntaxError"),
        ("weigh(3)", "RuntimeError"),
        ("exit()", "SystemExit"),
    ],
)
def test_expressions_that_raise_say_so(opened: Open, text: str, kind: str) -> None:
    """An error is told, effects among them, and the debugger goes on."""
    debugger = opened("tour")
    debugger.go_to(2)
    told = debugger.evaluate(text)
    assert told.raised is not None
    assert told.raised["type"] == kind
    debugger.next_effect()
    assert debugger.point is not None
    assert debugger.point.position == 3


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("__import__('time').time() == __import__('time').time()", "True"),
        ("__import__('time').monotonic() > 0", "True"),
        ("__import__('datetime').datetime.now().year > 2000", "True"),
        ("__import__('select').select([], [], [], 3_600)", "([], [], [])"),
        ("__import__('os').write(1, b'hello\\n')", "6"),
        ("len(__import__('os').urandom(5))", "5"),
    ],
)
def test_expressions_may_look_at_the_clock(opened: Open, text: str, expected: str) -> None:
    """What the host answers beside the path is answered, again and again, and is no part of it."""
    debugger = opened("tour")
    debugger.go_to(2)
    world = debugger._driver.guest().world
    before = list(world.questions), len(world.points)
    assert value(debugger, text) == expected
    assert value(debugger, text) == expected
    assert (world.questions, len(world.points)) == before
    assert value(debugger, "number + 0") == "1"
    debugger.step_over()
    assert here(debugger) == ("load", RETURN)


def test_the_clock_of_an_expression_shows_the_last_known_time(opened: Open) -> None:
    """It is the time of the journal, however late it is evaluated."""
    debugger = opened("tour")
    began_us = debugger.recording.invoked.began_us
    assert 0 <= int(value(debugger, "__import__('time').time_ns() // 1000")) - began_us < 60e6
    debugger.go_to(PLACES + 2)
    assert value(debugger, "__import__('time').time() - began < 60") == "True"


@pytest.mark.parametrize(
    "text",
    [
        "__import__('_flawless_tracer').host_call('{}')",
        "__import__('_flawless_tracer').host_call('{\"op\":\"next\"}')",
    ],
)
def test_an_expression_that_breaks_the_guest_costs_only_that(opened: Open, text: str) -> None:
    """Whatever it does to the guest, the next look is answered by another one."""
    debugger = opened("tour")
    debugger.go_to(2)
    with pytest.raises(ReplayLost):
        debugger.evaluate(text)
    assert [one.text for one in debugger.variables()][-1] == "1"
    with pytest.raises(ReplayLost):
        debugger.evaluate(text)
    assert value(debugger, "number + 0") == "1"


def test_an_expression_that_never_ends_costs_only_its_guest(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next look and the next move are answered by another guest at the same place."""
    monkeypatch.setattr("flawless.timetravel.replayer.EVALUATE_S_MAX", 0.1)
    debugger = opened("tour")
    debugger.go_to(2)
    with pytest.raises(ReplayLost, match="did not end"):
        debugger.evaluate("[0 for _ in iter(int, 1)]")
    assert value(debugger, "number") == "1"
    with pytest.raises(ReplayLost):
        debugger.evaluate("[0 for _ in iter(int, 1)]")
    debugger.step_over()
    assert here(debugger) == ("load", RETURN)


def test_frames_are_chosen(opened: Open) -> None:
    """Names mean those of the chosen frame."""
    debugger = opened("tour")
    debugger.go_to(3)
    assert [one.name for one in debugger.variables()] == ["total", "number"]
    debugger.choose(debugger.frame + 1)
    assert here(debugger) == ("tour", LOAD)
    assert value(debugger, "seen") == "[0, 1]"
    assert [one.name for one in debugger.module_variables() if one.name == "LIMIT"] == ["LIMIT"]
    with pytest.raises(NoSuchFrame):
        debugger.choose(9)


# --- other executions -----------------------------------------------------------------------------


def test_a_failed_execution_ends_at_the_failing_line(opened: Open) -> None:
    """The end is where the error was raised, with everything that was known there."""
    debugger = opened("fall")
    debugger.end()
    assert debugger.stop.reason == "raised"
    assert debugger.frames[0].function == "stumble"
    assert debugger.note.startswith("the workflow failed with ValueError: 1000 are too many")
    shown = {one.name: one for one in debugger.variables()}
    assert "bits" in shown["huge"].text
    assert len(shown["crate"].text) < 1_000
    assert shown["crate"].ref is not None
    content = debugger.children(shown["crate"].ref)[0]
    assert content.size == 1_000
    debugger.next_effect()
    assert debugger.stop.reason == "raised"
    debugger.back_over()
    debugger.back_over()
    assert here(debugger) == ("stumble", line("huge = 10**5_000"))


def test_a_waiting_execution_ends_where_it_waits(opened: Open) -> None:
    """Nothing lies beyond the place where it waits, whichever way one goes there."""
    debugger = opened("hold")
    place = ("hold", line('return receive("go")'))
    moves = (debugger.end, debugger.step_over, debugger.resume, debugger.next_effect)
    for move in moves:
        move()
        assert here(debugger) == place
        assert debugger.note == "nothing further is recorded: here the execution waits"
    assert debugger.point is not None
    assert debugger.labels.outcome(debugger.point) == "nothing is recorded yet: it waits here"
    debugger.back_into()
    debugger.step_over()
    assert here(debugger) == place
    debugger.start()
    debugger.resume()
    assert here(debugger) == place


def test_tasks_are_seen_where_they_wait(opened: Open) -> None:
    """Where no code runs, the tasks are there, with their variables."""
    debugger = opened("relay")
    debugger.next_effect()
    while debugger.stop.frames:
        debugger.next_effect()
    names = [thread.name for thread in debugger.threads]
    assert len(names) == 4
    assert here(debugger)[0] == "relay"
    debugger.choose(0, 2)
    assert here(debugger) == ("carry", line("found = await weigh.start(number)"))
    assert value(debugger, "number") == "1"
    assert value(debugger, "number + 1") == "2"
    debugger.step_into()
    assert here(debugger)[0] == "carry"
    debugger.back_over()
    assert here(debugger) == ("carry", line("found = await weigh.start(number)"))


def test_a_move_that_takes_too_long_leaves_the_debugger_where_it_was(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An interrupted move is told, and the place stays."""
    debugger = opened("tour")
    debugger.go_to(3)
    spot = debugger.spot
    driver = debugger._driver
    monkeypatch.setattr(driver, "_seconds_max", -1.0)
    driver.close()
    with pytest.raises(ReplayTooLong):
        debugger.go_to(2)
    monkeypatch.undo()
    assert debugger.spot == spot
    assert value(debugger, "number") == "2"

    def never(watch: Watch) -> Stop:
        raise ReplayTooLong("tour", 1.0)

    monkeypatch.setattr(driver, "go_on", never)
    with pytest.raises(ReplayTooLong):
        debugger.go_to(PLACES + 1)  # halfway there already
    assert debugger.spot == spot
    assert here(debugger) == ("load", WEIGHT)
    assert value(debugger, "number") == "2"


def test_a_replay_that_leaves_its_path_stops_at_the_last_place(opened: Open) -> None:
    """On other code it goes as far as that follows the journal, and says why no further."""
    tour = recordings()["tour"]
    entries = [*tour.entries[:3], tour.entries[4], *tour.entries[3:]]
    debugger = Debugger(Recording("mixed", "failed", entries, tour.deployment))
    for move in (debugger.end, debugger.resume, debugger.step_out):
        move()
        assert "nothing further can be replayed" in debugger.note
        assert here(debugger) == ("load", WEIGHT)
        assert value(debugger, "number") == "2"
    debugger.back_out()
    assert here(debugger) == ("tour", LOAD)
    debugger.close()


def test_code_that_is_not_python_is_refused() -> None:
    """A component without modules has no lines, and the error names what there is instead."""
    recording = recordings()["tour"]
    manifest = recording.deployment.manifest
    empty = Deployment(msgspec.structs.replace(manifest, modules=[]))
    with pytest.raises(UsageError, match="not Python"):
        Debugger(recording.on(empty))


def test_files_are_named_by_the_end_of_their_names() -> None:
    """A path on disk means the file whose name it ends with; what is unclear is asked back."""
    sources = Sources(recordings()["tour"].deployment, lambda file, text: [])
    sources.files = ["a/app.py", "b/app.py", "app.py", "util.py"]
    assert sources.find("/somewhere/a/app.py") == "a/app.py"
    assert sources.find("app.py") == "app.py"
    assert sources.find("C:\\here\\util.py") == "util.py"
    sources.files = ["a/app.py", "b/app.py"]
    with pytest.raises(NoSuchPlace, match="or b/app"):
        sources.find("app.py")


def test_shown_text_is_one_line() -> None:
    """Text from a journal steers no terminal and has an end."""
    assert shortened("a\n\x1b[2Jb") == "a  [2Jb"
    assert len(shortened("x" * 10_000)) == 100


@pytest.mark.parametrize(
    ("end", "text"),
    [
        (None, "has not ended"),
        (Completed(1, b'{"a":[1,2]}'), 'returned {"a": [1, 2]}'),
        (Continued(1, b"{}"), "went on as the next run"),
        (Failed(1, error_object("KeyError", "'x'")), "failed with KeyError: 'x'"),
        (
            Cancelled(1, cancelled_error("too\nlate"), ""),
            "was cancelled with ExecutionCancelled: too late",
        ),
    ],
)
def test_how_an_execution_ended_is_one_line(end: End | None, text: str) -> None:
    """It is said in the same words everywhere."""
    assert ending(end) == text
