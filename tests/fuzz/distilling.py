"""Choosing what a corpus keeps: the inputs that reach the most, the fewest and smallest of them.

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

Step = tuple[str, int, int]
"""A module's file, and two lines of it, one after the other."""

FILES_MAX = 60
BYTES_MAX = 100_000


class Steps:
    """The steps from line to line in some modules, of all threads that begin from now on."""

    def __init__(self, watched: Iterable[str]) -> None:
        self._parts = tuple(f"/{name.replace('.', '/')}" for name in watched)
        self._watches: dict[str, bool] = {}
        self.taken: set[Step] = set()
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
    reached: dict[bytes, set[Step]] = {}
    for content in {file.read_bytes() for file in named + others}:
        steps.taken = set()
        with contextlib.suppress(AssertionError):
            target(content)
        reached[content] = steps.taken
    seen = set[Step]().union(*(reached.pop(file.read_bytes()) for file in named))
    chosen: dict[str, bytes] = {}
    left = BYTES_MAX
    while len(chosen) < FILES_MAX and (fits := [one for one in reached if len(one) <= left]):
        best = max(fits, key=lambda one: (len(reached[one] - seen), -len(one), one))
        gain = reached.pop(best) - seen
        if not gain:
            break
        seen |= gain
        left -= len(best)
        chosen[hashlib.sha256(best).hexdigest()[:16]] = best
    for file in kept(name):
        if file not in named:
            file.unlink()
    for digest, content in chosen.items():
        (CORPUS / name / digest).write_bytes(content)
    size = BYTES_MAX - left
    print(f"{name}: kept {len(chosen)} files, {size:,} bytes, and {len(named)} with names")


def is_hash(name: str) -> bool:
    """Whether a file is named by its content."""
    return len(name) == 16 and set(name) <= set("0123456789abcdef")
