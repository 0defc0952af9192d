"""`fork`: a new execution that shares the beginning of another one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from flawless.cli import output
from flawless.cli.changed import component_among, component_bytes
from flawless.cli.given import AsJson, Execution
from flawless.cli.server import connect
from flawless.cli.sources import gather
from flawless.errors import Divergence, UsageError


def fork(
    execution: Execution,
    at: Annotated[
        int,
        typer.Option(
            metavar="N", help="It shares the entries before N, as `flawless show` numbers them."
        ),
    ],
    patch: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Run it on this code; give it once for each file."),
    ] = None,
    deployment: Annotated[
        str | None,
        typer.Option(
            metavar="ID", help="Run it on this deployment; latest: on what new executions run on."
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option("--id", help="The new execution's id; asked again it is the same fork."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Start an execution that shares the first entries of execution ID, and print its id.

    From entry N on it lives on its own: what was under way there is treated as after a crash,
    messages that had not been received are not its own, and children whose ends it does not share
    are started anew. ID stays as it is.

    With --patch, or --deployment, it runs on other code, which has to ask for the same up to entry
    N; else nothing is created, and the difference is told. Patched code is sent to the server and
    kept for this. It does not serve: new executions, and all steps, also those of the fork, are as
    they were. `flawless deploy` changes steps.
    """
    if patch and deployment is not None:
        raise UsageError("--patch and --deployment exclude each other")
    component = component_among(patch or ())
    wasm = None if component is None else component_bytes(component)
    sources = gather(patch) if patch and component is None else None
    label = f"patch for {execution}"[:200]
    with connect() as client:
        if wasm is not None:
            deployment = client.deploy_component(wasm, label, serve=False).id
        elif sources is not None:
            deployment = client.deploy(sources.files, sources.modules, label, serve=False).id
        try:
            made = client.fork(execution, at, id=id_, deployment=deployment)
        except Divergence as error:  # nobody's execution has failed
            raise UsageError(f"nothing was created: {error}{_shown_by(execution, patch)}") from None
    if as_json:
        output.print_json(made)
        return
    if not made.new:
        output.note(f"{made.id} existed already; it is {made.status}")
    output.line(made.id)


def _shown_by(execution: str, patch: list[Path] | None) -> str:
    """Return how to see both lines and what is different in the requests."""
    if not patch:
        return ""
    files = " ".join(f"--patch {shlex.quote(str(file))}" for file in patch)
    return f". `flawless replay {shlex.quote(execution)} {files}` shows the difference"
