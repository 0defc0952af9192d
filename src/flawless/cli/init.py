"""`init`: a first application to change."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final

import typer

from flawless.cli import output, starters
from flawless.errors import UsageError

FILE: Final = "app.py"
_NO_NAMES: Final = frozenset({"flawless", "flawless-macros", "steps", "test"})
"""What a crate cannot be called, or not beside the others that are there."""


def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where to write it; made if it is not there.")
    ] = Path(),
    rust: Annotated[
        bool,
        typer.Option("--rust", help="Write a crate, with its steps in Python beside it."),
    ] = False,
) -> None:
    """Write a commented starter app.py that runs as it is. Nothing is overwritten.

    With --rust it is a crate, named after the folder, with a copy of the library it depends on.
    """
    if rust:
        name = _crate_name(folder)
        _write(folder, _crate(name))
        output.line(f"wrote the crate {name} to {folder}")
        output.line(f"next: flawless up {folder} {folder / 'steps.py'}")
        started = f"{name.replace('-', '_')}.order"
        output.line(
            f"then, in another terminal: flawless start {started} '[\"a book\", 1290]' --wait"
        )
        return
    path = folder / FILE
    _write(folder, {FILE: starters.PYTHON.encode()})
    output.line(f"wrote {path}")
    output.line(f"next: flawless up {path}")
    output.line(f"then, in another terminal: flawless start {path.stem}.order --wait")


def _crate(name: str) -> dict[str, bytes]:
    from flawless.rust.vendoring import vendored

    files = {
        "Cargo.toml": starters.RUST_MANIFEST.format(name=name),
        "src/lib.rs": starters.RUST_LIB,
        "steps.py": starters.RUST_STEPS,
        ".gitignore": starters.RUST_IGNORED,
    }
    return {path: text.encode() for path, text in files.items()} | {
        f"vendor/{path}": content for path, content in vendored().items()
    }


def _crate_name(folder: Path) -> str:
    """Return a name for a crate that is one, and close to that of the folder."""
    name = re.sub(r"[^a-z0-9]+", "-", folder.absolute().name.lower()).strip("-")
    return name if re.match(r"[a-z]", name) and name not in _NO_NAMES else "app"


def _write(folder: Path, files: dict[str, bytes]) -> None:
    """Write files below a folder, and none of them if one is there already."""
    for path in files:
        taken = folder if folder.exists() and not folder.is_dir() else folder / path
        if taken.exists() or taken.is_symlink():
            raise UsageError(
                f"{taken} exists, and nothing is overwritten: name another folder, as in "
                "`flawless init shop`"
            )
    for path, content in files.items():
        place = folder / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            with place.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise UsageError(f"cannot write {place}: {error.strerror or error}") from error
