"""`replay --patch`: what changed code would have done with what an execution saw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
from rich.text import Text

from flawless.cli import output
from flawless.cli.changed import changed_code
from flawless.cli.progress import ShownProgress
from flawless.cli.replay_output import head, place, print_head, waiting
from flawless.core.entries import End
from flawless.timetravel.labels import ending, shortened, value
from flawless.timetravel.whatif.answers import Answers, read_answers
from flawless.timetravel.whatif.differences import fields, readable, told_difference
from flawless.timetravel.whatif.patching import Asked, Diverged, WhatIf, what_if

if TYPE_CHECKING:
    from flawless.cli.recordings import Found
    from flawless.engine.deployment import Deployment
    from flawless.timetravel.code import Code
    from flawless.timetravel.model import Frame
    from flawless.timetravel.whatif.beyond import Beyond

BEYOND_SHOWN: Final = 50
DIFFERENCES_SHOWN: Final = 20
_STYLES: Final = {"refused": "yellow", "under way": "yellow", "answered": "green"}


def show(found: Found, patch: list[Path], file: Path | None, *, as_json: bool) -> bool:
    """Run changed code along the journal; tell whether it neither leaves it nor fails."""
    answers = Answers() if file is None else read_answers(file)
    recording = found.recording
    with ShownProgress() as progress:
        code = changed_code(patch, progress)
        if not recording.journal_only:
            _try_component(found, progress)
    with waiting("replaying"):
        told = what_if(recording, code, answers=answers)
    if as_json:
        output.print_json(_document(found, told, answers))
    else:
        _print(found, code, told)
        _print_unused(answers)
    return told.verdict not in ("diverges", "fails")


def _try_component(found: Found, progress: ShownProgress) -> None:
    """Compile the recorded code too, with the bar; without it the old lines are not told."""
    from flawless.errors import DeploymentInvalid

    try:
        found.recording.component(progress)
    except DeploymentInvalid as error:
        output.note(f"{error}. Where they part, only the changed line can be shown")


# --- for people -----------------------------------------------------------------------------------


def _print(found: Found, code: Code, told: WhatIf) -> None:
    print_head(found)
    modules = ", ".join(code.deployment.manifest.entry_modules)
    output.line(f"on changed code: {modules}", style="dim")
    output.line("")
    count = told.passed
    passed = f"{count - 1:,} of {len(told.recording.entries) - 1:,} recorded entries"
    if told.divergence is not None:
        _print_divergence(told, told.divergence)
        return
    if told.failure is not None:
        _print_failure(told, passed)
    else:
        whole = "takes the recorded path" if told.recorded_end else "takes the path so far"
        noun = "entry" if count == 1 else "entries"
        output.line(f"{whole}: {count:,} {noun}", style="green")
    _print_beyond(told)
    if told.failure is None:
        _print_ends(told)


def _print_divergence(told: WhatIf, at: Diverged) -> None:
    output.line(f"leaves the recorded path at entry {at.position}", style="bold red")
    recording = told.recording
    old = None if recording.journal_only else recording.deployment
    _print_asked("recorded", at.recorded, old)
    _print_asked("requested", at.requested, told.code.deployment)
    for one in at.differences[:DIFFERENCES_SHOWN]:
        output.line(f"  {output.printable(told_difference(one))}", style="yellow")
    if len(at.differences) > DIFFERENCES_SHOWN:
        output.note(f"{len(at.differences):,} differences in all: --json has them")
    if not at.differences and at.recorded.request and at.requested.request:
        for name, asked in (("recorded", at.recorded), ("requested", at.requested)):
            assert asked.request is not None
            text = output.short(readable(asked.request), 400)
            output.line(f"  {name} request {text}", style="dim")


def _print_asked(word: str, asked: Asked, deployment: Deployment | None) -> None:
    output.console().print(Text.assemble((f"{word:<10}", "bold"), output.printable(asked.what)))
    frames = [frame for frame in asked.frames if frame.user]
    for frame in frames:
        text = _source(deployment, frame)
        output.line(f"{'':10}{place(frame)}  {output.printable(text)}", style="cyan")
    if not frames:
        for task in asked.tasks[:5]:
            mine = next((frame for frame in task.frames if frame.user), None)
            if mine is not None:
                output.line(f"{'':10}{task.name} waits at {place(mine)}", style="cyan")
    if not frames and not asked.tasks and asked.request is None and deployment is None:
        output.line(f"{'':10}its code is not in the recording", style="dim")


def _print_failure(told: WhatIf, passed: str) -> None:
    failure = told.failure
    assert failure is not None
    output.line(f"fails after {passed}", style="bold red")
    for frame in reversed([frame for frame in failure.frames if frame.user]):
        text = _source(told.code.deployment, frame)
        output.line(f"  {place(frame)}  {output.printable(text)}", style="cyan")
    if failure.end is not None:
        output.line(f"  {ending(failure.end)}", style="red")
    else:
        output.line(f"  {output.printable(str(failure.error))}", style="red")
    if told.recorded_end is not None:
        output.line(f"  recorded: it {ending(told.recorded_end)}", style="dim")


def _print_beyond(told: WhatIf) -> None:
    if not told.beyond:
        return
    where = "where it ended" if told.recorded_end is not None else "where the journal ends"
    output.line(f"{where}, the changed code goes on; nothing of this was done:")
    for one in told.beyond[:BEYOND_SHOWN]:
        frame = next((frame for frame in one.frames if frame.user), None)
        at = "" if frame is None else f"  {place(frame)}"
        came = _came(one)
        line = Text.assemble(
            (f"  {one.number:>5}  ", "dim"),
            output.printable(one.what),
            (f"  {came}", _STYLES.get(one.came, "dim")),
            (at, "cyan"),
        )
        output.console().print(line)
    if len(told.beyond) > BEYOND_SHOWN:
        output.line(f"  ... {len(told.beyond):,} in all: --json has them", style="dim")
    if told.cut:
        output.line("it goes on like this, and was left here", style="yellow")
    elif told.refused:
        output.line(
            "refused is what it waits for and nothing answers: --answers FILE can", style="yellow"
        )


def _came(one: Beyond) -> str:
    if one.came == "answered":
        how = "error" if one.failed else "with"
        return f"answered {how} {value(one.payload)}"
    return one.came


def _print_ends(told: WhatIf) -> None:
    if told.end is None:
        if told.recorded_end is None and not told.beyond:
            output.line(
                f"the journal ends here, and the execution goes on: {told.recording.status}"
            )
        elif told.recorded_end is not None:
            output.line(f"recorded: it {ending(told.recorded_end)}", style="dim")
        return
    if told.verdict == "fits" and told.recorded_end is not None:
        output.line(f"ends as recorded: {ending(told.end)}", style="green")
        return
    if told.recorded_end is not None:
        output.line(f"recorded: it {ending(told.recorded_end)}", style="dim")
    output.line(f"changed:  it {ending(told.end)}", style="bold green")


def _print_unused(answers: Answers) -> None:
    for one in answers.unused:
        output.note(
            f"{one.where}: nothing asked for {shortened(str(one.effect))!r}", style="yellow"
        )


def _source(deployment: Deployment | None, frame: Frame) -> str:
    """Return the text of a line in a deployment."""
    for module in () if deployment is None else deployment.manifest.modules:
        if module.file == frame.file:
            lines = module.source.split("\n")
            return lines[frame.line - 1].strip() if 0 < frame.line <= len(lines) else ""
    return ""


# --- for programs ---------------------------------------------------------------------------------


def _document(found: Found, told: WhatIf, answers: Answers) -> dict[str, Any]:
    document = head(found) | {
        "patched": told.code.deployment.id,
        "outcome": told.verdict.replace(" ", "_"),
        "passed": told.passed,
        "recorded_end": _end(told.recorded_end),
        "end": _end(told.end),
    }
    if (at := told.divergence) is not None:
        recording = told.recording
        old = None if recording.journal_only else recording.deployment
        document["divergence"] = {
            "position": at.position,
            "recorded": _asked(at.recorded, old),
            "requested": _asked(at.requested, told.code.deployment),
            "differences": [
                {"path": one.path}
                | ({"recorded": one.old} if one.in_old else {})
                | ({"requested": one.new} if one.in_new else {})
                for one in at.differences
            ],
        }
    if (failure := told.failure) is not None:
        error = None
        if failure.error is not None:
            error = {"type": type(failure.error).__name__, "message": str(failure.error)}
        document["failure"] = {
            "position": failure.position,
            "error": error or (_end(failure.end) or {}).get("error"),
            "stack": _stack(failure.frames, told.code.deployment),
        }
    document["beyond"] = [_beyond(one, told.code.deployment) for one in told.beyond]
    document["cut"] = told.cut
    document["unused_answers"] = [one.effect for one in answers.unused]
    return document


def _asked(asked: Asked, deployment: Deployment | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "what": asked.what,
        "stack": _stack(asked.frames, deployment),
        "tasks": [
            {"name": one.name, "stack": _stack(one.frames, deployment)} for one in asked.tasks
        ],
    }
    if asked.request is not None:
        document |= {"request": readable(asked.request), "raw": fields(asked.request)}
    return document


def _stack(frames: list[Frame], deployment: Deployment | None) -> list[dict[str, Any]]:
    return [msgspec.to_builtins(frame) | {"text": _source(deployment, frame)} for frame in frames]


def _beyond(one: Beyond, deployment: Deployment) -> dict[str, Any]:
    document: dict[str, Any] = {
        "number": one.number,
        "what": one.what,
        "came": one.came.replace(" ", "_"),
        "stack": _stack(one.frames, deployment),
    }
    if one.payload:
        document["error" if one.failed else "value"] = _plain(one.payload)
    return document


def _end(end: End | None) -> dict[str, Any] | None:
    if end is None:
        return None
    kind = type(end).__name__.lower()
    name = {"completed": "result", "continued": "input"}.get(kind, "error")
    return {"kind": kind, name: _plain(end.payload)}


def _plain(payload: bytes) -> Any:
    from flawless import codec

    return codec.plain(codec.read(payload, path="value"))
