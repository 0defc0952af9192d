"""The engine is killed everywhere, and nothing is lost, repeated or changed.

`make test` visits a share of all points, another one in each run; `make sweep` visits them all.
What fails prints the line that shows it again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest
from harness import Field, points, survive

WORKFLOWS = (
    "steps", "requests", "retries", "sleeps", "futures", "concurrent", "processes", "many",
)  # fmt: skip
"""Those of `storm_workflows`."""

CONVERSATIONS = (
    "receives", "receives_async", "talks", "shows", "races", "races_async", "families", "leaves",
    "leaves_failing", "cancels", "cancels_async", "stopped", "stopped_async", "terminated",
    "expires", "sagas", "sagas_async", "sagas_parked", "parks", "parks_async", "mended",
    "mended_below", "restarted", "continues", "continues_async", "begins_later", "never_begins",
)  # fmt: skip
"""Those of `storm_conversations` and `storm_repairs`: other executions and people act on them."""

ASYNCIO = ("receives_async", "races_async", "cancels_async", "stopped_async")
"""Those that are about Python's asyncio."""

EVERY = [
    *(("python", name) for name in WORKFLOWS + CONVERSATIONS),
    *(("rust", name) for name in WORKFLOWS + CONVERSATIONS if name not in ASYNCIO),
]
SHARES = {"python": 4 / 35, "rust": 2 / 31}
"""How many of each language `make test` visits."""

KILLS_IN_A_ROW = 100
CROWDS = [
    (language, tuple(name for each, name in EVERY if each == language and name in crowd))
    for language in ("python", "rust")
    for crowd in (WORKFLOWS, CONVERSATIONS[::2], CONVERSATIONS[1::2])
]

pytestmark = pytest.mark.timeout(3600)


def skip_most(field: Field, workflow: str, whole: bool, chance: Random) -> None:
    """Skip a workflow that is not of the share, another one for each seed."""
    if not whole and chance.random() > SHARES[field.language]:
        pytest.skip(f"{workflow} is not of the share this time")


@pytest.mark.parametrize(("field", "workflow"), EVERY, indirect=["field"])
def test_a_kill_at_any_point_changes_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """Killed around every commit, every effect and all that is told, it ends as if undisturbed."""
    skip_most(field, workflow, whole, chance)
    every = points(field.counts(workflow), ("commit", "perform", "told"))
    chosen = every if whole else chance.sample(every, 2)
    before = field.tally.kills
    survive(field, workflow, [[point] for point in chosen])
    if whole:
        # Others share commits with a workflow that they act on, now more and now fewer.
        part = 0.8 if workflow in WORKFLOWS else 0.6
        killed = field.tally.kills - before
        assert killed >= part * len(every), "most points are reached each time"


@pytest.mark.parametrize(("field", "workflow"), EVERY, indirect=["field"])
def test_a_kill_during_recovery_changes_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """Killed once, and again while the journal is read or replayed, or right after."""
    skip_most(field, workflow, whole, chance)
    counts = field.counts(workflow)
    first = points(counts)
    second = ["read:1:before", "read:1:after"]
    second += points({"commit": 2, "perform": 2})
    second += [f"request:{n}:before" for n in range(1, counts.get("request", 0) + 1)]
    storms = (
        [[one, chance.choice(second)] for one in first]
        + [[first[len(first) // 2], another] for another in second]
        if whole
        else [[chance.choice(first), chance.choice(second)]]
    )
    survive(field, workflow, storms)


@pytest.mark.parametrize(("field", "crowd"), CROWDS, indirect=["field"])
def test_a_kill_in_a_crowd_changes_nothing(
    field: Field, crowd: Sequence[str], whole: bool, chance: Random
) -> None:
    """Many workflows run at the same time and share commits, and each ends as if it were alone."""
    if not whole and chance.random() < 0.6:
        pytest.skip("not of the share this time")
    total: Counter[str] = Counter()
    for workflow in crowd:
        total.update(field.counts(workflow))
    every = [*points(total), *(f"time:{chance.uniform(0.2, 2.5):.3f}" for _ in range(50))]
    chosen = chance.sample(every, 100 if whole else 1)
    survive(field, "+".join(crowd), [[point] for point in chosen])


@pytest.mark.parametrize(("field", "workflow"), EVERY, indirect=["field"])
def test_kills_in_a_row_change_nothing(
    field: Field, workflow: str, whole: bool, chance: Random
) -> None:
    """However often it is killed in one execution's life, mostly before it gets on, it ends."""
    skip_most(field, workflow, whole, chance)
    kills = KILLS_IN_A_ROW if whole else 4

    def anywhere() -> str:
        side = chance.choice(["before", "after"])
        points = ["commit:1:before", "read:1:before", "read:1:after", "perform:1:before"] * 2
        points += [f"request:{chance.randint(1, 3)}:{side}", f"perform:1:{side}"]
        points += ["commit:1:after", "told:1:before", "told:1:after"]
        points += [f"time:{chance.uniform(0.05, 0.3):.3f}"]
        return chance.choice(points)

    survive(field, workflow, [["commit:1:after", *(anywhere() for _ in range(kills - 1))]])
