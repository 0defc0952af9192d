"""`send`, `messages` and `state`: talk to an execution, and see what it shows of itself."""

from __future__ import annotations

import itertools
from typing import Annotated, Any, Final

import msgspec
import typer

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson, Execution, read_json
from flawless.cli.server import connect
from flawless.engine.clock import SystemClock
from flawless.ids import is_earlier_run, latest_run

MESSAGES_MAX: Final = 100
"""Messages that people are shown."""


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


def messages(execution: Execution, as_json: AsJson = False) -> None:
    """List the messages that wait until execution ID receives them."""
    with connect() as client:
        waiting = iter(client.messages(execution))
        shown = list(itertools.islice(waiting, MESSAGES_MAX + 1))  # or the error, if there is one
        if as_json:
            everything = map(_builtin, itertools.chain(shown, waiting))
            output.print_json_with({"execution": execution}, "messages", everything)
            return
    if not shown:
        output.note(f"no message waits for {execution}")
        return
    now_us = SystemClock().now_us()
    output.table(
        ("number", "name", "payload", "since"),
        [
            (
                str(one.number),
                output.printable(one.name),
                output.short(one.payload),
                f"{output.length(max(0, now_us - api.microseconds(one.at)))} ago",
            )
            for one in shown[:MESSAGES_MAX]
        ],
    )
    if len(shown) > MESSAGES_MAX:
        output.note(f"there are more than {MESSAGES_MAX}; --json has each")


def _builtin(message: api.Message) -> Any:
    return msgspec.to_builtins(message)


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
