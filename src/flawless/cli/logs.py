"""`logs`: what an execution logged and printed."""

from __future__ import annotations

import logging
from typing import Annotated

import typer
from rich.text import Text

from flawless import api
from flawless.cli import output
from flawless.cli.given import Execution
from flawless.cli.server import connect
from flawless.core.status import Status

FOLLOW_S = 0.5
"""How often new messages are asked for; the end of the execution is noticed at once."""


def logs(
    execution: Execution,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the execution ends.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object for each message.")
    ] = False,
) -> None:
    """Print what execution ID logged and printed, in order."""
    with connect() as client:
        tail = client.log_tail(execution)
        ended = not follow
        while True:
            for line in tail.read():
                _print(line, as_json=as_json)
            if ended:
                return
            # The end comes first and the last messages then, so that none is missed.
            ended = Status(client.outcome(execution, FOLLOW_S).status).final


def _print(line: api.LogLine, *, as_json: bool) -> None:
    if as_json:
        output.print_json(line, compact=True)
        return
    style = (
        "red" if line.level >= logging.ERROR else "yellow" if line.level >= logging.WARNING else ""
    )
    moment = line.at[:23].replace("T", " ")
    output.console().print(
        Text.assemble(
            (f"{moment}  ", "dim"),
            (f"{line.level_name:<8}", style),
            (f"{line.logger}  ", "dim"),
            output.printable(line.message),
        )
    )
