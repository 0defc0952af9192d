"""What is expected of CPython's tests in a guest: `expected.toml` as objects."""

from __future__ import annotations

import fnmatch
import tomllib
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "expected.toml"


@dataclass(frozen=True, slots=True)
class Failing:
    """Tests that fail for one reason: a newer Python's change (`since`), or the guest."""

    why: str
    tests: list[str]
    since: str = ""
    guest: bool = False

    def __post_init__(self) -> None:
        assert bool(self.since) != self.guest, f"either since or guest: {self.why}"

    def covers(self, test: str) -> bool:
        """Tell whether `test` is expected to fail for this reason."""
        return any(matches(test, pattern) for pattern in self.tests)


@dataclass(frozen=True, slots=True)
class Skipped:
    """Tests that skip themselves, by the reasons that they give."""

    why: str
    reasons: list[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """How many tests pass at least, by module, and what becomes of the others."""

    passed: dict[str, int]
    failing: list[Failing]
    skipped: list[Skipped]

    def patterns(self) -> list[str]:
        """Return all patterns of tests that fail."""
        return [pattern for one in self.failing for pattern in one.tests]


def load() -> Expected:
    """Return what `expected.toml` says."""
    text = tomllib.loads(FILE.read_text())
    return Expected(
        text["passed"],
        [Failing(**entry) for entry in text["failing"]],
        [Skipped(**entry) for entry in text["skipped"]],
    )


def matches(test: str, pattern: str) -> bool:
    """Tell whether a pattern in `expected.toml` means this test."""
    return fnmatch.fnmatchcase(short(test), pattern)


def short(test: str) -> str:
    """Return the id of a test as `expected.toml` and the documentation write it."""
    return test.removeprefix("test.")
