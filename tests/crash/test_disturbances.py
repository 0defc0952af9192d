"""Engines that freeze, whose clock jumps, that run out of memory, or have too much to do at once.

As in `test_sweep.py`, what fails prints the line that shows it again.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import pytest
from child import GUESTS_MAX
from harness import Field, points, survive

DAY_S = 86_400
HOUR_S = 3_600

STEADY = (
    "steps", "requests", "retries", "sleeps", "futures", "many", "receives", "talks", "shows",
    "families", "leaves", "sagas", "continues", "begins_later",
)  # fmt: skip
"""Those whose results do not depend on how fast the engine is, in both languages."""

UNHURRIED = ("steps", "requests", "retries", "many")
"""Those that end soon, whatever the clock says."""

DUE_AT_ONCE = 5_000
DUE_AT_ONCE_SHARE = 40
MEMORY_MAX = 700 << 20
"""What an engine with as many guests as it may have takes; it is near 300 MB."""
EACH_MAX = 20_000
"""What each execution more adds, in bytes: most of it is what the test itself holds."""

pytestmark = pytest.mark.timeout(3600)
both = pytest.mark.parametrize("field", ["python", "rust"], indirect=True)

mostly_python = pytest.mark.parametrize(
    "field", ["python", pytest.param("rust", marks=pytest.mark.sweep)], indirect=True
)

Storms = list[list[str]]


def some(field: Field, chance: Random, whole: bool, make: Callable[[str], Storms]) -> None:
    """Play storms with each workflow, or with one of them."""
    for workflow in STEADY if whole else chance.sample(STEADY, 1):
        survive(field, workflow, make(workflow))


def somewhere(field: Field, workflow: str, chance: Random) -> str:
    """Return any point."""
    return chance.choice(points(field.counts(workflow)))


@mostly_python
def test_a_frozen_engine_goes_on(field: Field, whole: bool, chance: Random) -> None:
    """Stopped for longer than sleeps and pauses last, it goes on, and repeats nothing at all."""

    def storms(workflow: str) -> Storms:
        def frozen() -> str:
            return f"{somewhere(field, workflow, chance)}=freeze:{chance.uniform(0.2, 1.2):.2f}"

        return [[f"{frozen()},{frozen()},{frozen()}"] for _ in range(4 if whole else 1)]

    some(field, chance, whole, storms)


@pytest.mark.sweep
@both
def test_a_frozen_engine_is_killed(field: Field, whole: bool, chance: Random) -> None:
    """Killed while it is stopped, it has done no more than one that was killed in mid-run."""

    def storms(workflow: str) -> Storms:
        return [
            [f"{somewhere(field, workflow, chance)}=frozen:0.1" for _ in range(2)]
            for _ in range(4 if whole else 1)
        ]

    some(field, chance, whole, storms)


@mostly_python
def test_the_clock_jumps_ahead(field: Field, whole: bool, chance: Random) -> None:
    """By a day, while it runs and while it is down."""

    def storms(workflow: str) -> Storms:
        def point() -> str:
            return somewhere(field, workflow, chance)

        return [
            [f"ahead:{-2 * DAY_S},{point()}", f"ahead:{-DAY_S},{point()}={'ahead:0'},{point()}"]
            for _ in range(4 if whole else 1)
        ]

    some(field, chance, whole, storms)


@pytest.mark.sweep
@both
def test_the_clock_is_set_back(field: Field, whole: bool, chance: Random) -> None:
    """By an hour, while it runs and while it is down: what need not wait goes on at once."""
    for workflow in UNHURRIED if whole else chance.sample(UNHURRIED, 1):
        point, other = (somewhere(field, workflow, chance) for _ in range(2))
        survive(
            field,
            workflow,
            [[f"{point}=ahead:{-HOUR_S}"], [f"ahead:{HOUR_S},{point}", f"{other}=ahead:{-DAY_S}"]],
        )


@pytest.mark.sweep
@both
def test_sleepers_when_the_clock_is_set_back(field: Field) -> None:
    """They sleep until their time, wherever the clock has been meanwhile; each wakes once."""
    began, slept, waited = -2 * DAY_S - HOUR_S, -DAY_S, 0
    back = [
        f"ahead:{began},asleep:1=ahead:{began - HOUR_S},time:1.5",
        f"ahead:{began - DAY_S},time:1.5",
        f"ahead:{slept},asleep:1=ahead:{began},time:2.0",
        f"ahead:{slept},asleep:1",
        f"ahead:{waited}",
    ]
    survive(field, "naps", [back])
    # What had seen a later time already stands still until the clock has caught up.
    survive(field, "sleeps", [[f"ahead:{HOUR_S},commit:3:after", f"time:1.5=ahead:{HOUR_S}"]])


@pytest.mark.sweep
@both
def test_days_pass_in_one_life(field: Field) -> None:
    """Sleepers notice within seconds that the clock has jumped over their time."""
    survive(field, "naps", [[f"ahead:{-2 * DAY_S},asleep:1=ahead:{-DAY_S},asleep:2=ahead:1"]])


@pytest.mark.sweep
@both
def test_an_engine_that_takes_too_much_memory_is_killed(
    field: Field, whole: bool, chance: Random
) -> None:
    """As the out-of-memory killer does it: while it takes more and more, and goes on working."""
    crowd = "+".join(STEADY) if whole else "steps+requests"
    for _ in range(6 if whole else 1):
        instants = [f"time:{chance.uniform(0.2, 1.0):.2f}" for _ in range(2)]
        survive(field, crowd, [[f"memory:500,{instant}=eat" for instant in instants]])


@mostly_python
def test_thousands_are_due_at_once(field: Field, whole: bool, chance: Random) -> None:
    """All were asleep or under way when it was killed, and it is killed again on the way back."""
    count = DUE_AT_ONCE if whole else DUE_AT_ONCE_SHARE
    crowd = f"dozes*{count}+many*{count // 20}+requests*{count // 20}"
    some = chance.randint(1, count // 3)
    back = [f"perform:{some}:after", f"commit:{some // 10 + 1}:before"]
    killed = chance.choice(["asleep:1", f"told:{count + count // 10}:before"])
    # Those that had not begun to sleep when it was first killed sleep a day later.
    last = f"ahead:{DAY_S + HOUR_S},asleep:1=ahead:{3 * DAY_S}"
    lives = [f"ahead:{-DAY_S - HOUR_S},{killed}", *back, last]
    survive(field, crowd, [lives], patience_s=900.0)
    largest = field.tally.largest
    assert 0 < largest["guests_max"] <= GUESTS_MAX
    assert largest["resident_max"] < MEMORY_MAX + count * EACH_MAX, largest
