"""The engine is killed everywhere, and nothing is lost, repeated or changed.

`make test` visits a share of all points, another one in each run; `make sweep` visits them all.
What fails prints the line that shows it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from harness import Field, points

WORKFLOWS = (
    "steps", "requests", "retries", "sleeps", "futures", "concurrent", "processes", "many",
)  # fmt: skip

KILLS_IN_A_ROW = 50

pytestmark = pytest.mark.timeout(3600)


def survive(field: Field, workflows: str, storms: Sequence[Sequence[str]]) -> None:
    """Run the storms and fail with one line for each that broke a promise."""
    for workflow in workflows.split("+"):
        field.calm(workflow)

    def run(crashes: Sequence[str]) -> str:
        problems = field.storm(workflows, crashes)
        again = f"python tests/sweep/reproduce.py {workflows} {' '.join(crashes)}"
        return f"\n{again}\n    " + "\n    ".join(problems) if problems else ""

    failures = "".join(field.pool.map(run, storms))
    assert not failures, failures


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_kill_at_any_point_changes_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """Killed before and after every commit and every outside effect, it ends as if undisturbed."""
    every = points(field.counts(workflow))
    chosen = every if whole else chance.sample(every, 2)
    before = len(field.killed)
    survive(field, workflow, [[point] for point in chosen])
    if whole:
        killed = len(field.killed) - before
        assert killed >= 0.8 * len(every), "most points are reached each time, whatever the timing"


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_a_kill_during_recovery_changes_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """Killed once, and again while the journal is read or replayed, or right after."""
    counts = field.counts(workflow)
    first = points(counts)
    second = ["read:1:before", "read:1:after"]
    second += points({"commit": 2, "perform": 2})
    second += [f"request:{n}:before" for n in range(1, counts["request"] + 1)]
    storms = (
        [[one, chance.choice(second)] for one in first]
        + [[first[len(first) // 2], another] for another in second]
        if whole
        else [[chance.choice(first), chance.choice(second)]]
    )
    survive(field, workflow, storms)


def test_a_kill_in_a_crowd_changes_nothing(field: Field, whole: bool, chance: Random) -> None:
    """All workflows run at the same time and share commits, and each ends as if it were alone."""
    total: Counter[str] = Counter()
    for workflow in WORKFLOWS:
        total.update(field.counts(workflow))
    every = [*points(total), *(f"time:{chance.uniform(0.2, 2.5):.3f}" for _ in range(50))]
    chosen = chance.sample(every, 100 if whole else 2)
    survive(field, "+".join(WORKFLOWS), [[point] for point in chosen])


@pytest.mark.parametrize("workflow", WORKFLOWS)
def test_kills_in_a_row_change_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """However often it is killed in one execution's life, mostly before it gets on, it ends."""
    kills, times = (KILLS_IN_A_ROW, 2) if whole else (5, 1)

    def anywhere() -> str:
        side = chance.choice(["before", "after"])
        points = ["commit:1:before", "read:1:before", "read:1:after", "perform:1:before"] * 2
        points += [f"request:{chance.randint(1, 3)}:{side}", f"perform:1:{side}"]
        points += ["commit:1:after", f"time:{chance.uniform(0.05, 0.3):.3f}"]
        return chance.choice(points)

    survive(
        field,
        workflow,
        [["commit:1:after", *(anywhere() for _ in range(kills))] for _ in range(times)],
    )
