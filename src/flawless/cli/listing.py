"""`list`: executions, and the inbox of what waits for a decision."""

from __future__ import annotations

from typing import Annotated

import typer

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson
from flawless.cli.server import connect
from flawless.core.status import Status
from flawless.engine.clock import SystemClock
from flawless.errors import UsageError


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
    parked: Annotated[
        bool, typer.Option("--parked", help="The effects that wait for your decision.")
    ] = False,
    all_runs: Annotated[
        bool, typer.Option("--all-runs", help="Earlier runs (ID~1, ID~2, ...) too.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List executions, newest first."""
    if parked and status not in (None, Status.PARKED):
        raise UsageError(f"--parked and --status {status} exclude each other")
    with connect() as client:
        page = client.list(
            status=Status.PARKED if parked else status,
            workflow=workflow,
            prefix=prefix,
            limit=limit,
            before=before,
            runs=all_runs,
        )
    if as_json:
        output.print_json(page)
        return
    if not page.executions:
        nothing = "nothing waits for a decision" if parked else "no executions"
        output.note(nothing if before is None else "no more executions")
        return
    now_us = SystemClock().now_us()
    if parked:
        _print_inbox(page.executions, now_us)
    else:
        _print_executions(page.executions, now_us)
    if page.next is not None:
        option = " --parked" if parked else ""
        output.note(f"there are more: flawless list{option} --before {page.next}")


def _print_inbox(executions: list[api.Execution], now_us: int) -> None:
    rows: list[tuple[str, str, str, str]] = []
    for execution in executions:
        for one in execution.parked or ():
            since = f"{_ago(one.at, now_us)} ago"
            rows.append((execution.id, str(one.effect), output.printable(one.label), since))
        if not execution.parked:  # decided this moment, or its journal cannot be read
            rows.append((execution.id, "?", f"flawless show {execution.id}", ""))
    output.table(("execution", "effect", "what", "since"), rows)
    output.note("decide: flawless resolve ID [--effect N] --ok JSON | --error TEXT | --retry")


def _print_executions(executions: list[api.Execution], now_us: int) -> None:
    output.table(
        ("id", "workflow", "status", "created", "took"),
        [
            (
                found.id,
                found.workflow,
                output.status_text(found.status),
                f"{_ago(found.created_at, now_us)} ago",
                _took(found, now_us),
            )
            for found in executions
        ],
    )


def _ago(moment: str, now_us: int) -> str:
    return output.length(max(0, now_us - api.microseconds(moment)))


def _took(execution: api.Execution, now_us: int) -> str:
    if execution.wake_at is not None:
        left_us = api.microseconds(execution.wake_at) - now_us
        return f"wakes in {output.length(left_us)}" if left_us > 0 else "wakes now"
    created_us = api.microseconds(execution.created_at)
    if Status(execution.status).final:
        return output.length(max(0, api.microseconds(execution.updated_at) - created_us))
    return ""
