"""Random programs end in the same way, whatever befalls the engines that carry them out.

`make test` plays some cases, others in each run; `make sweep` plays ten thousand. What fails prints
the line that shows it again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from cases import Case, random_case
from journals import Open, differences
from parts import SWEEPING, Crash, Disturbance, Stuck
from plan import disturbances, judge
from world import Stage

from flawless.stores.base import Append, Chunk, Write

WHOLE, SHARE = 10_000, 12
FAILURES_MAX = 10

in_both = pytest.mark.parametrize("stage", ["python", "rust"], indirect=True)


@in_both
@pytest.mark.timeout(7200)
def test_crashes_change_nothing(stage: Stage, seed: int, whole: bool) -> None:
    """With crashes, evictions and on any store: the same results, states, paths and children."""
    failures: list[str] = []
    orders = 0
    seeds = range(seed, seed + (WHOLE if whole else SHARE))
    for one in seeds:
        verdict = judge(stage, one)
        orders += verdict.open
        if verdict.problems:
            rust = " --rust" if stage.language == "rust" else ""
            again = f"python tests/differential/reproduce.py {one}{rust}"
            failures.append("\n    ".join([f"\n{again}", *verdict.problems]))
        if len(failures) >= FAILURES_MAX:
            break
    assert not failures, "".join(failures)
    assert orders <= 2 + len(seeds) * 0.1, "most cases have one right order"


@in_both
def test_the_same_seed_is_the_same_case(stage: Stage, seed: int) -> None:
    """Played twice, a case leaves the same, so what fails once fails again."""
    for one in range(seed, seed + 3):
        case = random_case(one, stage.kind)
        assert random_case(one, stage.kind) == case
        first, commits = stage.play(case, f"p{one}")
        second, _ = stage.play(case, f"p{one}")
        assert differences(first, second) == []
        assert disturbances(one, commits) == disturbances(one, commits)


class Around:
    """Something around a store."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)


class Hoarder(Around):
    """Leaves what was received in the inbox."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit all but that."""
        return await self._store.commit([_without(w, received=()) for w in writes], **options)


class Loser(Around):
    """Now and then reads a journal without its end."""

    async def journal(self, id: Any, *more: Any) -> list[Chunk]:  # noqa: A002 (the contract's name)
        """Read all but the last chunk."""
        chunks: list[Chunk] = await self._store.journal(id, *more)
        return chunks[:-1] if len(chunks) > 1 else chunks


class Hider(Around):
    """Shows nobody what is published."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit all but that."""
        return await self._store.commit([_without(w, state=None) for w in writes], **options)


class Orphanage(Around):
    """Tells no parent of the end of its child."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit all but that."""
        return await self._store.commit([_without(w, outcome=b"") for w in writes], **options)


def _without(write: Write, **fields: Any) -> Write:
    if not isinstance(write, Append):
        return write
    known = {name: getattr(write, name) for name in write.__struct_fields__}
    return Append(**{**known, **fields})


def program(*operations: list[Any]) -> Case:
    """Return a case of plain code."""
    ends = {"clean-up": [], "obeys": True, "runs": 1}
    return Case({"async": False, "operations": list(operations), **ends}, [], None)


TALK = program(
    ["tell", "self", 0, "a", "bo"],
    ["receive", "a", 2_000_000],
    ["sleep", 5_000_000],
    ["receive", "a", 3_000_000],
)
LEAF = {"async": False, "operations": [["sleep", 9_000_000]], "clean-up": [], "obeys": True}
FAMILY = program(
    ["sleep", 2_000_000],
    ["start", ["child", {**LEAF, "runs": 1}, "wait", None]],
    ["publish", 7],
    ["sleep", 4_000_000],
    ["join", 0, 99_000_000],
)


@pytest.mark.parametrize(
    ("fault", "case"), [(Hoarder, TALK), (Loser, TALK), (Hider, FAMILY), (Orphanage, FAMILY)]
)
def test_a_planted_fault_is_noticed(stage: Stage, fault: Callable[[Any], Any], case: Case) -> None:
    """An engine with a fault leaves something else, and one without it does not."""
    name = fault.__name__.lower()
    calm, commits = stage.play(case, name)
    found = 0
    for number in range(1, commits + 1):
        disturbance = Disturbance(crashes=(Crash(number, after=True),), evict_after_s=SWEEPING)
        assert differences(calm, stage.play(case, name, disturbance)[0]) == []
        try:
            broken = stage.play(case, name, disturbance, fault=fault)[0]
            found += differences(calm, broken) != []
        except (Stuck, Open):
            found += 1
    assert found
