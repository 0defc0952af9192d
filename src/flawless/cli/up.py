"""`up`: engine and HTTP API in one process, on the user's modules."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from flawless.cli import reload
from flawless.cli.defaults import HOST, PORT
from flawless.cli.log_lines import LogFormat, LogLevel, log_to_stderr
from flawless.cli.tracing import tracing
from flawless.errors import UsageError


def up(
    modules: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[MODULE]...",
            help="Files (app.py) or names of modules, components (shop.wasm), and folders of Rust "
            "crates, which are built first. Without any, what was deployed to the data folder is "
            "served.",
            show_default=False,
        ),
    ] = None,
    data: Annotated[
        Path, typer.Option(metavar="DIR", help="Where executions are kept; made if not there.")
    ] = Path(".flawless"),
    host: Annotated[
        str, typer.Option(help="Address to listen on; others than loopback need tokens.")
    ] = HOST,
    port: Annotated[
        int,
        typer.Option(
            envvar="FLAWLESS_PORT",
            min=0,
            max=65_535,
            help="Port to listen on; 0 takes any free one.",
        ),
    ] = PORT,
    reload_: Annotated[
        bool,
        typer.Option("--reload", help="Start anew whenever your modules change, or a crate does."),
    ] = False,
    baked: Annotated[
        bool,
        typer.Option(
            "--baked", help="Build a component with the modules imported: slow now, fast later."
        ),
    ] = False,
    secrets: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="TOML file with the secrets that workflows may use."),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="HOST",
            help="A host that HTTP requests of workflows may go to, as api.example.com or "
            "*.example.com; give it again for each further one. Without it: all.",
        ),
    ] = None,
    cors: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="An origin whose pages may send requests with a token from elsewhere, as "
            "https://app.example.com; give it again for each further one. Without it: none.",
        ),
    ] = None,
    otlp: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Send traces to an OpenTelemetry collector, as http://127.0.0.1:4318; so does "
            "OTEL_EXPORTER_OTLP_ENDPOINT.",
        ),
    ] = None,
    log_format: Annotated[
        LogFormat,
        typer.Option(envvar="FLAWLESS_LOG_FORMAT", help="How log lines on standard error look."),
    ] = LogFormat.TEXT,
    log_level: Annotated[
        LogLevel,
        typer.Option(envvar="FLAWLESS_LOG_LEVEL", help="From which level on something is logged."),
    ] = LogLevel.WARNING,
    workflow_logs: Annotated[
        bool,
        typer.Option("--workflow-logs", help="Also log what workflows log and print."),
    ] = False,
) -> None:
    """Serve the workflows of MODULE: the engine, and the HTTP API on 127.0.0.1:27288.

    What was deployed to the data folder with `flawless deploy` is served as well. Executions that
    an earlier `up` on the same data folder left unfinished go on.
    """
    from flawless import server
    from flawless.cli.crates import Crates
    from flawless.cli.serve import serve
    from flawless.engine.secrets import Secrets
    from flawless.engine.settings import Settings

    given = modules or []
    if reload_ and not given:
        raise UsageError("--reload starts anew when a module changes: name one, as in app.py")
    hosts = allow_host or []
    settings = Settings(
        secrets=Secrets() if secrets is None else Secrets.load(secrets),
        egress=tuple(hosts) or None,
        tracing=tracing(otlp),
        workflow_logs=workflow_logs,
    )
    origins = cors or []
    access = server.Access(host, _token(data), data, tuple(origins))
    parent = reload.parent()
    if reload_ and parent is None:
        with server.bind(host, port) as probe:
            port = probe.getsockname()[1]
        arguments = [f"--data={data}", f"--host={host}", f"--port={port}"]
        arguments += ["--baked"] if baked else []
        arguments += [] if secrets is None else [f"--secrets={secrets}"]
        arguments += [f"--allow-host={name}" for name in hosts]
        arguments += [f"--cors={origin}" for origin in origins]
        arguments += [] if otlp is None else [f"--otlp={otlp}"]
        arguments += [f"--log-format={log_format}", f"--log-level={log_level}"]
        arguments += ["--workflow-logs"] if workflow_logs else []
        raise typer.Exit(reload.supervise(arguments, Crates(given)))
    crates = Crates(given)
    crates.build()
    log_to_stderr(log_format, log_level, workflows=workflow_logs)
    raise typer.Exit(
        serve(crates.modules, data, access, port, settings=settings, baked=baked, parent=parent)
    )


def _token(data: Path) -> str | None:
    """Return FLAWLESS_TOKEN; a token from the data folder stays what it is there.

    Client commands take their token from the same variable, so a shell may well have one set that
    was made with a role. The server must not take that for one that opens everything.
    """
    from flawless.server.access.tokens import TOKEN_SIGN, TOKENS_FILE

    token = os.environ.get("FLAWLESS_TOKEN") or None
    if token is not None and token.startswith(TOKEN_SIGN) and (data / TOKENS_FILE).exists():
        return None
    return token
