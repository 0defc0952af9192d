"""What `up` does in the process that runs the engine.

Apart from the command itself, because importing all that a server needs takes time that other
commands need not spend.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from flawless import server
from flawless.cli import output, reload
from flawless.cli.defaults import CODE, DATABASE
from flawless.cli.status import status_of
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.errors import FlawlessError, StoreError
from flawless.stores import open_store


def serve(
    modules: list[str],
    data: Path,
    access: server.Access,
    port: int,
    *,
    settings: Settings,
    baked: bool,
    parent: reload.Parent | None,
) -> int:
    """Serve until a signal comes; return the exit status. Errors go to `parent` if there is one."""
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # for modules given by name
    try:
        asyncio.run(
            _serve(modules, data, access, port, settings=settings, baked=baked, parent=parent)
        )
    except FlawlessError as error:
        if parent is None:
            raise
        output.show_error(error)
        parent.report(error)
        return status_of(error)
    return 0


async def _serve(
    modules: list[str],
    data: Path,
    access: server.Access,
    port: int,
    *,
    settings: Settings,
    baked: bool,
    parent: reload.Parent | None,
) -> None:
    with server.bind(access.host, port) as listener:
        database = _make_folder(data) / DATABASE
        progress = _ShownProgress()
        service = Service(
            open_store(database),
            list(modules),
            settings=settings,
            baked=baked,
            progress=progress,
            code=data / CODE,
        )

        def ready() -> None:
            progress.close()
            if parent is not None:
                parent.report(None)
            _say_ready(service, listener, database)

        stop = None if parent is None else parent.gone()
        try:
            await server.serve(
                service, listener, access, ready=ready, stopping=_say_stopping, stop=stop
            )
        finally:
            progress.close()


def _make_folder(data: Path) -> Path:
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        ignore = data / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n")
    except OSError as error:
        raise StoreError(
            "use the data folder",
            f"{data}: {error.strerror or error}",
            "Check that it is a folder this user may write to, or name another one with --data.",
            retriable=False,
        ) from error
    return data


def _say_ready(service: Service, listener: socket.socket, database: Path) -> None:
    console = output.console()
    console.print(Text.assemble(("Flawless ", "bold"), output.version(), " serves"))
    for name in sorted(service.workflows):
        console.print(Text(f"  {name}", style="cyan"))
    console.print(Text.assemble("at   ", (server.url(listener), "bold")))
    console.print(Text(f"data {database}"))
    sys.stdout.flush()


def _say_stopping() -> None:
    output.note("stopping: effects under way may end; once more to stop at once")


class _ShownProgress:
    """What the engine builds before it can start, as a bar on terminals and as lines elsewhere."""

    def __init__(self) -> None:
        self._stages: set[str] = set()
        self._bar: Progress | None = None
        self._closed = False

    def __call__(self, text: str, fraction: float | None) -> None:
        if self._closed:
            return
        console = output.console(stderr=True)
        if not console.is_terminal:
            if text not in self._stages:
                self._stages.add(text)
                output.note(f"{text} (once on this machine) ...")
            return
        if self._bar is None:
            columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
            self._bar = Progress(*columns, console=console, transient=True)
            self._bar.start()
        known = next((task for task in self._bar.tasks if task.description == text), None)
        if known is None:
            for task in self._bar.tasks:
                self._bar.update(task.id, total=100.0, completed=100.0)
            identifier = self._bar.add_task(text, total=None if fraction is None else 100.0)
        else:
            identifier = known.id
        if fraction is not None:
            self._bar.update(identifier, total=100.0, completed=100.0 * fraction)

    def close(self) -> None:
        """Take the bar away."""
        self._closed = True
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
