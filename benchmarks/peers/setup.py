"""What a run needs: an environment for each peer under `.peers/`, Restate's server, PostgreSQL.

What is there is left as it is. Nothing is taken that is not pinned: Python packages by the hashes
in `requirements/peers-*.txt`, the server by those in `requirements/peers-restate/`. A peer that
cannot be had here is left out, and the reason is said.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from rich.console import Console
from tools import environment

from benchmarks.languages import CRATE
from benchmarks.peers import postgres
from benchmarks.peers.engines.names import ENGINES, FLAWLESS
from flawless.errors import FlawlessError
from flawless.rust.build import build

ROOT: Final = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".peers"
REQUIREMENTS: Final = ROOT / "requirements"
INSTALL_POSTGRESQL: Final = ("apt-get", "install", "-y", "postgresql", "postgresql-contrib")
INSTALL_NPM: Final = ("apt-get", "install", "-y", "npm")
console = Console()


@dataclass(slots=True)
class Ready:
    """What can be run, and how."""

    programs: dict[str, Path] = field(default_factory=dict)
    """The Python of each engine."""
    variables: dict[str, str] = field(default_factory=dict)
    """Of the environment that the engines' processes get."""
    missing: dict[str, str] = field(default_factory=dict)
    """Why an engine is left out."""
    postgres: bool = False


def prepare(engines: Iterable[str]) -> Ready:
    """Set up what these engines need."""
    ready = Ready()
    FOLDER.mkdir(exist_ok=True)
    for name in engines:
        try:
            ready.programs[name] = _program(name, ready)
        except (Missing, FlawlessError, SystemExit) as error:  # pip's failure is the last
            ready.missing[name] = str(error)
            console.print(f"{ENGINES[name].title} is left out: {error}", style="yellow")
    return ready


class Missing(Exception):
    """Something that this machine does not have, and this program cannot get."""


def _program(name: str, ready: Ready) -> Path:
    environment_name = ENGINES[name].environment
    match name:
        case "flawless-rust":
            ready.variables["FLAWLESS_PEERS_COMPONENT"] = str(build(CRATE).path)
        case "restate":
            ready.variables["FLAWLESS_PEERS_RESTATE"] = str(_restate_server())
        case "dbos-postgresql":
            _postgresql()
            ready.postgres = True
    return Path(sys.executable) if environment_name == FLAWLESS else _venv(environment_name)


def _venv(name: str) -> Path:
    """Return the Python of an environment with a peer's pinned packages."""
    folder, pins = FOLDER / name, REQUIREMENTS / f"peers-{name}.txt"
    python = folder / "bin" / "python"

    def make() -> None:
        console.print(f"setting up .peers/{name}")
        shutil.rmtree(folder, ignore_errors=True)
        if not environment.succeeds([sys.executable, "-m", "venv", str(folder)]):
            raise Missing(f"Python makes no environment at {folder}; is python3-venv installed?")
        environment.install([str(python), "-m", "pip"], [pins])

    _once(folder, pins, make)
    return python


def _restate_server() -> Path:
    """Return the server's program, which npm fetches and checks against its hash."""
    folder, given = FOLDER / "restate-server", REQUIREMENTS / "peers-restate"

    def make() -> None:
        if not shutil.which("npm") and not environment.debian_package(
            "npm", INSTALL_NPM, needed=False
        ):
            raise Missing(f"its server comes from npm; run: sudo {' '.join(INSTALL_NPM)}")
        console.print("setting up .peers/restate-server")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(given, folder)
        done = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
            cwd=folder, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode:
            raise Missing(f"npm could not install its server: {done.stderr[-500:]}")

    _once(folder, given / "package-lock.json", make)
    found = sorted(folder.glob("node_modules/@restatedev/restate-server-*/bin/restate-server"))
    if not found:
        raise Missing("there is no server for this kind of machine")
    return found[0]


def _postgresql() -> None:
    """See to it that PostgreSQL's programs are there."""
    if postgres.programs() is None:
        environment.debian_package("PostgreSQL", INSTALL_POSTGRESQL, needed=False)
    if postgres.programs() is None:
        raise Missing(f"PostgreSQL is missing; run: sudo {' '.join(INSTALL_POSTGRESQL)}")


def _once(folder: Path, source: Path, make: Callable[[], None]) -> None:
    """Make something anew only when what it is made from has changed."""
    stamp = folder / ".made-from"
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        make()
        stamp.write_text(digest)


def variables(ready: Ready) -> dict[str, str]:
    """Return the environment of the engines' processes."""
    return {
        **os.environ,
        **ready.variables,
        "PYTHONPATH": str(ROOT),
        "FLAWLESS_PEERS_DEPLOYED": str(FOLDER / "deployed"),
    }
