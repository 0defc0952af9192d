"""`debug`: go forwards and backwards over what an execution did, at a prompt or from an editor."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flawless.cli import output
from flawless.cli.defaults import DATA
from flawless.cli.given import Data, Recorded
from flawless.cli.progress import ShownProgress
from flawless.cli.status import USAGE
from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless.timetravel.stepping.debugger import Debugger

# What replays stands on the engine: it is imported by those who need it.


def debug(
    execution: Recorded,
    at: Annotated[
        int | None, typer.Option("--at", metavar="N", help="Begin at effect N of the journal.")
    ] = None,
    dap: Annotated[
        bool, typer.Option("--dap", help="Speak the Debug Adapter Protocol on standard streams.")
    ] = False,
    dap_port: Annotated[
        int | None,
        typer.Option(
            "--dap-port",
            metavar="PORT",
            min=0,
            max=65535,
            help="Speak it with one editor, on a port of 127.0.0.1; 0: any that is free.",
        ),
    ] = None,
    source_root: Annotated[
        Path | None,
        typer.Option(
            "--source-root", metavar="DIR", help="Where an editor has the sources; else here."
        ),
    ] = None,
    data: Data = DATA,
) -> None:
    """Go forwards and backwards over what execution ID, or that of an exported FILE, did.

    It replays the journal: nothing is done and nothing is recorded. A failed execution opens at the
    line that failed, one that goes on at the place where it waits.
    """
    from flawless.cli.recordings import find_recording
    from flawless.timetravel.stepping.opening import open_debugger

    if dap and dap_port is not None:
        raise UsageError("--dap speaks on standard streams, --dap-port on a port: name one of them")
    with ShownProgress() as progress:
        found = find_recording(execution, data)
        found.recording.component(progress)
    debugger = open_debugger(found.recording)
    try:
        _open(debugger, at)
        if dap or dap_port is not None:
            _serve(debugger, dap_port, source_root)
        else:
            output.line(
                f"{found.recording.execution}  {output.printable(found.recording.workflow)}  "
                f"{found.recording.status}, from {output.printable(found.where)}",
                style="dim",
            )
            _prompt(debugger)
    finally:
        debugger.close()


def _open(debugger: Debugger, at: int | None) -> None:
    """Go to where somebody who opens an execution wants to begin."""
    if at is not None:
        debugger.go_to(at)
    elif debugger.recording.status != "completed":
        debugger.end()


def _prompt(debugger: Debugger) -> None:
    import sys

    from flawless.cli.debug_prompt import Prompt

    prompt = Prompt(debugger)
    prompt.run()
    if prompt.failed and not sys.stdin.isatty():
        raise typer.Exit(USAGE)


def _serve(debugger: Debugger, port: int | None, root: Path | None) -> None:
    from flawless.timetravel.dap.serving import serve_port, serve_streams

    roots = [root or Path.cwd()]
    if port is None:
        serve_streams(debugger, roots)
    else:
        serve_port(
            debugger, roots, port, lambda bound: output.note(f"listening on 127.0.0.1:{bound}")
        )
