"""What somebody outside was told by the engine, in every life of it: written down at once.

A line is appended with one `write`, which a killed process has done or not. What was told once
has to stay true in all later lives: see `checker.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that was told: `started`, `found`, `lost`, `sent`, `ended` or `guests`."""

    kind: str
    execution: str
    facts: dict[str, Any] = field(default_factory=dict)


class Notebook:
    """A file of such things, for all lives of one storm."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        self._known = {_known(one.kind, one.execution, one.facts.values()) for one in read(path)}

    def note(self, kind: str, execution: str, **facts: Any) -> None:
        """Write down what was told."""
        os.write(self._file, json.dumps([kind, execution, facts]).encode() + b"\n")

    def knows(self, kind: str, execution: str, *facts: Any) -> bool:
        """Tell whether an earlier life was told this."""
        return _known(kind, execution, facts) in self._known


def _known(kind: str, execution: str, facts: Iterable[Any]) -> str:
    return json.dumps([kind, execution, *facts])


def read(path: Path) -> list[Told]:
    """Return what was written down, in order."""
    if not path.exists():
        return []
    return [Told(*json.loads(line)) for line in path.read_text().splitlines()]
