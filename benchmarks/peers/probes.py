"""What is read from /proc and from files while an engine works: memory, disk, other programs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Self

TICKS_PER_S: Final = os.sysconf("SC_CLK_TCK")
SECTOR_BYTES: Final = 512
_PROC: Final = Path("/proc")


def percentile(values: list[float], percent: float) -> float:
    """Return a percentile, between two values where it falls between them."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * percent / 100
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def processes() -> dict[int, tuple[int, int]]:
    """Return the parent and the processor ticks of each process."""
    found = {}
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            text = (entry / "stat").read_text()
        except OSError:
            continue  # it has ended meanwhile
        fields = text[text.rindex(")") + 2 :].split()
        found[int(entry.name)] = (int(fields[1]), sum(map(int, fields[11:15])))
    return found


def descendants(root: int, known: dict[int, tuple[int, int]] | None = None) -> list[int]:
    """Return a process and all that it started, parents first."""
    known = processes() if known is None else known
    children: dict[int, list[int]] = {}
    for number, (parent, _) in known.items():
        children.setdefault(parent, []).append(number)
    found, open_ = [], [root]
    while open_:
        number = open_.pop()
        if number in known:
            found.append(number)
        open_ += children.get(number, [])
    return found


def memory_bytes(numbers: list[int]) -> int:
    """Return the proportional set size of processes: what they share is counted once."""
    total_kb = 0
    for number in numbers:
        try:
            text = (_PROC / str(number) / "smaps_rollup").read_text()
        except OSError:
            continue  # it has ended meanwhile
        total_kb += next((int(s.split()[1]) for s in text.splitlines() if s[:4] == "Pss:"), 0)
    return total_kb * 1024


def device_bytes_written(folder: Path) -> int:
    """Return what was ever written to the device that holds `folder`, all that waits included."""
    os.sync()
    device = folder.stat().st_dev
    for line in (_PROC / "diskstats").read_text().splitlines():
        fields = line.split()
        if (int(fields[0]), int(fields[1])) == (os.major(device), os.minor(device)):
            return int(fields[9]) * SECTOR_BYTES
    return 0


def folder_bytes(folder: Path) -> int:
    """Return the size of all files in a folder, as they tell it."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_size if path.is_file() else 0
        except OSError:
            continue  # it was removed meanwhile
    return total


class Witness:
    """What other programs took of the processors meanwhile, in percent of one."""

    def __init__(self, root: int | None = None) -> None:
        self._root = root or os.getpid()
        self.foreign_percent = 0.0

    def __enter__(self) -> Self:
        self._began, self._busy, self._own = time.perf_counter(), _busy(), self._own_ticks()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = max(time.perf_counter() - self._began, 0.001)
        foreign = (_busy() - self._busy) - (self._own_ticks() - self._own)
        self.foreign_percent = round(100 * max(foreign, 0) / TICKS_PER_S / seconds, 1)

    def _own_ticks(self) -> int:
        known = processes()
        return sum(known[number][1] for number in descendants(self._root, known))


class Clock:
    """The time that passes, and what some processes compute meanwhile, this one included."""

    def __init__(self, numbers: Callable[[], list[int]]) -> None:
        self._numbers = numbers
        self.passed_s = self.computed_s = 0.0

    def __enter__(self) -> Self:
        self._ticks, self._began = self._sum(), time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.passed_s = time.perf_counter() - self._began
        self.computed_s = (self._sum() - self._ticks) / TICKS_PER_S

    def _sum(self) -> int:
        known = processes()
        counted = {*descendants(os.getpid(), known), *self._numbers()}
        return sum(known[number][1] for number in counted if number in known)


def _busy() -> int:
    fields = [int(field) for field in (_PROC / "stat").read_text().split("\n", 1)[0].split()[1:]]
    return sum(fields[n] for n in (0, 1, 2, 5, 6))
