"""`build`: a Rust crate in, a component out."""

from __future__ import annotations

import asyncio
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from flawless.cli import output
from flawless.cli.given import AsJson
from flawless.cli.progress import ShownProgress
from flawless.errors import UsageError

if TYPE_CHECKING:
    from flawless.rust.build import Built


def build(
    path: Annotated[
        Path,
        typer.Argument(metavar="[PATH]", help="Folder of the crate, or its Cargo.toml."),
    ] = Path(),
    output_: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Where to put the component too."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build a Rust crate into a component, and check that an engine can serve it.

    `flawless up` and `flawless deploy` take the file, and crates as well, which they build. Exit
    status 1: it does not compile. Where Rust or its target for WebAssembly is missing, the error
    has the command that installs it.
    """
    began = time.monotonic()
    built = compile_crate(path)
    workflows = asyncio.run(_workflows(built))
    place = built.path
    if output_ is not None:
        place = output_ / built.path.name if output_.is_dir() else output_
        try:
            shutil.copyfile(built.path, place)
        except OSError as error:
            raise UsageError(f"cannot write {place}: {error.strerror or error}") from error
    if as_json:
        output.print_json(
            {
                "file": str(place),
                "size_bytes": len(built.wasm),
                "workflows": workflows,
                "duration_s": round(time.monotonic() - began, 3),
            }
        )
        return
    size, took = output.size(len(built.wasm)), output.length(int((time.monotonic() - began) * 1e6))
    output.console().print(
        Text.assemble("built ", (str(_short(place)), "bold"), f" ({size}) in {took}")
    )
    for name in workflows:
        output.line(f"  {name}", style="cyan")


def compile_crate(path: Path) -> Built:
    """Build a crate, showing how far it is, and then what the compiler warns of."""
    from flawless.rust.build import build as build_crate

    with ShownProgress() as progress:
        built = build_crate(path, progress=progress)
    if built.warnings:
        output.console(stderr=True).print(output.colored(built.warnings.rstrip()))
    return built


async def _workflows(built: Built) -> list[str]:
    from flawless.engine.component import make_component
    from flawless.wasm import Component

    deployment = await make_component(Component.load(built.wasm))
    return sorted(deployment.workflows)


def _short(path: Path) -> Path:
    """Return a path as people would give it from here."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
