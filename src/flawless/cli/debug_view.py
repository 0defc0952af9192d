"""What the debugger's prompt shows: where it stands, the source around, stacks, values, effects."""

from __future__ import annotations

from typing import Final

from rich.text import Text

from flawless.cli.output import console, length, printable
from flawless.timetravel.labels import shortened
from flawless.timetravel.model import Frame, Variable
from flawless.timetravel.stepping.debugger import Debugger

LINES_AROUND: Final = 4
EFFECTS_AROUND: Final = 5
VALUE_CHARS_MAX: Final = 200
PARTS_MAX: Final = 20
"""Parts of a value that are shown below it."""


class View:
    """Prints what a debugger knows about where it stands."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._console = console()

    def say(self, text: str, style: str = "") -> None:
        """Print a line of text, whatever is in it."""
        self._console.print(Text(printable(text), style=style))

    def problem(self, text: str) -> None:
        """Print why a command could not be carried out."""
        self.say(text, "red")

    def place(self) -> tuple[str, int] | None:
        """Print where the debugger stands: the effect, the note, the source; see `frame`."""
        debugger = self._debugger
        self.say(self._headline(), "bold")
        if debugger.note:
            self.say(f"  {debugger.note}", "yellow")
        return self.frame() if debugger.frames else None

    def frame(self) -> tuple[str, int]:
        """Print the chosen frame and the source around its line; return how far that goes."""
        debugger = self._debugger
        frame = debugger.frames[debugger.frame]
        thread = debugger.thread
        waits = f"  ({thread.name} waits here)" if thread is not None and not thread.runs else ""
        self.say(f"  {where(frame)}{waits}", "cyan")
        return frame.file, self.source(frame.file, frame.line, frame.line)

    def source(self, file: str, middle: int, current: int | None = None) -> int:
        """Print the lines of a file around one of them; return the last line's number."""
        sources = self._debugger.sources
        if sources.text(file) is None:
            self.say(f"  the deployment has no source of {file}", "dim")
            return middle
        lines = sources.lines(file)
        stops = {one.line for one in self._debugger.breakpoints if one.file == file}
        first = max(1, middle - LINES_AROUND)
        last = min(len(lines), middle + LINES_AROUND)
        for number in range(first, last + 1):
            here = number == current
            sign = ("->" if here else "  ") + ("*" if number in stops else " ")
            text = f"{sign} {number:>4}  {lines[number - 1].expandtabs(4)}"
            self.say(text.rstrip(), "bold" if here else "dim")
        return last

    def stack(self) -> None:
        """Print the stack of the chosen thread, innermost frame first."""
        debugger = self._debugger
        if not debugger.frames:
            self.say("no code runs here", "dim")
        for number, frame in enumerate(debugger.frames):
            here = number == debugger.frame
            text = debugger.sources.line(frame.file, frame.line).strip()
            style = "bold" if here else ("" if frame.user else "dim")
            self.say(f"{'->' if here else '  '} {number:>2}  {where(frame)}  {text}", style)

    def threads(self) -> None:
        """Print the tasks of the workflow and where they stand."""
        debugger = self._debugger
        if not debugger.threads:
            self.say("no code runs here", "dim")
        for number, thread in enumerate(debugger.threads):
            here = thread is debugger.thread
            place = next((where(one) for one in thread.frames if one.user), "not in your code")
            state = "runs" if thread.runs else "waits"
            style = "bold" if here else ""
            self.say(
                f"{'->' if here else '  '} {number:>2}  {thread.name}  {state}  {place}", style
            )

    def variables(self, variables: list[Variable]) -> None:
        """Print variables, one a line."""
        if not variables:
            self.say("no variables", "dim")
        for one in variables:
            self.say(f"{one.name} = {_value(one)}")

    def value(self, variable: Variable) -> None:
        """Print a value, and below it what it holds."""
        self.say(_value(variable))
        for one in variable.children[:PARTS_MAX]:
            self.say(f"  {one.name}: {_value(one)}", "dim")
        if variable.children and variable.size > PARTS_MAX:
            self.say(f"  ... {variable.size:,} in all", "dim")

    def effects(self, middle: int | None = None) -> None:
        """Print the effects around a point; around where the debugger stands if not told."""
        debugger = self._debugger
        points = debugger.course.points
        here = debugger.at
        around = middle if middle is not None else (debugger.passed if here is None else here)
        first = max(0, min(around, len(points) - 1) - EFFECTS_AROUND)
        if not points:
            self.say("this execution has no effects", "dim")
        for point in points[first : first + 2 * EFFECTS_AROUND + 1]:
            sign = "->" if point.number == here else "  "
            done = point.number < debugger.passed
            at = "" if point.entry is None else f"+{length(max(0, point.entry.at))}"
            label, outcome = debugger.labels.label(point), debugger.labels.outcome(point)
            self.say(
                f"{sign} {point.position:>5}  {at:>9}  {label}  {outcome}",
                "bold" if point.number == here else ("" if done else "dim"),
            )

    def _headline(self) -> str:
        debugger = self._debugger
        point = debugger.point
        time = f"+{length(max(0, debugger.elapsed_us))}"
        if point is not None:
            label, outcome = debugger.labels.label(point), debugger.labels.outcome(point)
            return f"effect {point.position}  {label}  -> {outcome}  {time}"
        points = debugger.course.points
        last = points[-1].position if points else 0
        if debugger.ended:
            return f"the end  {time}"
        if not debugger.passed:
            return f"before the first effect of {last}  {time}"
        return f"after effect {points[debugger.passed - 1].position} of {last}  {time}"


def where(frame: Frame) -> str:
    """Return a frame as people write it."""
    return f"{frame.file}:{frame.line} in {frame.function}"


def _value(variable: Variable) -> str:
    return shortened(variable.text, VALUE_CHARS_MAX)
