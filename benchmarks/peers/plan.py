"""In which order blocks are run, with which sizes, and what still fits into the time there is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.peers.sizes import Sizes

EACH_ROUND: Final = ("a", "b", "c", "d", "d2", "h")
"""The blocks of every round."""
ONCE: Final = ("e3", "g", "e2", "r", "e1", "g2", "c2")
"""The blocks that are run in one round only: they take long, or count what hardly varies."""
BLOCKS: Final = (*EACH_ROUND, *ONCE)
BLOCK_S_MAX: Final = 480.0
"""No block may take longer, whatever happens in it."""
CAPS: Final[dict[str, dict[str, float]]] = {
    "temporal-dev": {
        "sequential": 100, "noops": 500, "steps": 100, "long_steps": 200, "fan": 50, "wide": 10,
        "wide_steps": 50, "killed": 200, "sleepers": 1_000, "start_limit_s": 15.0,
        "bulk_limit_s": 60.0,
    },
    "dbos-sqlite": {"wide": 50, "bulk_limit_s": 40.0},
    "dbos-postgresql": {"wide": 50, "bulk_limit_s": 20.0},
    "restate": {"bulk_limit_s": 120.0},
}  # fmt: skip
"""The sizes of engines that would take too long with those of all; rates do not depend on it."""
USUAL_S: Final[dict[str, float]] = {
    "a": 5, "b": 7, "c": 4, "d": 8, "d2": 12, "h": 11,
    "e3": 60, "g": 15, "e2": 20, "r": 20, "e1": 25, "g2": 25, "c2": 6,
}  # fmt: skip
"""What a block takes of an engine, about, until one has been measured."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One block on one engine."""

    round: int
    block: str
    engine: str


def turns(engines: Sequence[str], blocks: Sequence[str], rounds: int) -> Iterator[Turn]:
    """Return all turns: block by block, the engines one after the other, each first in its turn.

    What is run once comes after the second round, or the last where there are fewer: so that there
    are two rounds of everything else, whatever the time allows.
    """
    shift = 0
    for number in range(1, rounds + 1):
        wanted = [block for block in blocks if block in EACH_ROUND]
        if number == min(2, rounds):
            wanted += [block for block in blocks if block in ONCE]
        for block in wanted:
            at = shift % len(engines)
            for engine in (*engines[at:], *engines[:at]):
                yield Turn(number, block, engine)
            shift += 1


def sizes_of(engine: str, sizes: Sizes) -> Sizes:
    """Return the sizes that an engine works with."""
    return sizes.capped(**CAPS.get(engine, {}))
