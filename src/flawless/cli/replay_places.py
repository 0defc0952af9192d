"""`replay --at`: stack and variables at one effect, or each time that a line is reached."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from flawless.cli import output
from flawless.cli.debug_view import View
from flawless.cli.replay_output import head, outcome, print_head, waiting
from flawless.cli.replay_stream import told_variables, write_all
from flawless.timetravel.model import Variable
from flawless.timetravel.stepping.debugger import Debugger
from flawless.timetravel.stepping.opening import open_debugger
from flawless.timetravel.whereabouts import NO_VARIABLES

if TYPE_CHECKING:
    from flawless.cli.recordings import Found
    from flawless.cli.replay import Line
    from flawless.timetravel.stepping.breakpoints import Breakpoint

HITS_MAX: Final = 20
"""Times a line is reached that people are shown."""
HITS_JSON_MAX: Final = 10_000
FRAMES_MAX: Final = 20


def show(found: Found, place: int | Line, *, as_json: bool) -> bool:
    """Show the place; tell whether it was reached, and code and journal fit."""
    with waiting("replaying"):
        debugger = open_debugger(found.recording)
    try:
        stops = _at_effect(debugger, place) if isinstance(place, int) else _at_line(debugger, place)
        first = next(stops, None)
        reached = () if first is None else itertools.chain((first,), stops)
        if as_json:
            write_all(_documents(found, debugger, reached))
        else:
            _print(found, debugger, reached)
        return first is not None and debugger.course.error is None
    finally:
        debugger.close()


def _at_effect(debugger: Debugger, position: int) -> Iterator[int]:
    debugger.go_to(position)
    return iter((0,))


def _at_line(debugger: Debugger, place: Line) -> Iterator[int]:
    """Set a breakpoint, and return what goes from one hit to the next, counting them."""
    point = debugger.breakpoints.at_line(place.file, place.line)

    def stops() -> Iterator[int]:
        hit = 0
        frame = debugger.frames[0] if debugger.frames else None
        if frame is None or (frame.file, frame.line) != (point.file, point.line):
            debugger.resume()
        while _stopped_at(debugger, point) or (not hit and _stands_at(debugger, point)):
            hit += 1
            yield hit
            debugger.resume()

    if point.remark:
        output.note(point.remark)
    return stops()


def _stopped_at(debugger: Debugger, point: Breakpoint) -> bool:
    """Whether that breakpoint has stopped it: where lines are not seen, at an effect."""
    return debugger.stop.reason == "breakpoint" or debugger.at in point.points


def _stands_at(debugger: Debugger, point: Breakpoint) -> bool:
    frame = debugger.frames[0] if debugger.frames else None
    return frame is not None and (frame.file, frame.line) == (point.file, point.line)


def _print(found: Found, debugger: Debugger, stops: Iterable[int]) -> None:
    print_head(found)
    view = View(debugger)
    shown = False
    for hit in stops:
        shown = True
        output.line("")
        if hit > HITS_MAX:
            output.line(f"only the first {HITS_MAX} times are shown: --json gives more")
            return
        if hit:
            output.line(f"time {hit}", style="bold")
        _print_stop(debugger, view)
    if shown and not debugger.has_lines:
        output.note(NO_VARIABLES)
    if not shown:
        output.line("")
        output.line("this line was not executed", style="yellow")


def _print_stop(debugger: Debugger, view: View) -> None:
    """Print where it stands, and the variables of each function of the user's."""
    view.place()
    for number, frame in enumerate(debugger.frames[:FRAMES_MAX]):
        if not frame.user:
            continue
        if number != debugger.frame:
            output.line("")
            view.say(f"  called from {frame.file}:{frame.line} in {frame.function}", "cyan")
        if debugger.has_lines:
            view.variables(debugger.variables(number))


def _documents(found: Found, debugger: Debugger, stops: Iterable[int]) -> Iterator[dict[str, Any]]:
    yield {"kind": "replay"} | head(found)
    cut = False
    for hit in stops:
        if hit > HITS_JSON_MAX:
            cut = True
            break
        yield _stop(debugger, hit)
    end: dict[str, Any] = {"kind": "end"} | outcome(debugger.course.end, debugger.course.error)
    yield end | ({"cut": True} if cut else {})


def _stop(debugger: Debugger, hit: int) -> dict[str, Any]:
    point = debugger.point
    document: dict[str, Any] = {"kind": "stop"} | ({"time": hit} if hit else {})
    if point is not None:
        document["effect"] = point.position
        document["label"] = debugger.labels.label(point)
        document["outcome"] = debugger.labels.outcome(point)
    document["elapsed_us"] = debugger.elapsed_us
    document["stack"] = [
        {
            "file": frame.file,
            "line": frame.line,
            "function": frame.function,
            "user": frame.user,
            "text": debugger.sources.line(frame.file, frame.line).strip(),
            "variables": told_variables(_variables(debugger, number)) if frame.user else [],
        }
        for number, frame in enumerate(debugger.frames[:FRAMES_MAX])
    ]
    return document


def _variables(debugger: Debugger, number: int) -> list[Variable]:
    return debugger.variables(number) if debugger.has_lines else []
