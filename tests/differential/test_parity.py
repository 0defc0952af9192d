"""The same program in Python and in Rust leaves the same journal, but for what is listed."""

from __future__ import annotations

from pathlib import Path

import pytest
from cases import PORTABLE, random_case
from parity import DIFFERENCES, differences
from parts import Left, Stuck
from world import Stage

WHOLE, SHARE = 3_000, 20
FAILURES_MAX = 5


def played(folder: Path, language: str, seeds: range) -> dict[int, dict[str, Left] | str]:
    """Return what the cases of these seeds leave."""
    stage = Stage(folder, language=language)
    left: dict[int, dict[str, Left] | str] = {}
    try:
        for seed in seeds:
            try:
                left[seed] = stage.play(random_case(seed, PORTABLE), f"p{seed}")[0]
            except Stuck as problem:
                left[seed] = f"stuck: {problem}"
    finally:
        stage.close()
    return left


@pytest.mark.timeout(3600)
def test_the_language_makes_no_difference(tmp_path: Path, seed: int, whole: bool) -> None:
    """Random programs ask for the same, byte for byte, and see and leave the same."""
    seeds = range(seed, seed + (WHOLE if whole else SHARE))
    python, rust = (played(tmp_path, language, seeds) for language in ("python", "rust"))
    met: set[str] = set()
    failures: list[str] = []
    for one in seeds:
        a, b = python[one], rust[one]
        if isinstance(a, str) or isinstance(b, str):
            problems = [] if a == b else [f"{a}\n{b}"]
        else:
            problems = list(differences(a, b, met))
        if problems:
            again = f"pytest tests/differential/test_parity.py --seed {one}"
            failures.append("\n    ".join([f"\n{again}", *problems]))
        if len(failures) >= FAILURES_MAX:
            break
    assert not failures, "".join(failures)
    if whole:  # what is listed is also met: no difference stays listed that is gone
        assert met == DIFFERENCES.keys()
