"""What `replay` says of a recording and of how its replay ended."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from flawless.cli import output
from flawless.core.entries import End
from flawless.errors import Divergence, FlawlessError
from flawless.timetravel.labels import ending
from flawless.timetravel.model import Frame

if TYPE_CHECKING:
    from flawless.cli.recordings import Found
    from flawless.timetravel.recording import Recording


def show(found: Found, *, as_json: bool) -> bool:
    """Replay without looking further; tell whether code and journal fit."""
    recording = found.recording
    began_s = time.perf_counter()
    end, divergence = None, None
    with waiting("replaying"):
        try:
            end = recording.replay().end
        except Divergence as error:
            divergence = error
    took_us = round((time.perf_counter() - began_s) * 1e6)
    if as_json:
        document = head(found) | {"took_us": took_us} | outcome(end, divergence)
        output.print_json(document)
        return divergence is None
    print_head(found)
    if divergence is None:
        count = len(recording.entries)
        output.line(
            f"replayed {count:,} entries on deployment {recording.deployment.id} in "
            f"{output.length(took_us)}"
        )
    print_outcome(recording, end, divergence)
    return divergence is None


@contextmanager
def waiting(text: str) -> Iterator[None]:
    """Show on terminals that something is under way."""
    console = output.console(stderr=True)
    if not console.is_terminal:
        yield
        return
    with console.status(f"{text} ..."):
        yield


def head(found: Found) -> dict[str, Any]:
    """Return what a recording is, for programs."""
    recording = found.recording
    return {
        "id": recording.execution,
        "workflow": recording.workflow,
        "deployment": recording.invoked.deployment
        if recording.journal_only
        else recording.deployment.id,
        "status": recording.status,
        "run": recording.run,
        "from": found.where,
        "entries": len(recording.entries),
    }


def print_head(found: Found) -> None:
    """Print what a recording is."""
    recording = found.recording
    output.line(
        f"{recording.execution}  {output.printable(recording.workflow)}  {recording.status}",
        style="bold",
    )
    output.line(f"from {output.printable(found.where)}", style="dim")


def outcome(end: End | None, error: FlawlessError | None) -> dict[str, Any]:
    """Return how a replay ended, for programs."""
    if isinstance(error, Divergence):
        told = {
            "position": error.position,
            "recorded": error.recorded,
            "requested": error.requested,
            "where": error.where,
            "message": str(error),
        }
        return {"outcome": "diverged", "divergence": told}
    if error is not None:
        broken = {"type": type(error).__name__, "message": str(error)}
        return {"outcome": "broken", "error": broken}
    if end is None:
        return {"outcome": "goes_on"}
    return {"outcome": "ended_as_recorded", "end": type(end).__name__.lower()}


def print_outcome(recording: Recording, end: End | None, error: FlawlessError | None) -> None:
    """Print how a replay ended."""
    if error is not None:
        word = "diverged" if isinstance(error, Divergence) else "broke"
        output.line(f"{word}: {output.printable(str(error))}", style="red")
    elif end is None:
        output.line(f"the journal ends here, and the execution goes on: {recording.status}")
    else:
        output.line(f"ended as recorded: {ending(end)}", style="green")


def place(frame: Frame) -> str:
    """Return a frame as people write it: `app.py:31 main`."""
    return f"{output.printable(frame.file)}:{frame.line} {output.printable(frame.function)}"
