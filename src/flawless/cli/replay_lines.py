"""`replay --trace lines`: what was executed in order, with loops folded, and how often in all."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

from flawless.cli import output
from flawless.cli.folding import folded
from flawless.timetravel.labels import shortened

if TYPE_CHECKING:
    from flawless.cli.replay_traces import Tracing
    from flawless.timetravel.path import Line

ROWS_MAX: Final = 2_000
"""Lines and effects that are printed in order; `--json` gives all."""
DEPTH_MAX: Final = 4
"""Loops inside of loops that are folded."""
GAP_MAX: Final = 3
"""So many lines that were not executed are shown between two that were."""
TEXT_CHARS_MAX: Final = 120


def show(tracing: Tracing) -> None:
    """Print the lines in order with the effects between them, then each file with counts."""
    rows = _Rows(tracing)
    rows.print(0, len(rows.tokens), 0)
    if rows.left < 0:
        output.line(
            f"... only the first {ROWS_MAX:,} rows are shown: --json gives all, one on each line",
            style="yellow",
        )
    path = tracing.path
    if path.truncated:
        output.note("so many lines were executed that only the first are kept in order")
    output.line("")
    output.line(f"{path.line_count:,} lines were executed", style="bold")
    for file in path.files:
        _print_counts(tracing, file)


class _Rows:
    """Lines and effects in order, as numbers: the same one for the same line, or effect."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._console: Console = output.console()
        self.left = ROWS_MAX
        self.tokens = array("l")
        self._lines: dict[int, Line] = {}
        """By token, unless it is that of an effect."""
        self._known: dict[Line | str, int] = {}
        self._effects: dict[int, int] = {}
        """The number of the point by its place among the tokens."""
        self._function = ""
        self._read()

    def _read(self) -> None:
        path, labels = self._tracing.path, self._tracing.labels
        points = path.points
        point = 0
        for executed, line in enumerate(path.lines()):
            while point < len(points) and points[point].lines_before <= executed:
                self._add_effect(point, labels.label(points[point]))
                point += 1
            token = self._token(line)
            self._lines[token] = line
            self.tokens.append(token)
        for rest in range(point, len(points)):
            self._add_effect(rest, labels.label(points[rest]))

    def _token(self, line: Line | str) -> int:
        known = self._known.get(line)
        if known is None:
            known = self._known[line] = len(self._known)
        return known

    def _add_effect(self, number: int, label: str) -> None:
        self._effects[len(self.tokens)] = number
        self.tokens.append(self._token(label))

    def print(self, start: int, end: int, depth: int) -> None:
        """Print a part of the rows, what is repeated once."""
        for fold in folded(self.tokens, start, end):
            if self.left < 0:
                return
            if fold.times == 1 or depth >= DEPTH_MAX:
                for place in range(fold.start, fold.start + fold.length):
                    self._print_row(place, depth)
                continue
            self.print(fold.start, fold.start + fold.length, depth + 1)
            rows = "this row" if fold.length == 1 else f"these {fold.length} rows"
            text = f"{'  ' * depth}    ^ {rows} {fold.times - 1:,} times more"
            self._console.print(Text(text, style="yellow"))

    def _print_row(self, place: int, depth: int) -> None:
        self.left -= 1
        if self.left < 0:
            return
        indent = "  " * depth
        if (number := self._effects.get(place)) is not None:
            point, labels = self._tracing.path.points[number], self._tracing.labels
            told = f"{indent}      {point.position}  {labels.label(point)}  {labels.outcome(point)}"
            self._console.print(Text(shortened(told, TEXT_CHARS_MAX), style="green"))
            return
        line = self._lines[self.tokens[place]]
        function = f"{line.file} {line.function}"
        if function != self._function:
            self._function = function
            self._console.print(Text(f"{indent}{output.printable(function)}", style="cyan"))
        text = self._tracing.sources.line(line.file, line.line).expandtabs(4).rstrip()
        self._console.print(Text(f"{indent}{line.line:>6}  {output.printable(text)}"))


def _print_counts(tracing: Tracing, file: str) -> None:
    """Print the executed functions of a file, with how often each line was executed."""
    counts = tracing.path.counts(file)
    if not counts:
        return
    console = output.console()
    console.print(Text(f"\n{output.printable(file)}", style="cyan"))
    lines = tracing.sources.lines(file)
    width = max(len(f"{count:,}") for count in counts.values())
    before = 0
    for number in counts:
        if before and number - before > GAP_MAX + 1:
            console.print(Text("...".rjust(width + 8), style="dim"))
            before = number - 1
        for between in range((before or number - 1) + 1, number):
            _print_counted(console, "", between, lines, width)
        _print_counted(console, f"{counts[number]:,}", number, lines, width)
        before = number


def _print_counted(console: Console, count: str, number: int, lines: list[str], width: int) -> None:
    text = lines[number - 1].expandtabs(4).rstrip() if number <= len(lines) else ""
    row = Text(f"{count:>{width}} ", style="bold" if count else "dim")
    row.append(f" {number:>6}  {output.printable(text)}", "" if count else "dim")
    row.rstrip()
    console.print(row)
