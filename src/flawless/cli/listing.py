"""`list`: executions, and the inbox of what waits for a decision."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson, Attributes, read_attributes
from flawless.cli.moments import parse_moment
from flawless.cli.server import connect
from flawless.client import Client
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
    attribute: Attributes = None,
    since: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Only those created then or later; 2d: two days ago."),
    ] = None,
    until: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only those created before then.")
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
    filters: dict[str, Any] = {
        "status": Status.PARKED if parked else status,
        "workflow": workflow,
        "prefix": prefix,
        "attributes": read_attributes(attribute),
        "created_after": parse_moment(since, "--since", ago=True),
        "created_before": parse_moment(until, "--until", ago=True),
        "runs": all_runs,
    }
    with connect() as client:
        page = _collected(client, limit, before, filters)
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
        last = page.executions[-1].id
        output.note(f"there are more: flawless list{option} --before {last}")


def _collected(
    client: Client, limit: int, before: str | None, filters: dict[str, Any]
) -> api.ExecutionPage:
    """Return as many as were asked for; the server looks at a bounded number for each request."""
    found: list[api.Execution] = []
    while True:
        page = client.list(limit=limit - len(found), before=before, **filters)
        found += page.executions
        before = page.next
        if before is None or len(found) >= limit:
            return api.ExecutionPage(found, before)


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
        verb = "wakes" if execution.start_at is None else "begins"
        return f"{verb} in {output.length(left_us)}" if left_us > 0 else f"{verb} now"
    created_us = api.microseconds(execution.created_at)
    if Status(execution.status).final:
        return output.length(max(0, api.microseconds(execution.updated_at) - created_us))
    return ""
