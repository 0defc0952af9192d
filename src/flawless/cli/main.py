"""The entry point: all commands, and what a failure looks like from outside.

| status | meaning |
|---|---|
| 0 | done |
| 1 | the execution failed or was cancelled; code does not compile, or (`replay`, `check`) not fit |
| 2 | the request cannot be carried out as it was made: command line, names, input, module, port |
| 3 | the execution has not ended in time |
| 4 | the server cannot be reached, or the engine, its data or its tools have a problem |
| 130 | stopped with Ctrl-C |
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, NoReturn

import typer

from flawless.cli import (
    build,
    check,
    debug,
    deployments,
    doctor,
    ending,
    executions,
    exporting,
    fork,
    init,
    listing,
    logs,
    messages,
    output,
    repair,
    replay,
    show,
    tokens,
    up,
    workflows,
)
from flawless.cli.status import INTERRUPTED, status_of
from flawless.errors import FlawlessError


def main() -> NoReturn:
    """Run the command that `sys.argv` names, and exit."""
    try:
        _commands()(prog_name="flawless")
    except FlawlessError as error:
        output.show_error(error)
        _exit(status_of(error))
    except KeyboardInterrupt:
        _exit(INTERRUPTED)
    except BrokenPipeError:
        # Whoever read our output has enough of it (`flawless list | head`).
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        _exit(0)
    _exit(0)


def _commands() -> typer.Typer:
    commands = typer.Typer(
        name="flawless",
        help="Durable computation: regular functions, run to completion whatever fails.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog="Client commands find the server through FLAWLESS_URL and FLAWLESS_TOKEN.",
    )
    commands.callback()(_options)
    commands.command()(init.init)
    commands.command()(build.build)
    commands.command()(up.up)
    commands.command()(workflows.workflows)
    commands.command()(deployments.deploy)
    commands.command()(deployments.deployments)
    commands.command()(executions.start)
    commands.command("list")(listing.list_)
    commands.command()(show.show)
    commands.command()(executions.result)
    commands.command()(logs.logs)
    commands.command()(messages.state)
    commands.command()(messages.send)
    commands.command()(messages.messages)
    commands.command()(ending.cancel)
    commands.command()(ending.terminate)
    commands.command()(repair.retry)
    commands.command()(repair.resolve)
    commands.command()(fork.fork)
    commands.command()(replay.replay)
    commands.command()(check.check)
    commands.command()(debug.debug)
    commands.command()(exporting.export)
    commands.command("import")(exporting.import_)
    commands.add_typer(tokens.commands(), name="tokens")
    commands.command()(doctor.doctor)
    return commands


def _print_version(wanted: bool) -> None:
    if wanted:
        output.line(f"flawless {output.version()}")
        raise typer.Exit


def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    """See the help text of the application."""


def _exit(status: int) -> NoReturn:
    sys.stderr.flush()
    sys.exit(status)
