"""What the demo shows: one line per event, with who it comes from; tables at the end."""

from __future__ import annotations

import inspect
import textwrap
import time

import shop
from rich.console import Console
from rich.markup import escape
from rich.panel import Panel
from rich.status import Status
from rich.syntax import Syntax
from rich.table import Table

COLORS = {"demo": "bold", "engine": "cyan", "service": "green"}


class Screen:
    """The terminal. Without one (in a pipe or a log) the same lines, and no moving parts."""

    def __init__(self) -> None:
        self.console = Console(highlight=False)
        self._began_s = time.monotonic()
        self._status: Status | None = None
        self._stage = ""

    def introduce(self) -> None:
        """Show the workflow."""
        source = inspect.getsource(shop.order.function).strip()
        self.console.print()
        self.console.print(
            "[bold]Flawless[/]: a regular Python function that survives [bold red]kill -9[/]. "
            "It runs inside\nWebAssembly; everything it sees of the world is kept in a journal."
        )
        self.console.print()
        self.console.print(
            Panel(
                Syntax(source, "python", theme="ansi_dark", background_color="default"),
                title="examples/demo/shop.py",
                title_align="left",
                width=84,
            )
        )

    def act(self, title: str) -> None:
        """Begin a part of the story."""
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left", style="dim")

    def line(self, who: str, text: str) -> None:
        """Show one event; `text` may have markup."""
        passed = time.monotonic() - self._began_s
        head = f"[dim]{passed:5.1f} s[/]  [{COLORS[who]}]{who:<8}[/]"
        body = textwrap.indent(text, " " * 19).lstrip()
        self.console.print(f"{head}  {body}", soft_wrap=True)

    def kill(self, pid: int, why: str) -> None:
        """Show the blow."""
        self.line("demo", f"[bold red]kill -9 {pid}[/]  {why}")

    def busy(self, text: str | None) -> None:
        """Show at the bottom what is being waited for, or nothing."""
        if self._status is not None:
            self._status.stop()
            self._status = None
        if text is not None and self.console.is_terminal:
            self._status = self.console.status(escape(text))
            self._status.start()

    def progress(self, stage: str, share: float | None) -> None:
        """Show how far a first-time build is."""
        percent = "" if share is None else f"{share:4.0%}"
        text = f"{stage}, once on this machine {percent}"
        if not self.console.is_terminal:
            if stage != self._stage:
                self.line("engine", f"{stage}, once on this machine")
        elif self._status is None:
            self.busy(text)
        else:
            self._status.update(escape(text))
        self._stage = stage

    def effects(self, rows: list[tuple[str, str, int, int, bool]]) -> None:
        """Show what the service counted: effect, promise, received, carried out, as it ought."""
        table = Table(title="What the outside world saw", title_justify="left", title_style="bold")
        table.add_column("effect")
        table.add_column("promise")
        table.add_column("received", justify="right")
        table.add_column("carried out", justify="right")
        table.add_column("")
        for effect, promise, received, carried_out, right in rows:
            verdict = "[bold green]once[/]" if right else "[bold red]WRONG[/]"
            table.add_row(effect, promise, str(received), str(carried_out), verdict)
        self.console.print()
        self.console.print(table)

    def runs(self, rows: list[tuple[str, int, str, str]]) -> None:
        """Show the engine's three lives."""
        table = Table(title="What the engine did", title_justify="left", title_style="bold")
        table.add_column("run")
        table.add_column("process", justify="right")
        table.add_column("effects replayed", justify="right")
        table.add_column("ended by")
        for run, pid, replayed, end in rows:
            table.add_row(run, str(pid), replayed, end)
        self.console.print()
        self.console.print(table)

    def facts(self, facts: list[tuple[str, bool]]) -> None:
        """Show sentences and whether they hold."""
        self.console.print()
        for text, holds in facts:
            mark = "[bold green]✓[/]" if holds else "[bold red]✗[/]"
            self.console.print(f" {mark} {text}", soft_wrap=True)
        self.console.print()
