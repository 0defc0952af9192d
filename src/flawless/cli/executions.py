"""`start`, `list` and `result`: executions from outside."""

from __future__ import annotations

import sys
from typing import Annotated, Any

import msgspec
import typer

from flawless import api
from flawless.cli import output
from flawless.cli.status import FAILED
from flawless.client import Client, value
from flawless.core.status import Status
from flawless.engine.clock import SystemClock
from flawless.errors import ExecutionFailed, UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


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
        bool, typer.Option("--wait", help="Wait for the end and print the result as JSON.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Start an execution of WORKFLOW and print its id."""
    arguments = _read_input(input_json)
    with Client() as client:
        started = client.start(workflow, arguments, id=id_)
        if not started.new:
            output.note(f"{started.id} existed already; it is {started.status}")
        if wait:
            _print_end(_wait(client, started.id, None), as_json=as_json)
        elif as_json:
            output.print_json(started)
        else:
            output.line(started.id)


def result(
    execution: Annotated[str, typer.Argument(metavar="ID")],
    timeout: Annotated[
        str | None,
        typer.Option(metavar="S", help="How long to wait, as 30 or 1h30m; without it, to the end."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print status and error too, as one JSON object.")
    ] = False,
) -> None:
    """Wait for the end of execution ID and print its result as JSON.

    Exit status 1 if it failed (its traceback is on standard error), 3 if it has not ended in time.
    """
    timeout_s = output.parse_seconds(timeout, "--timeout")
    with Client() as client:
        _print_end(_wait(client, execution, timeout_s), as_json=as_json)


def list_(
    status: Annotated[
        str | None, typer.Option(help="Only those that are " + ", ".join(Status) + ".")
    ] = None,
    workflow: Annotated[str | None, typer.Option(help="Only those of this workflow.")] = None,
    prefix: Annotated[str, typer.Option(help="Only ids that begin so.")] = "",
    limit: Annotated[
        int, typer.Option(min=1, max=api.LIST_LIMIT_MAX, help="How many to show.")
    ] = api.LIST_LIMIT,
    before: Annotated[
        str | None, typer.Option(metavar="ID", help="Only those created before this one.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    with Client() as client:
        page = client.list(
            status=status, workflow=workflow, prefix=prefix, limit=limit, before=before
        )
    if as_json:
        output.print_json(page)
        return
    if not page.executions:
        output.note("no executions" if before is None else "no more executions")
        return
    now_us = SystemClock().now_us()
    output.table(
        ("id", "workflow", "status", "created", "took"),
        [
            (
                found.id,
                found.workflow,
                output.status_text(found.status),
                f"{output.length(max(0, now_us - api.microseconds(found.created_at)))} ago",
                _took(found, now_us),
            )
            for found in page.executions
        ],
    )
    if page.next is not None:
        output.note(f"there are more: flawless list --before {page.next}")


def _wait(client: Client, execution: str, timeout_s: float | None) -> api.Outcome:
    try:
        return client.wait(execution, timeout_s)
    except KeyboardInterrupt:
        output.note(f"execution {execution} goes on; see it with `flawless show {execution}`")
        raise


def _print_end(end: api.Outcome, *, as_json: bool) -> None:
    if as_json:
        output.print_json(end)
        if end.status != Status.COMPLETED:
            raise typer.Exit(FAILED)
        return
    try:
        output.print_json(value(end))
    except ExecutionFailed as error:
        output.show_error(error)
        raise typer.Exit(FAILED) from None


def _took(execution: api.Execution, now_us: int) -> str:
    if execution.wake_at is not None:
        left_us = api.microseconds(execution.wake_at) - now_us
        return f"wakes in {output.length(left_us)}" if left_us > 0 else "wakes now"
    created_us = api.microseconds(execution.created_at)
    if Status(execution.status).final:
        return output.length(max(0, api.microseconds(execution.updated_at) - created_us))
    return ""


def _read_input(text: str | None) -> Any:
    if text is None:
        return None
    source = "standard input" if text == "-" else "the input"
    raw = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = '; quote it for the shell: \'{"name": "Ada"}\'' if text != "-" else ""
        raise UsageError(f"{source} is not valid JSON: {error}{hint}") from None
    except RecursionError:
        raise UsageError(f"{source} is not valid JSON: it is nested too deeply") from None
