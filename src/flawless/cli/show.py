"""`show`: one execution and its journal, for people."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import typer
from rich.table import Table
from rich.text import Text

from flawless import api
from flawless.cli import output
from flawless.cli.executions import AsJson
from flawless.cli.timeline import Row, timeline
from flawless.client import Client
from flawless.engine.clock import SystemClock

_STYLES = {
    "": "",
    "dim": "dim",
    "good": "green",
    "bad": "red",
    "waiting": "yellow",
    "warning": "yellow",
}


def show(
    execution: Annotated[str, typer.Argument(metavar="ID")],
    as_json: AsJson = False,
) -> None:
    """Show execution ID: its journal as a timeline, what is under way, how it ended."""
    with Client() as client:
        entries = list(client.journal(execution))
        detail = client.get(execution)
    if as_json:
        output.print_json({"execution": msgspec.to_builtins(detail), "journal": entries})
        return
    now_us = SystemClock().now_us()
    _print_head(detail, now_us)
    if entries:
        _print_rows(timeline(entries, detail, now_us))
        _print_failure(entries[-1])


def _print_head(detail: api.ExecutionDetail, now_us: int) -> None:
    created_us = api.microseconds(detail.created_at)
    ended = detail.status in ("completed", "failed", "cancelled")
    took_us = (api.microseconds(detail.updated_at) if ended else now_us) - created_us
    words = "in" if ended else "for"
    output.console().print(
        Text.assemble(
            (detail.id, "bold"),
            f"  {detail.workflow}  ",
            output.status_text(detail.status),
            f" {words} {output.length(max(0, took_us))}",
        )
    )
    began = detail.created_at[:19].replace("T", " ")
    output.line(f"began {began} UTC on deployment {detail.deployment}\n", style="dim")


def _print_rows(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(justify="right", no_wrap=True, style="dim")
    table.add_column(no_wrap=True, overflow="ellipsis", max_width=60)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for row in rows:
        style = _STYLES[row.look]
        table.add_row(
            f"+{output.length(row.elapsed_us)}",
            Text(row.label, style=style),
            Text("" if row.took_us is None else output.length(row.took_us)),
            Text(row.detail, style=style),
        )
        for line in row.below:
            table.add_row("", "", "", Text(f"  {line}", style="yellow"))
    output.console().print(table, soft_wrap=False)


def _print_failure(last: dict[str, Any]) -> None:
    traceback = str(last.get("error", {}).get("traceback", "")) if last["kind"] == "failed" else ""
    if traceback:
        output.line("")
        output.line(output.printable(traceback.rstrip()))
