"""`check`: would the executions of the server take the same path on changed code?"""

from __future__ import annotations

import itertools
import os
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, NamedTuple

import msgspec
import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from flawless.cli import output
from flawless.cli.changed import changed_code
from flawless.cli.given import AsJson
from flawless.cli.progress import ShownProgress
from flawless.cli.server import connect
from flawless.cli.status import FAILED
from flawless.client import Client
from flawless.errors import ExecutionNotFound, UsageError

if TYPE_CHECKING:
    from flawless.timetravel.code import Code
    from flawless.timetravel.whatif.checking import Checked, Export

SAMPLE: Final = 20
IN_PROCESS_MAX: Final = 8
"""So few executions are checked in this process: others would take longer to begin."""
BAR_AFTER_S: Final = 1.0

_OPEN: Final = ("running", "waiting", "parked")
_ENDED: Final = ("completed", "failed", "cancelled")
_STYLES: Final = {"compatible": "green", "skipped": "dim"}
_TROUBLE: Final = ("diverges", "fails", "unknown")


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="The changed code, as `deploy` takes it.")
    ],
    sample: Annotated[
        int,
        typer.Option(metavar="N", min=0, help="Ended executions to check, of each workflow."),
    ] = SAMPLE,
    workflow: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only executions of this workflow.")
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Processes that replay; as many as cores."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Replay the executions of the server on changed code, before it is deployed.

    All that have not ended, and the latest of those that have: each keeps the deployment it began
    with, so this tells whether they would take the same path, and could be forked, on the new code.
    Nothing is done. Exit status 1: some would not.
    """
    from flawless.timetravel.whatif.checking import Checker

    with ShownProgress() as progress:
        code = changed_code(files, progress)
    wanted = _wanted(code, workflow)
    with connect() as client:
        modules = code.deployment.manifest.entry_modules
        chosen = _chosen(client, wanted, modules, sample, narrowed=workflow is not None)
        count = 1 if len(chosen) <= IN_PROCESS_MAX else min(jobs or _cores(), len(chosen))
        with Checker(code, count) as checker, _Bar(len(chosen)) as bar:
            found = checker.check(_exports(client, chosen, bar))
            verdicts = _print(found, bar, as_json=as_json)
    if as_json:
        output.print_json({"summary": dict(verdicts), "checked": verdicts.total()}, compact=True)
    else:
        _print_summary(verdicts)
    if any(verdicts[verdict] for verdict in _TROUBLE):
        raise typer.Exit(FAILED)


class _Chosen(NamedTuple):
    """An execution to check. There may be many: this is all that is kept of them."""

    id: str
    workflow: str
    status: str


def _wanted(code: Code, given: list[str] | None) -> list[str]:
    known = list(code.deployment.workflows)
    for name in given or ():
        if name not in known:
            raise UsageError(
                f"the new code has no workflow {name!r}; it has {', '.join(sorted(known))}"
            )
    return given or known


def _chosen(
    client: Client, wanted: list[str], modules: list[str], sample: int, *, narrowed: bool
) -> list[_Chosen]:
    """Return what to check: all that has not ended, and some of what has."""
    found: dict[str, _Chosen] = {}
    for status in _OPEN:
        for one in client.executions(status=status):
            gone = not narrowed and any(one.workflow.startswith(f"{name}.") for name in modules)
            if one.workflow in wanted or gone:
                found[one.id] = _Chosen(one.id, one.workflow, one.status)
    for name in wanted:
        ended = [
            one
            for status in _ENDED
            for one in itertools.islice(client.executions(status=status, workflow=name), sample)
        ]
        ended.sort(key=lambda one: one.created_at, reverse=True)
        for one in ended[:sample]:
            found[one.id] = _Chosen(one.id, one.workflow, one.status)
    return list(found.values())


def _exports(client: Client, chosen: Iterable[_Chosen], bar: _Bar) -> Iterator[Export]:
    from flawless.timetravel.whatif.checking import Export

    for one in chosen:
        try:
            content = client.export(one.id, component=False)
        except ExecutionNotFound:
            bar.step()  # deleted meanwhile
            continue
        yield Export(one.id, one.workflow, one.status, content)


def _print(found: Iterable[Checked], bar: _Bar, *, as_json: bool) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    for one in found:
        verdicts[one.verdict] += 1
        bar.step()
        with bar.hidden():
            if as_json:
                output.print_json(_document(one), compact=True)
            else:
                output.console().print(_line(one))
    return verdicts


def _document(one: Checked) -> dict[str, Any]:
    document: dict[str, Any] = msgspec.to_builtins(one)
    document["id"] = document.pop("execution")
    return {"id": document.pop("id")} | document


def _line(one: Checked) -> Text:
    text = output.printable(one.text).replace("\n", " ")
    line = Text.assemble((one.execution, "bold"), f"  {output.printable(one.workflow)}  ")
    line.append_text(output.status_text(one.status))
    line.append(f"  {one.verdict}", _STYLES.get(one.verdict, "red"))
    if text:
        line.append(text if text.startswith(":") else f" {text}")
    return line


def _print_summary(verdicts: Counter[str]) -> None:
    checked = verdicts.total()
    if not checked:
        output.line("nothing to check: no execution of these workflows is there")
        return
    parts = [f"{count:,} {verdict}" for verdict, count in verdicts.most_common()]
    noun = "execution" if checked == 1 else "executions"
    bad = any(verdicts[verdict] for verdict in _TROUBLE)
    output.line(
        f"{checked:,} {noun}: {', '.join(parts)}", style="bold red" if bad else "bold green"
    )
    if verdicts["skipped"]:
        output.note(
            "skipped: the new code has no such workflow. They go on with the code they began with; "
            "their next run (continue_as_new), and a retry from the start, would fail"
        )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Bar:
    """How far the check is, on terminals, once it has taken a second."""

    def __init__(self, total: int) -> None:
        self._began_s = time.monotonic()
        self._total = total
        self._done = 0
        self._bar: Progress | None = None

    def __enter__(self) -> _Bar:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Take the bar away for as long as something is printed, which may go there too."""
        if self._bar is None:
            yield
            return
        self._bar.stop()
        try:
            yield
        finally:
            self._bar.start()

    def step(self) -> None:
        """Count one more."""
        self._done += 1
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self._done, refresh=True)
        elif time.monotonic() - self._began_s > BAR_AFTER_S:
            self._begin()

    def _begin(self) -> None:
        console = output.console(stderr=True)
        if not console.is_terminal:
            return
        columns = (TextColumn("checking"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self._bar = Progress(*columns, console=console, transient=True, auto_refresh=False)
        self._bar.add_task("checking", total=self._total, completed=self._done)
        self._bar.start()
