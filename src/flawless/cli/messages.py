"""`send` and `state`: talk to an execution, and see what it shows of itself."""

from __future__ import annotations

from typing import Annotated

import typer

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson, Execution, read_json
from flawless.cli.server import connect
from flawless.ids import is_earlier_run, latest_run


def send(
    execution: Execution,
    name: Annotated[str, typer.Argument(metavar="NAME", help="As the workflow receives it.")],
    payload_json: Annotated[
        str | None,
        typer.Argument(metavar="JSON", help="The payload; null without, -: standard input."),
    ] = None,
    message_id: Annotated[
        str | None,
        typer.Option("--id", metavar="MSGID", help="Sent again with it, it still counts once."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Send a message to execution ID, which receives it once. It waits there until then."""
    payload = read_json(payload_json, "the payload")
    with connect() as client:
        new = client.send(execution, name, payload, message_id=message_id)
    if as_json:
        output.print_json(api.SentMessage(execution, name, new))
    elif new:
        output.note(f"sent {name} to {execution}")
    else:
        output.note(f"a message with the id {message_id} was sent before; nothing was done")


def state(execution: Execution, as_json: AsJson = False) -> None:
    """Print what execution ID published last, as JSON."""
    with connect() as client:
        found = client.state(execution)
    if as_json:
        output.print_json(found)
        return
    output.print_json(found.value)
    if is_earlier_run(execution):
        output.note(f"the state belongs to the execution: flawless state {latest_run(execution)}")
    elif found.version is None:
        output.note(f"{execution} has published nothing yet")
