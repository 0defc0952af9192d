"""How fast this disk is: one-row SQLite commits (WAL, synchronous=FULL), with nothing around them.

    python benchmarks/bare_commit.py [--folder DIR] [--seconds S] [--json]

Every figure about durable work is read beside this one, taken in the same run: it is the least
that a durable step can cost in SQLite, in the settings everybody uses (pages of 4,096 bytes, a
checkpoint every 1,000 pages, the standard library's `sqlite3`).
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

ROW_BYTES = 100
WARM_UP_COMMITS = 1100
"""Until the log was folded once: from then on it is overwritten in place, which is faster."""


@dataclass(frozen=True, slots=True)
class Commits:
    """What was measured; times in microseconds."""

    count: int
    per_s: float
    p50_us: float
    p99_us: float

    @classmethod
    def of(cls, seconds: list[float]) -> Commits:
        """Summarise the durations of single commits."""
        ordered = sorted(seconds)
        return cls(
            count=len(ordered),
            per_s=round(len(ordered) / sum(ordered), 1),
            p50_us=round(ordered[len(ordered) // 2] * 1e6, 1),
            p99_us=round(ordered[len(ordered) * 99 // 100] * 1e6, 1),
        )


def measure(folder: Path, seconds: float = 2.0) -> Commits:
    """Commit single rows to a new database in `folder` for `seconds`, and delete it again."""
    with tempfile.TemporaryDirectory(prefix="bare-commit-", dir=folder) as name:
        connection = sqlite3.connect(Path(name) / "bare.db", isolation_level=None)
        connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, data BLOB)")
        data = bytes(ROW_BYTES)
        for _ in range(WARM_UP_COMMITS):
            connection.execute("INSERT INTO t (data) VALUES (?)", (data,))
        durations: list[float] = []
        end = perf_counter() + seconds
        while (began := perf_counter()) < end:
            connection.execute("INSERT INTO t (data) VALUES (?)", (data,))
            durations.append(perf_counter() - began)
        connection.close()
    return Commits.of(durations)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    commits = measure(options.folder, options.seconds)
    if options.json:
        print(json.dumps(asdict(commits)))
    else:
        print(
            f"{commits.per_s:,.0f} commits/s; one takes {commits.p50_us:.0f} us (p50), "
            f"{commits.p99_us:.0f} us (p99); {commits.count:,} measured in {options.folder}"
        )


if __name__ == "__main__":
    main()
