"""The debugger's breakpoints, at lines and at effects."""

from __future__ import annotations

import pytest
from debugging import CLOCK, LOAD, RETURN, WEIGHT, Open, here, value

from flawless.timetravel.path import trace
from flawless.timetravel.problems import NoSuchFrame, NoSuchPlace
from stepping import FILE, PLACES, line, recordings

# --- breakpoints ----------------------------------------------------------------------------------


def test_breakpoints_stop_in_both_directions(opened: Open) -> None:
    """Continue meets every breakpoint in order, reverse-continue in the opposite one."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, RETURN)
    seen = []
    debugger.resume()
    while not debugger.ended:
        seen.append(value(debugger, "number"))
        debugger.resume()
    assert seen == [str(number) for number in range(PLACES)]
    back: list[str] = []
    debugger.reverse()
    while debugger.stop.reason == "breakpoint" and len(back) < 5:
        back.append(value(debugger, "number"))
        debugger.reverse()
    assert back == seen[: -len(back) - 1 : -1]


def test_lines_are_known_after_breakpoints_were_passed_at_full_speed(opened: Open) -> None:
    """From a breakpoint that was run to, one can step back, and on."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, WEIGHT)
    debugger.resume()
    debugger.resume()
    assert debugger.spot.lines is None
    debugger.step_over()
    assert here(debugger) == ("load", RETURN)
    debugger.back_over()
    debugger.back_over()
    assert here(debugger) == ("tour", LOAD)
    assert value(debugger, "number") == "1"


def test_several_stops_between_two_effects_are_told_apart(opened: Open) -> None:
    """Breakpoints that stop more than once without an effect between are all found again."""
    debugger = opened("tour")
    debugger.breakpoints.at_line(FILE, line("yield number"))
    for _ in range(3):
        debugger.resume()
    assert value(debugger, "number") == "5"
    assert value(debugger, "number + 1") == "6"
    debugger.back_into()
    assert value(debugger, "number") == "5"
    debugger.reverse()
    assert value(debugger, "number") == "3"
    debugger.resume()
    assert value(debugger, "number") == "5"


def test_effects_have_breakpoints_too(opened: Open) -> None:
    """By number or by name, and whichever breakpoint comes first stops."""
    debugger = opened("tour")
    debugger.breakpoints.at_effect(4)
    debugger.breakpoints.at_line(FILE, CLOCK)
    debugger.breakpoints.at_label("CLOCK")
    debugger.resume()
    assert debugger.at == 3
    debugger.resume()
    assert debugger.stop.reason == "breakpoint"
    debugger.resume()
    assert debugger.stop.reason == "clock"
    debugger.reverse()
    assert debugger.stop.reason == "breakpoint"
    debugger.reverse()
    assert debugger.at == 3
    debugger.reverse()
    assert debugger.note == "the start: no breakpoint lies before"


@pytest.mark.parametrize(
    ("file", "number", "message"),
    [
        (FILE, 1, "line 1 of stepped.py is none that a function executes; the nearest"),
        (FILE, line("def tour(count: int) -> int:"), f"nearest .* is {line('total = 0')}"),
        (FILE, 9_999, "there is no line 9999 in stepped.py"),
        (FILE, 0, "there is no line 0"),
        ("nowhere.py", 3, "no file nowhere.py is in the deployment: it has stepped.py"),
    ],
)
def test_a_breakpoint_that_cannot_be_says_why(
    opened: Open, file: str, number: int, message: str
) -> None:
    """A line without code names the nearest that has some; an unknown file those that are known."""
    with pytest.raises(NoSuchPlace, match=message):
        opened("tour").breakpoints.at_line(file, number)


def test_breakpoints_can_be_taken_away(opened: Open) -> None:
    """A removed breakpoint stops nothing; the same line twice is one breakpoint."""
    debugger = opened("tour")
    one = debugger.breakpoints.at_line(FILE, RETURN)
    assert debugger.breakpoints.at_line(f"somewhere/{FILE}", RETURN) == one
    debugger.breakpoints.remove(one.number)
    with pytest.raises(NoSuchPlace, match="there is no breakpoint"):
        debugger.breakpoints.remove(one.number)
    with pytest.raises(NoSuchPlace, match="no effect is named 'nothing'; there are: step"):
        debugger.breakpoints.at_label("nothing")
    debugger.resume()
    assert debugger.ended


def test_the_body_of_a_step_is_told_to_be_elsewhere(opened: Open) -> None:
    """No replay comes to the lines of a step, and whoever sets a breakpoint there is told."""
    made = opened("tour").breakpoints.at_line(FILE, line("return 2 * number"))
    assert "runs outside of the workflow" in made.remark


def test_a_breakpoint_can_be_set_at_the_end(opened: Open) -> None:
    """Where the guest is gone, the lines of a file are known nevertheless."""
    debugger = opened("short")
    debugger.end()
    debugger.sources._known.clear()
    debugger.breakpoints.at_line(FILE, RETURN)
    debugger.reverse()
    assert here(debugger) == ("load", RETURN)
    debugger.end()
    with pytest.raises(NoSuchFrame, match="the workflow has ended"):
        debugger.evaluate("1")


def test_lines_that_can_be_stopped_at_are_those_that_are_executed(opened: Open) -> None:
    """Whatever line of a function the path has, a breakpoint may be set there."""
    debugger = opened("tour")
    path = trace(recordings()["tour"], lines=True)
    assert set(path.counts(FILE)) <= set(debugger.sources.code_lines(FILE))
