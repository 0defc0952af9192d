"""`deploy` and `deployments`: code for a running server, and what it has."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from flawless import api
from flawless.cli import output
from flawless.cli.changed import component_bytes
from flawless.cli.given import AsJson
from flawless.cli.sources import gather
from flawless.client import Client
from flawless.engine.given import is_component

SHOWN_MAX = 20
"""Deployments that people are shown, unless they ask for more."""
WORKFLOWS_SHOWN_MAX = 4


def deploy(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Files (app.py) or packages, components (shop.wasm), and folders of Rust crates, "
            "which are built first.",
        ),
    ],
    label: Annotated[
        str, typer.Option(metavar="TEXT", help="A name for people, such as a version.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Send code to the running server, which runs new executions on it from then on.

    What FILE imports from beside it is sent too: single files, and packages whole. All else has to
    be installed where the server runs. Executions that have begun stay on the code they began with;
    steps are the new ones for all. Each component is a deployment of its own, sent after the
    modules, whose steps it may want.
    """
    components = [path for path in files if is_component(path)]
    modules = [path for path in files if path not in components]
    sources = gather(modules)
    contents = [component_bytes(path) for path in components]
    made: list[api.Deployed] = []
    with Client() as client:
        if modules:
            made.append(client.deploy(sources.files, sources.modules, label))
        made += [client.deploy_component(content, label) for content in contents]
    if as_json:
        output.print_json(made[0] if len(made) == 1 else made)
        return
    for one in made:
        _print(one)


def _print(made: api.Deployed) -> None:
    verb = "deployed" if made.new else "known already, and serves:"
    label = output.printable(made.label)
    output.console().print(Text.assemble(f"{verb} ", (label, "bold"), f" as {made.id}"))
    if made.files:
        output.line(f"sent {', '.join(made.files)}", style="dim")
    for name in made.current_workflows:
        output.line(f"  {name}", style="cyan")


def deployments(
    limit: Annotated[
        int, typer.Option(min=1, help="How many at most, the newest first.")
    ] = SHOWN_MAX,
    as_json: AsJson = False,
) -> None:
    """List the deployments of the running server: versions of code, the newest first.

    Those marked `current` run new executions.
    """
    found: list[api.Deployment] = []
    more = False
    with Client() as client:
        for deployment in client.deployments():
            if len(found) == limit:
                more = True
                break
            found.append(deployment)
    if as_json:
        output.print_json({"deployments": found})
        return
    output.table(("deployment", "label", "created", "", "workflows"), [_row(one) for one in found])
    if more:
        output.note("there are more: --limit N shows more of them")


def _row(one: api.Deployment) -> tuple[str | Text, ...]:
    marks = [mark for mark, given in (("current", one.current), ("upload", one.uploaded)) if given]
    names = one.workflows[:WORKFLOWS_SHOWN_MAX]
    more = len(one.workflows) - len(names)
    return (
        one.id,
        output.printable(one.label).replace("\n", " "),
        one.created_at[:19].replace("T", " "),
        Text(" ".join(marks), style="green" if one.current else "dim"),
        ", ".join(names) + (f" and {more} more" if more else ""),
    )
