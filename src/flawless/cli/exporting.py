"""`export` and `import`: executions as files, to be replayed on other machines."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flawless.cli import output
from flawless.cli.defaults import DATA
from flawless.cli.given import AsJson, Data, Execution
from flawless.cli.server import connect
from flawless.engine.clock import SystemClock
from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless.timetravel import Export

# What reads and writes these files stands on the engine: it is imported by those who need it.


def export(
    execution: Execution,
    file: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where to; else ID.flawless here, : as _."
        ),
    ] = None,
    no_component: Annotated[
        bool,
        typer.Option(
            "--no-component",
            help="A small file, for machines that have run the same deployment.",
        ),
    ] = False,
    journal_only: Annotated[
        bool,
        typer.Option("--journal-only", help="Without any code; to be replayed with --patch."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write execution ID to a file: its journal, and the code that it runs on.

    `flawless replay FILE` replays it on any machine, without the server. The file holds what the
    workflow was given and saw, but no secrets: treat it as you treat that data.
    """
    from flawless.timetravel import export_bytes, open_export
    from flawless.timetravel.files.export_format import file_name

    with connect() as client:
        content = client.export(execution, component=not (no_component or journal_only))
    found = open_export(content)
    if journal_only:
        content = export_bytes(found.recording, now_us=SystemClock().now_us(), contents="journal")
        found = open_export(content)
    path = Path(file_name(execution)) if file is None else file
    _write(path, content)
    if as_json:
        output.print_json(_told(found, path))
        return
    output.line(f"{path}  {output.size(len(content))}", style="bold")
    _print(found)
    command = f"flawless replay {shlex.quote(str(path))}"
    if found.recording.journal_only:
        output.note(f"{command} --patch app.py replays it on code of yours")
    elif found.recording.wasm:
        output.note(f"{command} replays it, on any machine")
    else:
        output.note(f"{command} replays it where the same deployment has run")


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `flawless export` wrote.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="In place of another recording of the execution.")
    ] = False,
    data: Data = DATA,
    as_json: AsJson = False,
) -> None:
    """Check FILE and keep it in the data folder, where other commands find it by its ID.

    Nothing is run, and no server gets to know of it: the execution stays where it is.
    """
    from flawless.cli.data import make_folder
    from flawless.timetravel import Imports, open_export
    from flawless.timetravel.files.importing import read_file

    content = read_file(file)
    found = open_export(content, name=str(file))
    execution = found.recording.execution
    path, new = Imports(make_folder(data)).add(execution, content, replace=replace)
    if as_json:
        output.print_json(_told(found, path) | {"new": new})
        return
    output.line(f"{execution} {'imported' if new else 'was imported before'}", style="bold")
    _print(found)
    where = "" if data == DATA else f" --data {shlex.quote(str(data))}"
    name = shlex.quote(execution)
    if found.recording.journal_only:
        output.note(f"flawless replay {name}{where} --patch app.py replays it on code of yours")
    else:
        output.note(
            f"flawless replay {name}{where} replays it, flawless debug {name}{where} debugs"
        )


def _print(found: Export) -> None:
    """Print what a file holds, for people."""
    recording, about = found.recording, found.about
    lines = [
        f"{recording.workflow}  {recording.status}, {len(recording.entries):,} entries",
        f"deployment {_modules(found)}",
    ]
    if about is not None:
        lines += [f"exported {about.exported_at} by {about.made_by}", f"seal {about.seal}"]
    for line in lines:
        output.line(output.printable(line), style="dim")


def _modules(found: Export) -> str:
    """Return the deployment and its modules in words."""
    recording = found.recording
    if recording.journal_only:
        return f"{recording.invoked.deployment}, which is not in the file"
    deployment = recording.deployment
    names = ", ".join(module.name for module in deployment.manifest.modules if module.user)
    component = "" if recording.wasm else "; its component is not in the file"
    return f"{deployment.id} ({names}){component}"


def _told(found: Export, path: Path) -> dict[str, Any]:
    """Return what a file holds, for programs."""
    recording, about = found.recording, found.about
    return {
        "id": recording.execution,
        "workflow": recording.workflow,
        "status": recording.status,
        "run": recording.run,
        "entries": len(recording.entries),
        "deployment": recording.invoked.deployment if about is None else about.deployment,
        "journal_only": recording.journal_only,
        "component": bool(recording.wasm),
        "exported_at": None if about is None else about.exported_at,
        "seal": None if about is None else about.seal,
        "file": str(path),
    }


def _write(path: Path, content: bytes) -> None:
    from flawless.timetravel.files.writing import write_whole

    try:
        write_whole(path, content)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
