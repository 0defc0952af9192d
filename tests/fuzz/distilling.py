"""Choosing what a corpus keeps: the fewest and smallest inputs that reach all that was reached.

What an input reaches is told by Python's own tracing: which line of the watched modules came after
which. That is slower than what guides the fuzzer, and the same everywhere.
"""

from __future__ import annotations

import contextlib
import hashlib
import sys
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from surfaces import CORPUS, SURFACES, kept

FILES_MAX = 60
BYTES_MAX = 100_000


class Steps:
    """The steps from line to line in some modules, of all threads that begin from now on."""

    def __init__(self, watched: Iterable[str]) -> None:
        self._parts = tuple(f"/{name.replace('.', '/')}" for name in watched)
        self._watches: dict[str, bool] = {}
        self.taken: set[tuple[str, int, int]] = set()
        threading.settrace(self._call)
        sys.settrace(self._call)

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        name = frame.f_code.co_filename
        watches = self._watches.get(name)
        if watches is None:
            watches = any(part in name for part in self._parts)
            self._watches[name] = watches
        return self._line(name, frame.f_lineno) if watches else None

    def _line(self, name: str, before: int) -> Any:
        def step(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal before
            if event == "line":
                self.taken.add((name, before, frame.f_lineno))
                before = frame.f_lineno
            return step

        return step


def distil(name: str, folder: Path) -> None:
    """Put into the corpus what reaches more than the rest of it, of the corpus and of `folder`."""
    surface = SURFACES[name]
    steps = Steps(surface.watched)
    target = surface.target()
    target(b"")
    named = [file for file in kept(name) if not is_hash(file.name)]
    others = [file for file in kept(name) if file not in named]
    others += [file for file in folder.iterdir() if file.stat().st_size <= surface.bytes_max]
    seen: set[tuple[str, int, int]] = set()
    chosen: dict[str, bytes] = {}
    size = 0
    contents = {file.read_bytes() for file in others}
    ordered = sorted(contents, key=lambda content: (len(content), content))
    for content in [*(file.read_bytes() for file in named), *ordered]:
        steps.taken = set()
        with contextlib.suppress(AssertionError):
            target(content)
        new = steps.taken - seen
        seen |= steps.taken
        fits = len(chosen) < FILES_MAX and size + len(content) <= BYTES_MAX
        if new and fits and content in contents:
            chosen[hashlib.sha256(content).hexdigest()[:16]] = content
            size += len(content)
    for file in kept(name):
        if file not in named:
            file.unlink()
    for digest, content in chosen.items():
        (CORPUS / name / digest).write_bytes(content)
    print(f"{name}: kept {len(chosen)} files, {size:,} bytes, and {len(named)} with names")


def is_hash(name: str) -> bool:
    """Whether a file is named by its content."""
    return len(name) == 16 and set(name) <= set("0123456789abcdef")
