"""`replay`: run an execution again along its journal, to see what it did, and what it would do."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawless.cli.defaults import DATA
from flawless.cli.given import AsJson, Data, Recorded
from flawless.cli.progress import ShownProgress
from flawless.cli.status import FAILED
from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless.cli.recordings import Found

# What replays stands on the engine: it is imported by those who need it.


class Trace(enum.StrEnum):
    """How much of the path is shown."""

    EFFECTS = "effects"
    LINES = "lines"


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file, as somebody names it."""

    file: str
    line: int


def replay(
    execution: Recorded,
    trace: Annotated[
        Trace | None,
        typer.Option(help="Show each effect with its line of code, or each executed line as well."),
    ] = None,
    variables: Annotated[
        bool, typer.Option("--vars", help="Show the local variables at each effect.")
    ] = False,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="N|FILE:LINE",
            help="Show stack and variables at effect N, or each time a line is reached.",
        ),
    ] = None,
    patch: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Run changed code along the journal: what if?"),
    ] = None,
    answers: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Answers to what changed code does beyond the journal."),
    ] = None,
    data: Data = DATA,
    as_json: AsJson = False,
) -> None:
    """Run execution ID, or that of an exported FILE, again along its journal.

    Nothing is done and nothing is recorded: requests and steps are answered from the journal. It
    works for executions that have ended and for those that go on. Exit status 1: the code leaves
    the recorded path, or fails where it did not, or never reaches the line of --at.
    """
    from flawless.cli import replay_output, replay_patch, replay_places, replay_traces
    from flawless.cli.recordings import find_recording

    _check_together(trace, at, patch, answers, variables=variables)
    place = None if at is None else _place(at)
    found = find_recording(execution, data)
    if patch is not None:
        fits = replay_patch.show(found, patch, answers, as_json=as_json)
    else:
        _compile(found)
        if place is not None:
            fits = replay_places.show(found, place, as_json=as_json)
        elif trace is not None or variables:
            lines = trace is Trace.LINES
            fits = replay_traces.show(found, lines=lines, variables=variables, as_json=as_json)
        else:
            fits = replay_output.show(found, as_json=as_json)
    if not fits:
        raise typer.Exit(FAILED)


def _check_together(
    trace: Trace | None,
    at: str | None,
    patch: list[Path] | None,
    answers: Path | None,
    *,
    variables: bool,
) -> None:
    if answers is not None and patch is None:
        raise UsageError("--answers is for changed code: name it with --patch")
    if at is not None and trace is not None:
        raise UsageError("--at shows one place, --trace all: name one of them")
    if patch is not None and (trace is not None or at is not None or variables):
        raise UsageError(
            "--patch tells where the changed code leaves the path, with its line: leave out "
            "--trace, --vars and --at"
        )


def _place(text: str) -> int | Line:
    if text.isdecimal():
        return int(text)
    match = re.fullmatch(r"(.+):(\d+)", text)
    if match is None:
        raise UsageError(f"--at {text}: write the number of an effect (12), or a line (app.py:31)")
    return Line(match[1], int(match[2]))


def _compile(found: Found) -> None:
    with ShownProgress() as progress:
        found.recording.component(progress)
