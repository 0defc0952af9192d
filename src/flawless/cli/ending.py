"""`cancel` and `terminate`: end an execution before its time."""

from __future__ import annotations

from typing import Annotated

import typer

from flawless.cli import output
from flawless.cli.given import AsJson, By, Execution, Reason, who
from flawless.cli.server import connect


def cancel(
    execution: Execution,
    reason: Reason = "",
    grace: Annotated[
        str | None,
        typer.Option(metavar="S", help="How long it may clean up, as 30 or 5m; else unbounded."),
    ] = None,
    message_id: Annotated[
        str | None,
        typer.Option("--id", metavar="MSGID", help="Asked again with it, it still counts once."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Ask execution ID to end: its workflow is told where it waits, and may clean up.

    A second time ends it for good.
    """
    grace_s = output.parse_seconds(grace, "--grace")
    with connect() as client:
        found = client.cancel(execution, reason, grace_s=grace_s, by=who(by), message_id=message_id)
    if as_json:
        output.print_json(found)
    else:
        output.note(f"{execution} is told to end; flawless result {execution} waits for that")


def terminate(
    execution: Execution, reason: Reason = "", by: By = None, as_json: AsJson = False
) -> None:
    """End execution ID at once, without cleaning up."""
    with connect() as client:
        found = client.terminate(execution, reason, by=who(by))
    if as_json:
        output.print_json(found)
    else:
        output.note(f"{execution} ends now")
