"""`replay --trace`: the path of an execution, effect by effect or line by line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from flawless.cli import output, replay_lines, replay_stream
from flawless.cli.replay_output import place, print_head, print_outcome, waiting
from flawless.errors import UsageError
from flawless.timetravel.labels import Labels, shortened
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.replayer import Replayer
from flawless.timetravel.sources import Sources
from flawless.timetravel.whereabouts import NO_LINES, NO_VARIABLES

if TYPE_CHECKING:
    from flawless.cli.recordings import Found
    from flawless.timetravel.model import Frame, Point, Task, Variable
    from flawless.timetravel.recording import Recording

LABEL_CELLS_MAX: Final = 44
OUTCOME_CELLS_MAX: Final = 36
PLACE_CELLS_MAX: Final = 36
SOURCE_CELLS_MIN: Final = 24
TASKS_SHOWN: Final = 3


class Tracing:
    """A path and what is needed to show it."""

    def __init__(self, found: Found, path: ExecutionPath) -> None:
        self.found = found
        self.path = path
        self.recording: Recording = found.recording
        began_us = self.recording.invoked.began_us
        self.labels = Labels(self.recording.entries, began_us)
        self.sources = Sources(self.recording.deployment, lambda _file, _text: [])
        self.last_frames: list[Frame] = []
        """Where the error that ended the workflow came from."""
        self.last_variables: list[list[Variable]] = []
        if path.raised is not None:
            self.last_frames = path.raised.frames
            self.last_variables = path.raised.variables
            if path.traced and not self.last_variables:
                self.last_variables = self._post_mortem()

    def source(self, frame: Frame) -> str:
        """Return the text of a frame's line."""
        return self.sources.line(frame.file, frame.line).strip()

    def _post_mortem(self) -> list[list[Variable]]:
        """Return the variables where the error was raised, by frame."""
        with Replayer(self.recording, padding=self.path.padding) as replay:
            stop = replay.go()
            if stop.reason != "raised":
                return []
            return [
                replay.variables(number) if frame.user else []
                for number, frame in enumerate(stop.frames)
            ]


def show(found: Found, *, lines: bool, variables: bool, as_json: bool) -> bool:
    """Show the path; tell whether code and journal fit."""
    with waiting("replaying"):
        if not found.recording.deployment.is_python and (lines or variables):
            raise UsageError(NO_LINES if lines else NO_VARIABLES)
        path = trace(found.recording, lines=lines, variables=variables)
        if not path.traced and (lines or variables):
            raise UsageError(
                f"{found.recording.execution} ran on a component that is not Python: its lines and "
                "variables cannot be shown. --trace effects shows its effects"
            )
        tracing = Tracing(found, path)
    if as_json:
        replay_stream.write(tracing, lines=lines)
        return path.error is None
    print_head(found)
    output.line("")
    if lines:
        replay_lines.show(tracing)
    else:
        _print_effects(tracing, path.points)
    output.line("")
    _print_end(tracing)
    return path.error is None


def _print_effects(tracing: Tracing, points: list[Point]) -> None:
    """Print a table in columns; not one of rich's, which takes seconds for ten thousand rows."""
    if not points:
        output.line("no effects", style="dim")
        return
    rows = [row_of(tracing, point) for point in points]
    console = output.console()
    limits = (8, LABEL_CELLS_MAX, OUTCOME_CELLS_MAX, PLACE_CELLS_MAX)
    widths = [min(most, max(cell_len(row[n]) for row in rows)) for n, most in enumerate(limits)]
    room = max(SOURCE_CELLS_MIN, console.width - sum(widths) - 2 * len(widths))
    for point, row in zip(points, rows, strict=True):
        line = Text(row[0].rjust(widths[0]), style="dim")
        styles = ("", "green" if point.entry is not None else "yellow", "cyan")
        for text, width, style in zip(row[1:4], widths[1:], styles, strict=True):
            line.append("  ")
            line.append(_cut(text, width), style)
        line.append("  ")
        line.append(shortened(row[4], room))
        line.rstrip()
        console.print(line)
        for below in _variable_lines(point.frames, point.variables):
            console.print(Text(" " * (widths[0] + 4) + below, style="dim"))


def row_of(tracing: Tracing, point: Point) -> tuple[str, str, str, str, str]:
    """Return number, label, outcome, place and source text of an effect."""
    labels = tracing.labels
    frame = next((one for one in point.frames if one.user), None)
    where, text = (
        ("", told_tasks(point.tasks))
        if frame is None
        else (
            _short(place(frame)),
            tracing.source(frame),
        )
    )
    return str(point.position), labels.label(point), labels.outcome(point), where, text


def told_tasks(tasks: list[Task]) -> str:
    """Return where the tasks wait of which one has asked, in a few words."""
    told = []
    for task in tasks[:TASKS_SHOWN]:
        frame = next((one for one in task.frames if one.user), None)
        told.append(task.name if frame is None else f"{task.name} at {frame.file}:{frame.line}")
    more = f" and {len(tasks) - TASKS_SHOWN:,} more" if len(tasks) > TASKS_SHOWN else ""
    return f"waits: {', '.join(told)}{more}" if told else ""


def _variable_lines(frames: list[Frame], variables: list[list[Variable]]) -> list[str]:
    """Return the variables at an effect, one a line, below their function if there are several."""
    held = [(frame, some) for frame, some in zip(frames, variables, strict=False) if frame.user]
    found = []
    for frame, some in held:
        if len(held) > 1:
            found.append(f"in {place(frame)}")
        indent = "  " if len(held) > 1 else ""
        found += [f"{indent}{one.name} = {shortened(one.text, 200)}" for one in some]
    return found


def _print_end(tracing: Tracing) -> None:
    """Print how it ended; of a failure the lines that it came through, with variables."""
    path = tracing.path
    console = output.console()
    for number, frame in reversed(list(enumerate(tracing.last_frames))):
        console.print(Text(f"{place(frame)}  {tracing.source(frame)}", style="red"))
        if frame.user and number < len(tracing.last_variables):
            for one in tracing.last_variables[number]:
                console.print(Text(f"    {one.name} = {shortened(one.text, 200)}", style="dim"))
    print_outcome(tracing.recording, path.end, path.error)


def _short(shown: str) -> str:
    """Return a place that fits into its column, without the first folders of a long path."""
    while cell_len(shown) > PLACE_CELLS_MAX and "/" in shown:
        shown = shown.removeprefix("…/").partition("/")[2]
        shown = f"…/{shown}" if "/" in shown else shown
    return shown


def _cut(text: str, cells: int) -> str:
    text = shortened(text, 500)
    if cell_len(text) > cells:
        return set_cell_size(text, cells - 1) + "…"
    return set_cell_size(text, cells)
