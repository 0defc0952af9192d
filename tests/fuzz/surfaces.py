"""What is fuzzed: one target for each surface on which foreign bytes arrive.

A target takes bytes, hands them to the code as an attacker would, and raises whatever is not an
answer that the documentation promises. `run.py` runs targets guided by coverage, `test_corpus.py`
over what was kept, and `test_structured.py` over input that Hypothesis makes up.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"


@dataclass(frozen=True, slots=True)
class Surface:
    """One surface: `module` holds its target, `watched` are the modules that guide the fuzzer."""

    module: str
    about: str
    watched: tuple[str, ...]
    bytes_max: int = 4_096

    def target(self) -> Callable[[bytes], None]:
        """Return the target."""
        found: Callable[[bytes], None] = importlib.import_module(self.module).target
        return found

    def words(self) -> tuple[str, ...]:
        """Return what the fuzzer should write more often than chance would have it."""
        return getattr(importlib.import_module(self.module), "WORDS", ())


SURFACES = {
    "protocol": Surface(
        "fuzz_protocol",
        "what a guest asks of its host, in sequences: scripts for the machine of an execution",
        ("flawless.core",),
    ),
    "engine": Surface(
        "fuzz_engine",
        "what a guest asks of its host: a component that asks it of a whole engine",
        ("flawless.core", "flawless.engine", "flawless.server.endpoints", "flawless.codec"),
        1_024,
    ),
    "journal": Surface(
        "fuzz_journal",
        "journals as stores have them, whole, damaged, and forged with checksums that fit",
        ("flawless.core", "flawless.server.endpoints"),
    ),
    "codec": Surface(
        "fuzz_codec",
        "values as JSON text, tagged and plain, against annotations",
        ("flawless.codec",),
        1_024,
    ),
    "http": Surface(
        "fuzz_http",
        "bytes on the server's socket",
        ("flawless.server", "flawless.api", "flawless.engine"),
    ),
    "component": Surface(
        "fuzz_component",
        "the bytes of an uploaded component",
        ("flawless.wasm", "flawless.engine"),
        65_536,
    ),
    "description": Surface(
        "fuzz_description",
        "what an uploaded component says of itself",
        ("flawless.engine", "flawless.wasm"),
    ),
    "export": Surface(
        "fuzz_export",
        "export files, as zip archives and as members that fit their hashes",
        ("flawless.timetravel", "flawless.core", "flawless.engine"),
        8_192,
    ),
    "texts": Surface(
        "fuzz_texts",
        "what people type: durations, ids, cursors, conditions, placeholders of secrets",
        ("flawless.durations", "flawless.ids", "flawless.stores.selection", "flawless.engine",
         "flawless.server.wire", "flawless.cli", "flawless.core"),
        512,
    ),
}  # fmt: skip


def kept(name: str) -> list[Path]:
    """Return the files of a surface's corpus, always in the same order."""
    folder = CORPUS / name
    return sorted(folder.iterdir()) if folder.is_dir() else []
