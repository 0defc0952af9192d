"""`replay`: run an execution again along its journal, to see that it comes to the same end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from flawless import codec
from flawless.cli import output
from flawless.cli.defaults import DATA
from flawless.cli.given import AsJson, Data, Recorded
from flawless.cli.progress import ShownProgress
from flawless.cli.status import FAILED
from flawless.core.entries import Completed, Continued, End
from flawless.engine.endings import full_type
from flawless.errors import Divergence

if TYPE_CHECKING:
    from flawless.cli.recordings import Found
    from flawless.engine.replay import Replayed


def replay(execution: Recorded, data: Data = DATA, as_json: AsJson = False) -> None:
    """Run execution ID, or that of an exported FILE, again along its journal.

    Nothing is done and nothing is recorded: requests and steps are answered from the journal. It
    works for executions that have ended and for those that go on. Exit status 1: the code leaves
    the recorded path.
    """
    from flawless.cli.recordings import find_recording

    found = find_recording(execution, data)
    shown = _replayed(found)
    if as_json:
        output.print_json(_document(found, shown))
    else:
        _print(found, shown)
    if shown.divergence is not None:
        raise typer.Exit(FAILED)


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What a replay has shown, or how it left the path."""

    took_us: int
    replayed: Replayed | None
    divergence: Divergence | None


def _replayed(found: Found) -> _Outcome:
    with ShownProgress() as progress:
        found.recording.component(progress)
    began_s = time.perf_counter()
    replayed, divergence = None, None
    try:
        replayed = found.recording.replay()
    except Divergence as error:
        divergence = error
    return _Outcome(round((time.perf_counter() - began_s) * 1e6), replayed, divergence)


def _print(found: Found, shown: _Outcome) -> None:
    recording = found.recording
    output.line(
        f"{recording.execution}  {output.printable(recording.workflow)}  {recording.status}",
        style="bold",
    )
    output.line(f"from {output.printable(found.where)}", style="dim")
    count = len(recording.entries)
    if shown.divergence is not None:
        output.line(f"diverged: {output.printable(str(shown.divergence))}", style="red")
        return
    assert shown.replayed is not None
    output.line(
        f"replayed {count:,} entries on deployment {recording.deployment.id} in "
        f"{output.length(shown.took_us)}"
    )
    if shown.replayed.end is None:
        output.line(f"the journal ends here, and the execution goes on: {recording.status}")
    else:
        output.line(f"ended as recorded: {_ending(shown.replayed.end)}", style="green")


def _ending(end: End) -> str:
    if isinstance(end, Completed):
        return f"returned {output.short(codec.plain(codec.read(end.payload, path='result')))}"
    if isinstance(end, Continued):
        return "went on as the next run"
    error = codec.read(end.payload, path="error")
    what = output.printable(f"{full_type(error)}: {error.get('message', '')}")
    return f"{type(end).__name__.lower()} with {what}"


def _document(found: Found, shown: _Outcome) -> dict[str, Any]:
    recording = found.recording
    document: dict[str, Any] = {
        "id": recording.execution,
        "workflow": recording.workflow,
        "deployment": recording.deployment.id,
        "status": recording.status,
        "run": recording.run,
        "from": found.where,
        "entries": len(recording.entries),
        "took_us": shown.took_us,
    }
    if (divergence := shown.divergence) is not None:
        return document | {"outcome": "diverged", "divergence": _divergence(divergence)}
    assert shown.replayed is not None
    end = shown.replayed.end
    if end is None:
        return document | {"outcome": "goes_on"}
    return document | {"outcome": "ended_as_recorded", "end": type(end).__name__.lower()}


def _divergence(error: Divergence) -> dict[str, Any]:
    return {
        "position": error.position,
        "recorded": error.recorded,
        "requested": error.requested,
        "where": error.where,
        "message": str(error),
    }
