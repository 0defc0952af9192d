"""A file to which steps append a line when they run: what a kill cannot take back.

A line is `tag execution time`. Reading goes on where it stopped, so that watching takes little.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

FILE = "FLAWLESS_PEERS_MARKS"
"""The variable of the environment that tells steps where the file is."""


class Marker:
    """Appends lines."""

    def __init__(self, path: Path) -> None:
        self._gate = gate_of(path)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def add(self, tag: str, execution: str) -> None:
        """Append a line."""
        os.write(self._file, f"{tag} {execution} {time.time():.6f}\n".encode())

    @property
    def blocked(self) -> bool:
        """Whether steps that wait for the gate have to wait."""
        return not self._gate.exists()


_opened: list[Marker] = []


def marker() -> Marker:
    """Return the one of this process."""
    if not _opened:
        _opened.append(Marker(Path(os.environ[FILE])))
    return _opened[0]


def gate_of(path: Path) -> Path:
    """Return the file whose existence opens the gate."""
    return path.with_suffix(".gate")


class Marks:
    """Reads lines: when each execution was first marked with each tag, since a moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_bytes = 0
        self.lines = 0
        self.newest = 0.0
        self.first: dict[str, dict[str, float]] = {}

    def update(self) -> None:
        """Read what has come."""
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read_bytes)
            text = file.read()
        text = text[: text.rfind(b"\n") + 1]
        self._read_bytes += len(text)
        for line in text.decode().splitlines():
            tag, execution, at = line.split()
            self.first.setdefault(tag, {}).setdefault(execution, float(at))
            self.lines += 1
            self.newest = max(self.newest, float(at))

    def forget(self) -> None:
        """Count anew from here."""
        self.update()
        self.first, self.lines = {}, 0

    def of(self, tag: str) -> dict[str, float]:
        """Return the executions marked so, and when each was first."""
        return self.first.get(tag, {})

    def wait(
        self,
        tag: str,
        count: int,
        limit_s: float,
        alive: Callable[[], None],
        quiet_s: float | None = None,
    ) -> int:
        """Wait until so many executions are marked so; return how many are, at last.

        The wait ends at the limit, or when nothing was marked any more for `quiet_s`.
        """
        end, before, changed = time.monotonic() + limit_s, -1, time.monotonic()
        while True:
            self.update()
            now, reached = time.monotonic(), len(self.of(tag))
            if reached != before:
                before, changed = reached, now
            still = quiet_s is not None and now - changed > quiet_s
            if reached >= count or now > end or still:
                return reached
            alive()
            time.sleep(0.05)
