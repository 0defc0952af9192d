"""`start` and `result`: begin executions and wait for what comes of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, TypeVar

import typer
from msgspec import UNSET

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson, Attributes, Execution, read_attributes, read_json
from flawless.cli.moments import parse_moment
from flawless.cli.server import connect
from flawless.cli.status import FAILED
from flawless.client import value
from flawless.core.status import Status
from flawless.errors import ExecutionCancelled, ExecutionFailed, UsageError

T = TypeVar("T")


def start(
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="Name, as `flawless workflows` lists it.")
    ],
    input_json: Annotated[
        str | None,
        typer.Argument(
            metavar="JSON",
            help="An object: keyword arguments, an array: positional ones, -: standard input.",
        ),
    ] = None,
    id_: Annotated[
        str | None,
        typer.Option(
            "--id", help="The execution's id; starting again with it gives the same execution."
        ),
    ] = None,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for its response, or its result, and print that as JSON."
        ),
    ] = False,
    deadline: Annotated[
        str | None,
        typer.Option(metavar="S", help="Cancel it when it has not ended by then: 90, 1h30m, 30d."),
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            metavar="TIME", help="Let it begin then: 2026-01-31T12:00, your time unless it says."
        ),
    ] = None,
    delay: Annotated[
        str | None, typer.Option(metavar="S", help="Let it begin after 90, 1h30m, 30d.")
    ] = None,
    attribute: Attributes = None,
    as_json: AsJson = False,
) -> None:
    """Start an execution of WORKFLOW and print its id."""
    arguments = read_json(input_json, "the input")
    if at is not None and delay is not None:
        raise UsageError("--at and --delay exclude each other")
    start_at = parse_moment(at, "--at")
    delay_s = output.parse_seconds(delay, "--delay")
    deadline_s = output.parse_seconds(deadline, "--deadline")
    attributes = read_attributes(attribute)
    with connect() as client:
        started = client.start(
            workflow,
            arguments,
            id=id_,
            deadline_s=deadline_s,
            attributes=attributes or None,
            start_at=start_at,
            delay_s=delay_s,
        )
        if not started.new:
            output.note(f"{started.id} existed already; it is {started.status}")
        if wait:
            reply = _wait(started.id, lambda: client.wait_for_reply(started.id))
            _print_reply(reply, as_json=as_json)
        elif as_json:
            output.print_json(started)
        else:
            output.line(started.id)


def result(
    execution: Execution,
    timeout: Annotated[
        str | None,
        typer.Option(metavar="S", help="How long to wait, as 30 or 1h30m; without it, to the end."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print status and error too, as one JSON object.")
    ] = False,
) -> None:
    """Wait for the end of execution ID and print its result as JSON.

    Exit status 1 if it failed or was cancelled (what happened is on standard error), 3 if it has
    not ended in time.
    """
    timeout_s = output.parse_seconds(timeout, "--timeout")
    with connect() as client:
        end = _wait(execution, lambda: client.wait(execution, timeout_s))
        _print_end(end, as_json=as_json)


def _wait(execution: str, wait: Callable[[], T]) -> T:
    try:
        return wait()
    except KeyboardInterrupt:
        output.note(f"execution {execution} goes on; see it with `flawless show {execution}`")
        raise


def _print_reply(reply: api.Reply, *, as_json: bool) -> None:
    """Print the response, and tell whether more is to come; without one, print the end."""
    if reply.response is UNSET:
        _print_end(reply, as_json=as_json)
        return
    output.print_json(reply if as_json else reply.response)
    if not Status(reply.status).final:
        output.note(f"it has responded and goes on; its result: flawless result {reply.id}")


def _print_end(end: api.Outcome, *, as_json: bool) -> None:
    if as_json:
        output.print_json(end)
        if end.status != Status.COMPLETED:
            raise typer.Exit(FAILED)
        return
    try:
        output.print_json(value(end))
    except (ExecutionFailed, ExecutionCancelled) as error:
        output.show_error(error)
        raise typer.Exit(FAILED) from None
