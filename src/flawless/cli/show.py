"""`show`: one execution and its journal, for people."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from rich.cells import cell_len, set_cell_size
from rich.text import Text

from flawless import api
from flawless.cli import output
from flawless.cli.given import AsJson, Execution
from flawless.cli.server import connect
from flawless.cli.timeline import Row, Timeline
from flawless.client import Client
from flawless.engine.clock import SystemClock
from flawless.errors import UsageError
from flawless.ids import earlier_run, latest_run

CHILDREN_MAX: Final = 20
"""Children that people are shown one by one."""

LABEL_CELLS_MAX: Final = 60
DETAIL_CELLS_MIN: Final = 20
"""Details have this much room at least, however narrow the terminal."""

_ENDED = ("completed", "failed", "cancelled")

_STYLES = {
    "": "",
    "dim": "dim",
    "good": "green",
    "bad": "red",
    "waiting": "yellow",
    "warning": "yellow",
}


def show(execution: Execution, as_json: AsJson = False) -> None:
    """Show execution ID: its journal as a timeline, what is under way, how it ended.

    Also what it published, what waits for a decision, and its children.
    """
    with connect() as client:
        pages = client.journal_pages(execution)
        first = next(pages)
        shown = _look(client, execution, first.run)
        if as_json:
            _print_json(shown, itertools.chain([first], pages))
        else:
            _print(client, shown, itertools.chain([first], pages))


class _Shown(msgspec.Struct):
    """What is shown of an execution, beside its journal."""

    execution: api.ExecutionDetail
    state: api.State
    parked: list[api.ParkedEffect]
    children: list[api.Execution]


def _look(client: Client, execution: str, run: int) -> _Shown:
    """Ask for the run whose journal is read; a next one may have begun."""
    detail = client.get(execution)
    if detail.run != run:
        execution = f"{execution}~{run}"
        detail = client.get(execution)
    parked = [] if detail.status in _ENDED else client.parked(execution)
    children = list(client.children(execution)) if detail.children else []
    return _Shown(detail, client.state(execution), parked, children)


def _print_json(shown: _Shown, pages: Iterable[api.JournalPage]) -> None:
    """Print one object with all of it, page by page: journals may be long."""
    head = msgspec.to_builtins(shown)
    output.print_json_with(head, "journal", (entry for page in pages for entry in page.entries))


def _print(client: Client, shown: _Shown, pages: Iterable[api.JournalPage]) -> None:
    clock = SystemClock()
    now_us = clock.now_us()
    _print_head(shown, now_us, _label(client, shown.execution.deployment))
    making = Timeline()
    last: dict[str, Any] = {}
    for n, page in enumerate(pages):
        rows = [row for entry in page.entries for row in making.add(entry)]
        last = page.entries[-1] if page.entries else last
        if page.next is None:
            if n:  # that took a while, and the end should fit what was read
                run = shown.execution.run
                shown, now_us = _look(client, shown.execution.id, run), clock.now_us()
            rows += making.finish(shown.execution, now_us)
        _print_rows(rows)
    if last:
        _print_failure(last)
    _print_parked(shown, now_us)
    _print_children(shown)


def _label(client: Client, deployment: str) -> str:
    """Return what people call a deployment, in brackets, or nothing if it is not to be had."""
    try:
        label = client.deployment(deployment).label
    except UsageError:
        return ""
    return f" ({output.printable(label)})" if label else ""


def _print_head(shown: _Shown, now_us: int, label: str) -> None:
    detail = shown.execution
    created_us = api.microseconds(detail.created_at)
    ended = detail.status in _ENDED
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
    moment = detail.created_at if detail.start_at is None else detail.start_at
    verb = "began" if detail.start_at is None else "begins"
    when = moment[:19].replace("T", " ")
    output.line(f"{verb} {when} UTC on deployment {detail.deployment}{label}", style="dim")
    if detail.attributes:
        pairs = "  ".join(f"{name}={value}" for name, value in detail.attributes.items())
        output.line(f"attributes {pairs}", style="dim")
    if detail.run > 1:
        before = earlier_run(latest_run(detail.id), detail.run - 1)
        output.line(f"run {detail.run}; the one before: flawless show {before}", style="dim")
    if (origin := detail.forked_from) is not None:
        run = f", run {origin.run}" if origin.run > 1 else ""
        output.line(
            f"forked from {origin.execution}{run}; shares its entries 0 to {origin.entries - 1}",
            style="dim",
        )
    if detail.parent is not None:
        parent = detail.parent
        output.line(f"child of {parent.id} (effect {parent.effect})", style="dim")
    if shown.state.version is not None:
        value = output.short(shown.state.value)
        output.console().print(Text.assemble(("state ", "dim"), value))
    output.line("")


def _print_parked(shown: _Shown, now_us: int) -> None:
    if not shown.parked:
        return
    output.line("")
    for one in shown.parked:
        since = output.length(max(0, now_us - api.microseconds(one.at)))
        label = output.printable(one.label)
        output.line(
            f"effect {one.effect} waits for a decision for {since}: {label}", style="yellow"
        )
        which = f" --effect {one.effect}" if len(shown.parked) > 1 else ""
        command = f"flawless resolve {shown.execution.id}{which}"
        output.line(f"  {command} --ok JSON | --error TEXT | --retry")


def _print_children(shown: _Shown) -> None:
    if not shown.children:
        return
    output.line("")
    output.table(
        ("child", "workflow", "status"),
        [
            (child.id, child.workflow, output.status_text(child.status))
            for child in shown.children[:CHILDREN_MAX]
        ],
    )
    if len(shown.children) > CHILDREN_MAX:
        counts = Counter(child.status for child in shown.children)
        listed = ", ".join(f"{n} {status}" for status, n in counts.most_common())
        output.note(f"{len(shown.children):,} children in all: {listed}; --json has each")


def _print_rows(rows: list[Row]) -> None:
    """Print a table in columns. Not one of rich's, which takes seconds for some ten thousand rows.

    One line for each row: what is too long is cut. The first column has positions in the journal.
    """
    if not rows:
        return
    console = output.console()
    places = ["" if row.position is None else str(row.position) for row in rows]
    elapsed = [f"+{output.length(row.elapsed_us)}" for row in rows]
    took = ["" if row.took_us is None else output.length(row.took_us) for row in rows]
    labels = [_cut(row.label, LABEL_CELLS_MAX) for row in rows]
    columns = (places, elapsed, labels, took)
    zeroth, first, second, third = (max(map(cell_len, column)) for column in columns)
    left = zeroth + first + second + third + 8
    room = max(DETAIL_CELLS_MIN, console.width - left)
    lines: list[Text] = []
    for row, place, when, label, length in zip(rows, *columns, strict=True):
        style = _STYLES[row.look]
        line = Text(f"{place.rjust(zeroth)}  {when.rjust(first)}", style="dim")
        line.append("  ")
        line.append(set_cell_size(label, second), style)
        line.append(f"  {length.rjust(third)}  ")
        line.append(_cut(row.detail, room), style)
        line.rstrip()
        lines.append(line)
        lines += [
            Text(" " * (left + 2) + _cut(below, room - 2), style="yellow") for below in row.below
        ]
    console.print(Text("\n").join(lines))


def _cut(text: str, cells_max: int) -> str:
    """Return text on one line of at most so many cells."""
    line = text.replace("\t", " ").replace("\n", " ")
    return line if cell_len(line) <= cells_max else set_cell_size(line, cells_max - 1) + "…"


def _print_failure(last: dict[str, Any]) -> None:
    traceback = str(last.get("error", {}).get("traceback", "")) if last["kind"] == "failed" else ""
    if traceback:
        output.line("")
        output.line(output.printable(traceback.rstrip()))
