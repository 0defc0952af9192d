"""`doctor`: whether this machine has what Flawless needs, and how quick its disk is."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import shutil
import socket
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

import typer
from rich.text import Text

from flawless.cli import output
from flawless.cli.defaults import DATABASE, HOST, PORT
from flawless.cli.given import AsJson
from flawless.cli.server import connect
from flawless.cli.status import TROUBLE
from flawless.errors import FlawlessError
from flawless.wasm import CacheFolder

Verdict = Literal["ok", "warning", "problem"]

LIBRARIES: Final = (
    "wasmtime",
    "componentize-py",
    "apsw",
    "starlette",
    "uvicorn",
    "httpx",
    "msgspec",
)
FREE_BYTES_MIN: Final = 512 * 1024 * 1024
SYNCS: Final = 40
SYNC_BYTES: Final = 4096
SYNC_MS_GOOD: Final = 10.0
_MARKS: Final = {"ok": ("ok", "green"), "warning": ("!!", "yellow"), "problem": ("no", "bold red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """What was looked at, what was found, and whether that is good."""

    name: str
    verdict: Verdict
    found: str


def doctor(
    data: Annotated[Path, typer.Option(metavar="DIR", help="The data folder to look at.")] = Path(
        ".flawless"
    ),
    as_json: AsJson = False,
) -> None:
    """Check tools, cache, disk and port. Exit status 4 if something cannot work."""
    findings: list[Finding] = []
    for check in _checks(data):
        for finding in check():
            findings.append(finding)
            if not as_json:
                _print(finding)
    if as_json:
        output.print_json([asdict(finding) for finding in findings])
    if any(finding.verdict == "problem" for finding in findings):
        raise typer.Exit(TROUBLE)


def _checks(data: Path) -> list[Callable[[], Iterator[Finding]]]:
    return [
        _python,
        _versions,
        _rust,
        _cache,
        lambda: _data(data),
        lambda: _disk(_existing(data)),
        _port,
    ]


def _print(finding: Finding) -> None:
    mark, style = _MARKS[finding.verdict]
    output.console().print(
        Text.assemble((mark, style), f"  {finding.name:<16}", output.printable(finding.found))
    )


def _python() -> Iterator[Finding]:
    version = platform.python_version()
    text = f"{platform.python_implementation()} {version} ({sys.executable})"
    if sys.version_info[:3] == (3, 14, 0):
        yield Finding(
            "Python", "warning", f"{text}: 3.14.0 has a bug in asyncio; use 3.14.1 or newer"
        )
    elif platform.python_implementation() != "CPython":
        yield Finding("Python", "warning", f"{text}: only CPython is tested")
    else:
        yield Finding("Python", "ok", text)
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"
    known = platform.system() == "Linux"
    yield Finding("machine", "ok" if known else "warning", machine)


def _versions() -> Iterator[Finding]:
    yield Finding("flawless", "ok", output.version())
    for name in LIBRARIES:
        try:
            yield Finding(name, "ok", importlib.metadata.version(name))
        except importlib.metadata.PackageNotFoundError:
            yield Finding(name, "problem", "is not installed: reinstall flawless-engine")


def _rust() -> Iterator[Finding]:
    """Only who writes workflows in Rust needs it."""
    from flawless.rust.toolchain import find

    try:
        found = find()
    except FlawlessError as error:
        text = " ".join(str(error).split())
        yield Finding("Rust", "warning", f"{text} (only for workflows in Rust)")
        return
    how = "" if found.gives_components else ", components are made of core modules"
    yield Finding("Rust", "ok", f"{found.version} ({found.cargo}) for {found.target}{how}")


def _cache() -> Iterator[Finding]:
    folder = CacheFolder()
    try:
        sizes = {path.name: path.stat().st_size for path in folder.path.iterdir() if path.is_file()}
    except FileNotFoundError:
        sizes = {}
    except OSError as error:
        yield Finding("cache", "problem", f"{folder.path}: {error.strerror or error}")
        return
    place = _existing(folder.path)
    if not os.access(place, os.W_OK):
        text = f"{place} cannot be written: mend its permissions, or set FLAWLESS_CACHE"
        yield Finding("cache", "problem", text)
    else:
        yield Finding("cache", "ok", f"{folder.path}, {output.size(sum(sizes.values()))}")
    yield from _cached(sizes, "python", "Python runtime", "is built on the first `flawless up`")
    yield from _cached(sizes, "code", "compiled code", "is made on the first `flawless up`")


def _cached(sizes: dict[str, int], kind: str, name: str, absent: str) -> Iterator[Finding]:
    found = [size for file, size in sizes.items() if file.startswith(f"{kind}-")]
    text = f"{len(found)} cached, {output.size(sum(found))}" if found else absent
    yield Finding(name, "ok", text)


def _data(data: Path) -> Iterator[Finding]:
    place = _existing(data)
    if not place.is_dir():
        yield Finding("data folder", "problem", f"{place} is no folder: name another with --data")
        return
    if not os.access(place, os.W_OK | os.X_OK):
        yield Finding("data folder", "problem", f"{place} cannot be written: mend its permissions")
        return
    database = data / DATABASE
    try:
        text = f"{database}, {output.size(database.stat().st_size)}"
    except OSError:
        text = f"{data} (made by `flawless up`)"
    yield Finding("data folder", "ok", text)
    free = shutil.disk_usage(place).free
    verdict: Verdict = "ok" if free >= FREE_BYTES_MIN else "warning"
    yield Finding("free space", verdict, output.size(free))


def _disk(place: Path) -> Iterator[Finding]:
    """Measure what each visible effect costs on this disk: one small durable write."""
    if not place.is_dir() or not os.access(place, os.W_OK | os.X_OK):
        return
    times_ms: list[float] = []
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            # Space is written beforehand, as the store does: only data is synced then.
            file.write(bytes(SYNC_BYTES * SYNCS))
            file.flush()
            os.fsync(file.fileno())
            for n in range(SYNCS):
                began = time.perf_counter()
                os.pwrite(file.fileno(), bytes([n % 256]) * SYNC_BYTES, n * SYNC_BYTES)
                os.fdatasync(file.fileno())
                times_ms.append((time.perf_counter() - began) * 1e3)
    except OSError as error:
        yield Finding("disk sync", "problem", f"{place}: {error.strerror or error}")
        return
    middle, slow = statistics.median(times_ms), max(times_ms)
    verdict: Verdict = "ok" if middle <= SYNC_MS_GOOD else "warning"
    rate = f"at most {1000 / middle:,.0f} commits/s"
    text = f"{middle:.2f} ms (slowest of {SYNCS}: {slow:.2f} ms), {rate}"
    if middle < 0.02:
        text += "; is this a memory disk, or does it not keep its promise?"
    yield Finding("disk sync", verdict, text)


def _port() -> Iterator[Finding]:
    try:
        with connect() as client:
            health = client.health()
    except FlawlessError as error:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            taken = probe.connect_ex((HOST, PORT)) == 0
        if taken:
            yield Finding("server", "warning", f"port {PORT} is in use, and: {error}")
        else:
            yield Finding("server", "ok", f"not running; port {PORT} is free")
        return
    unfinished = sum(
        n for status, n in health.executions.items() if status in ("running", "waiting", "parked")
    )
    text = f"version {health.version} at {client.url}, {unfinished} unfinished executions"
    if health.status == "ok":
        yield Finding("server", "ok", text)
    else:
        yield Finding("server", "problem", f"{text}; {health.problem}")


def _existing(path: Path) -> Path:
    """Return the nearest folder of a path that is there."""
    path = path.absolute()
    while not path.exists() and path != path.parent:
        path = path.parent
    return path
