"""The results: JSON lines that a run appends to, and what is made of them."""

from __future__ import annotations

import dataclasses
import json
import statistics
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Record:
    """One line: a value that was measured, a failure, or what an engine is (block `about`)."""

    run: str
    round: int
    engine: str
    block: str
    metric: str = ""
    value: float | None = None
    unit: str = ""
    count: int = 0
    """Of executions or steps it was measured over."""
    foreign_percent: float = 0.0
    """What other programs took of one processor meanwhile."""
    error: str = ""
    extra: dict[str, Any] = field(default_factory=dict)
    at: float = field(default_factory=time.time)


def append(path: Path, records: Iterable[Record]) -> None:
    """Append lines."""
    with path.open("a") as file:
        for record in records:
            file.write(json.dumps(dataclasses.asdict(record)) + "\n")


def read(path: Path) -> list[Record]:
    """Read all whole lines."""
    if not path.exists():
        return []
    text = path.read_text()
    return [Record(**json.loads(line)) for line in text[: text.rfind("\n") + 1].splitlines()]


@dataclass(frozen=True, slots=True)
class Summary:
    """All rounds of one metric on one engine."""

    values: tuple[float, ...]
    unit: str
    counts: tuple[int, ...]
    extra: dict[str, Any]

    @property
    def median(self) -> float:
        """The middle one."""
        return statistics.median(self.values)

    @property
    def spread(self) -> float:
        """How far the outermost are apart, as a part of the median."""
        return (max(self.values) - min(self.values)) / self.median if self.median else 0.0


def summarise(records: Iterable[Record]) -> dict[str, dict[str, Summary]]:
    """Return metric -> engine -> summary."""
    gathered: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.value is not None:
            gathered.setdefault((record.metric, record.engine), []).append(record)
    table: dict[str, dict[str, Summary]] = {}
    for (metric, engine), rows in gathered.items():
        table.setdefault(metric, {})[engine] = Summary(
            values=tuple(row.value for row in rows if row.value is not None),
            unit=rows[0].unit,
            counts=tuple(row.count for row in rows),
            extra=rows[-1].extra,
        )
    return table


def failures(records: Iterable[Record]) -> list[Record]:
    """Return what failed and did not succeed in another round."""
    records = list(records)
    done = {(r.engine, r.block) for r in records if r.value is not None}
    return [r for r in records if r.error and (r.engine, r.block) not in done]
