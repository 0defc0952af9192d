"""Arguments and options that several commands share."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from flawless.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Execution = Annotated[str, typer.Argument(metavar="ID", help="The execution.")]
Recorded = Annotated[
    str,
    typer.Argument(
        metavar="ID|FILE",
        help="An execution, of the server or imported, or a file that `flawless export` wrote.",
    ),
]
Data = Annotated[
    Path, typer.Option(metavar="DIR", help="The data folder, where imported files are kept.")
]
Attributes = Annotated[
    list[str] | None,
    typer.Option(
        "--attribute",
        metavar="NAME=VALUE",
        help="What it is found by, or found; give it once for each, and all must hold.",
    ),
]
Reason = Annotated[str, typer.Option(help="Why; the workflow and the journal are told.")]
By = Annotated[
    str | None, typer.Option(help="Who decided; your login name unless you say otherwise.")
]


def who(by: str | None) -> str:
    """Return who acts, for the journal: what was given, or the login name."""
    if by is not None:
        return by
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a user id without a name, as in many containers
        return ""


def read_attributes(texts: list[str] | None) -> dict[str, str]:
    """Return attributes that were given as `NAME=VALUE`."""
    attributes: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--attribute {text}: write NAME=VALUE, such as customer=42")
        if attributes.setdefault(name, value) != value:
            raise UsageError(f"the attribute {name} is given with two values")
    return attributes


def read_json(text: str | None, what: str) -> Any:
    """Return an argument that is JSON; `-` stands for standard input, None for null."""
    if text is None:
        return None
    source = "standard input" if text == "-" else what
    raw = sys.stdin.buffer.read() if text == "-" else text.encode("utf-8", "surrogateescape")
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        hint = '; quote it for the shell: \'{"name": "Ada"}\'' if text != "-" else ""
        raise UsageError(f"{source} is not valid JSON: {error}{hint}") from None
    except RecursionError:
        raise UsageError(f"{source} is not valid JSON: it is nested too deeply") from None
