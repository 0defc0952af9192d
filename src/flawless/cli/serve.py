"""What `up` does in the process that runs the engine.

Apart from the command itself, because importing all that a server needs takes time that other
commands need not spend.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path

from rich.text import Text

from flawless import server
from flawless.cli import output, reload
from flawless.cli.data import make_folder
from flawless.cli.defaults import CODE, DATABASE
from flawless.cli.progress import ShownProgress
from flawless.cli.status import status_of
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.errors import FlawlessError
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
        database = make_folder(data) / DATABASE
        progress = ShownProgress()
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
