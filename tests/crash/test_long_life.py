"""One execution's life with a hundred kills in it, and it ends as if nothing had been."""

from __future__ import annotations

from random import Random

import pytest
from harness import Field, survive

KILLS = 100
SHARE = 3

LITTLE = (
    "commit:1:before", "commit:1:after", "commit:2:before", "perform:1:before",
    "perform:1:after", "read:1:before", "read:1:after",
)  # fmt: skip
"""Points that a life reaches before it has got far, or has got on at all."""
FAR = "perform:2:before"
"""At the latest it is killed here."""


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "field", ["python", pytest.param("rust", marks=pytest.mark.sweep)], indirect=True
)
def test_a_hundred_kills_in_one_life(field: Field, whole: bool, chance: Random) -> None:
    """Each life of the engine brings it a little further, or no further, and it gets there."""
    kills = KILLS if whole else SHARE

    def somewhere() -> str:
        if chance.random() < 0.6:
            return f"{chance.choice(LITTLE)},{FAR}"
        if chance.random() < 0.7:  # in the middle of the replay, sooner or later
            return f"request:{chance.randint(1, 20)}:before,{FAR}"
        return f"time:{chance.uniform(0.05, 0.4):.3f},{FAR}"

    before = field.tally.kills
    survive(field, "lasts", [["commit:2:after", *(somewhere() for _ in range(kills - 1))]])
    assert field.tally.kills - before == kills, "it lives long enough for all of them"
