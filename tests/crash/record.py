"""What a sweep has done, in numbers: each process of tests appends one line of JSON to a file.

    SWEEP_RECORD=sweep.jsonl make sweep
    python tests/crash/record.py sweep.jsonl       # all lines of the file, added up

A line holds the language, the seed, when it was and how long it took, and counts: storms, kills,
points by kind at which an engine died, executions, entries of journals, effects the world saw,
promises that were broken, and the most guests and the most memory that an engine had.
"""

from __future__ import annotations

import json
import platform
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from checker import Story

COUNTED = ("storms", "lives", "kills", "executions", "entries", "effects", "broken")
LARGEST = ("guests_max", "resident_max")
"""The most guests alive in one engine, and the most memory of one, in bytes."""


class Tally:
    """The numbers of one field of storms."""

    def __init__(self, language: str) -> None:
        self.language = language
        self.counts: Counter[str] = Counter()
        self.points: Counter[str] = Counter()
        self.largest = dict.fromkeys(LARGEST, 0)
        self._began_s = time.monotonic()
        self._lock = threading.Lock()

    @property
    def kills(self) -> int:
        """How many engines have died."""
        return self.counts["kills"]

    def add(
        self, stories: Sequence[Story], report: Mapping[str, Any], problems: Sequence[str]
    ) -> None:
        """Count a storm."""
        killed = report["killed"]
        members = [member for story in stories for member in story.family]
        with self._lock:
            self.counts["storms"] += 1
            self.counts["lives"] += len(killed) + 1
            self.counts["kills"] += len(killed)
            self.counts["executions"] += len(members)
            self.counts["entries"] += sum(len(member.journal) for member in members)
            self.counts["effects"] += sum(len(story.seen) for story in stories)
            self.counts["broken"] += len(problems)
            self.points.update(_kind(point) for point in killed)
            for name in LARGEST:
                self.largest[name] = max(self.largest[name], report.get(name, 0))

    def line(self, **more: Any) -> dict[str, Any]:
        """Return the numbers as they are written into a file."""
        return {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "language": self.language,
            "seconds": round(time.monotonic() - self._began_s, 1),
            "python": platform.python_version(),
            **{name: self.counts[name] for name in COUNTED},
            **self.largest,
            "points": dict(sorted(self.points.items())),
            **more,
        }


def append(path: Path, line: Mapping[str, Any]) -> None:
    """Add a line to a file."""
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def added_up(lines: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the sums of lines by language."""
    sums: dict[str, dict[str, Any]] = {}
    for line in lines:
        total = sums.setdefault(line["language"], {"points": Counter(), "seconds": 0.0})
        total["points"].update(line["points"])
        total["seconds"] += line["seconds"]
        for name in COUNTED:
            total[name] = total.get(name, 0) + line[name]
        for name in LARGEST:
            total[name] = max(total.get(name, 0), line.get(name, 0))
        total.setdefault("seeds", []).append(line.get("seed"))
        total["last"] = max(total.get("last", ""), line["at"])
    return sums


def _kind(point: str) -> str:
    """Return what kind of point this is: `commit before`, `time`."""
    kind, _, place = point.partition(":")
    side = place.rpartition(":")[2]
    return f"{kind} {side}" if side in ("before", "after") else kind


def main(path: str) -> None:
    """Print the sums of a file as JSON."""
    lines = map(json.loads, Path(path).read_text().splitlines())
    print(json.dumps(added_up(lines), indent=2))


if __name__ == "__main__":
    main(sys.argv[1])
