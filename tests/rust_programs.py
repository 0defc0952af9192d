"""The tests' workflows in Rust, built: `tests/rust/programs.wasm.gz`, or what is newer than it.

That file is in the repository, so that no test of a guest needs Rust's toolchain. `programs.json`
beside it has the hash of all that it was built from; `make fixtures` (`tools/fixtures.py`) writes
both. While the sources are ahead of it, they are built here.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from unittest.mock import patch

from compiling import compiled
from flawless.rust.build import build

ROOT = Path(__file__).resolve().parent.parent
CRATE = ROOT / "tests" / "rust" / "programs"
COMMITTED, NOTE = (CRATE.with_name(f"programs.{kind}") for kind in ("wasm.gz", "json"))
SOURCES = (CRATE, ROOT / "guests" / "rust", ROOT / "Cargo.toml")
SMALL = {"CARGO_PROFILE_RELEASE_OPT_LEVEL": "z"}
"""How cargo builds that file: it is not to be fast, but small."""

REMEDY = (
    "tests/rust/programs.wasm.gz is not built from the sources as they are: run `make fixtures`"
)


@cache
def wasm() -> Path:
    """Return the component's file, built now if there is none of the sources as they are.

    `PROGRAMS_WASM` names another one: for processes that a test starts, and for those who work on
    the sources meanwhile. Without a toolchain the test is skipped, but for the one that fails.
    """
    if given := os.environ.get("PROGRAMS_WASM"):
        return Path(given)
    content = committed() if is_fresh() else None
    kind = "built" if content is None else "committed"
    made = ROOT / "target" / "fixtures" / f"programs-{digest()[:16]}-{kind}.wasm"
    if not made.exists():
        write(made, compiled().wasm if content is None else content)
    return made


def committed() -> bytes:
    """Return the component that the repository holds."""
    return gzip.decompress(COMMITTED.read_bytes())


def write(place: Path, wasm: bytes) -> None:
    """Put a component into a file, which others may read meanwhile."""
    place.parent.mkdir(parents=True, exist_ok=True)
    partial = place.with_suffix(f".{os.getpid()}")
    partial.write_bytes(wasm)
    partial.replace(place)


def commit() -> None:
    """Build the file that the repository holds, and note what of."""
    before = digest()
    with patch.dict(os.environ, SMALL):
        wasm = build(CRATE).wasm
    write(COMMITTED, gzip.compress(wasm, mtime=0))
    noted = {"sources": before, "wasm": hashlib.sha256(wasm).hexdigest()}
    NOTE.write_text(json.dumps(noted, indent=2) + "\n")


def is_fresh() -> bool:
    """Tell whether the file in the repository is built from the sources as they are."""
    try:
        noted = json.loads(NOTE.read_text())
        known = {"sources": digest(), "wasm": hashlib.sha256(committed()).hexdigest()}
    except FileNotFoundError:
        return False
    return bool(noted == known)


def digest() -> str:
    """Return the hash of all sources: their paths, in order, and what they hold."""
    total = hashlib.sha256()
    for path in sorted(sources(), key=lambda path: path.relative_to(ROOT).as_posix()):
        name = path.relative_to(ROOT).as_posix()
        content = path.read_bytes().replace(b"\r\n", b"\n")
        total.update(f"{name}\0{hashlib.sha256(content).hexdigest()}\n".encode())
    return total.hexdigest()


def sources() -> Iterator[Path]:
    """Yield all files that the component is built from, but for those of other people's crates."""
    for place in SOURCES:
        for path in [place] if place.is_file() else place.rglob("*"):
            inner = path.relative_to(ROOT).parts
            is_source = path.suffix == ".rs" or path.name == "Cargo.toml"
            if path.is_file() and is_source and "target" not in inner and path.name != "tests.rs":
                yield path
