"""What people and programs see: tables, JSON, errors, lengths of time, shortened values."""

from __future__ import annotations

import importlib.metadata
import json
import math
import re
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from rich.console import Console
from rich.table import Table
from rich.text import Text

from flawless import durations
from flawless.errors import (
    DeploymentInvalid,
    ExecutionCancelled,
    ExecutionFailed,
    FlawlessError,
    UsageError,
)
from flawless.rust.failures import CompilationFailed

WIDTH_PIPED: Final = 160
_COLOR: Final = re.compile(r"(\x1b\[[0-9;]*m)")
STATUS_STYLES: Final = {
    "running": "cyan",
    "waiting": "yellow",
    "parked": "magenta",
    "completed": "green",
    "failed": "red",
    "cancelled": "dim",
}


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows text as it is; piped output has a fixed width and no colours."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else WIDTH_PIPED
    return Console(
        stderr=stderr, markup=False, highlight=False, emoji=False, soft_wrap=True, width=width
    )


def line(text: str, *, style: str = "") -> None:
    """Print a line of our own words on standard output."""
    console().print(Text(text, style=style))


def note(text: str, *, style: str = "dim") -> None:
    """Print a line for people on standard error, where it does not mix with results."""
    console(stderr=True).print(Text(text, style=style))


def show_error(error: FlawlessError) -> None:
    """Print an error with the user's own traceback, if it has one, and never with ours."""
    stream = console(stderr=True)
    if isinstance(error, CompilationFailed):
        stream.print(colored(error.traceback.rstrip()))
    elif isinstance(error, ExecutionFailed | DeploymentInvalid) and error.traceback:
        stream.print(Text(printable(error.traceback.rstrip())))
    label = "failed" if isinstance(error, ExecutionFailed) else "error"
    if isinstance(error, ExecutionCancelled):
        label = "cancelled"
    stream.print(Text.assemble((f"{label}: ", "bold red"), printable(str(error))))


def colored(text: str) -> Text:
    """Return text that has colours for terminals, without what else would steer one."""
    parts = _COLOR.split(text)
    return Text.from_ansi(
        "".join(part if n % 2 else printable(part) for n, part in enumerate(parts)), end=""
    )


def print_json(value: Any, *, compact: bool = False) -> None:
    """Print a document or value as JSON; over several lines unless `compact`."""
    text = json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=None if compact else 2)
    sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace") + b"\n")
    sys.stdout.flush()


def print_json_with(head: dict[str, Any], name: str, items: Iterable[Any]) -> None:
    """Print the object `head` with one member more: an array, written as its items come."""
    text = json.dumps(head, ensure_ascii=False, indent=2).removesuffix("\n}")
    write = sys.stdout.buffer.write
    write(f"{text},\n  {json.dumps(name)}: [".encode("utf-8", "backslashreplace"))
    separator = "\n"
    for item in items:
        lines = json.dumps(item, ensure_ascii=False, indent=2).replace("\n", "\n    ")
        write(f"{separator}    {lines}".encode("utf-8", "backslashreplace"))
        separator = ",\n"
    write(b"\n  ]\n}\n")
    sys.stdout.flush()


def table(columns: Sequence[str], rows: Sequence[Sequence[str | Text]]) -> None:
    """Print a table that stays one line for each row."""
    made = Table(box=None, pad_edge=False, header_style="bold dim", padding=(0, 2, 0, 0))
    for column in columns:
        made.add_column(column.upper(), no_wrap=True, overflow="ellipsis")
    for row in rows:
        made.add_row(*(Text(cell) if isinstance(cell, str) else cell for cell in row))
    console().print(made, soft_wrap=False)


def status_text(status: str) -> Text:
    """Return a status in its colour."""
    return Text(status, style=STATUS_STYLES.get(status, ""))


def length(us: int) -> str:
    """Return a length of time as people say it: `12.3 ms`, `2.31 s`, `4m 05s`, `2d 03h`."""
    if us < 1_000:
        return f"{us} us" if us else "0 s"
    if us < 1_000_000:
        return f"{us / 1_000:.3g} ms" if us < 999_500 else "1.00 s"
    if us < 60_000_000:
        return f"{us / 1_000_000:.3g} s" if us >= 10_000_000 else f"{us / 1_000_000:.2f} s"
    seconds = us // 1_000_000
    if seconds < 3_600:
        return f"{seconds // 60}m {seconds % 60:02d}s"
    if seconds < 86_400:
        return f"{seconds // 3_600}h {seconds % 3_600 // 60:02d}m"
    return f"{seconds // 86_400}d {seconds % 86_400 // 3_600:02d}h"


def size(size_bytes: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.3g} {unit}"
    return f"{size_bytes} bytes"


def short(value: Any, chars_max: int = 120) -> str:
    """Return a value as JSON on one line, cut to `chars_max` characters."""
    text = printable(json.dumps(value, ensure_ascii=False)).replace("\n", " ")
    return text if len(text) <= chars_max else f"{text[: chars_max - 1]}…"


def printable(text: str) -> str:
    """Return text without what would steer a terminal: only line ends and tabs stay."""
    if text.isprintable():
        return text
    return "".join(
        c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text
    )


def parse_seconds(text: str | None, option: str) -> float | None:
    """Return an option's length of time: a number of seconds, or a text such as `1h30m`."""
    if text is None:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    try:
        return durations.seconds(text if math.isnan(value) else value)
    except ValueError:
        raise UsageError(
            f"{option} {text!r} is no length of time: write seconds (30) or 90s, 1h30m, 2d"
        ) from None


def version() -> str:
    """Return the version of Flawless."""
    try:
        return importlib.metadata.version("flawless-engine")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"
