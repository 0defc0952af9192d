"""`retry` and `resolve`: let executions go on that failed, or wait for a decision."""

from __future__ import annotations

from typing import Annotated

import typer
from msgspec import UNSET

from flawless.cli import output
from flawless.cli.given import AsJson, By, Execution, read_json, who
from flawless.cli.server import connect
from flawless.errors import UsageError


def retry(
    execution: Execution,
    from_start: Annotated[
        bool, typer.Option("--from-start", help="Begin the next run, on the newest code.")
    ] = False,
    effect: Annotated[
        int | None,
        typer.Option(metavar="N", help="Go on from this effect: it and all after it again."),
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Let the failed execution ID go on from the effect that failed."""
    with connect() as client:
        found = client.retry(execution, from_start=from_start, effect=effect, by=who(by))
    if as_json:
        output.print_json(found)
    else:
        how = f"begins again as run {found.run}" if from_start else "goes on"
        output.note(f"{execution} {how}; flawless result {execution} waits for its end")


def resolve(
    execution: Execution,
    ok: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="It happened, and this was its value; - reads it."),
    ] = None,
    error: Annotated[
        str | None, typer.Option(metavar="TEXT", help="It failed; the workflow gets this error.")
    ] = None,
    retry_: Annotated[bool, typer.Option("--retry", help="Perform it again.")] = False,
    effect: Annotated[
        int | None, typer.Option(metavar="N", help="Which one, if several are parked.")
    ] = None,
    by: By = None,
    as_json: AsJson = False,
) -> None:
    """Decide about a parked effect of execution ID, which then goes on.

    The journal keeps the decision, with who and when.
    """
    if (ok is not None) + (error is not None) + retry_ != 1:
        raise UsageError("say one of --ok JSON, --error TEXT and --retry")
    value = UNSET if ok is None else read_json(ok, "--ok")
    with connect() as client:
        found = client.resolve(
            execution, ok=value, error=error, retry=retry_, effect=effect, by=who(by)
        )
    if as_json:
        output.print_json(found)
    else:
        output.note(f"decided: effect {found.effect} ({output.printable(found.label)})")
