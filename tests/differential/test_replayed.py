"""Random programs ask for exactly the same, byte for byte, when their journals are replayed."""

from __future__ import annotations

import pytest
from cases import random_case
from parts import Stuck
from world import Stage

from flawless.core.entries import Cancelled, Entry, Failed
from flawless.engine.replay import replay
from flawless.errors import Divergence
from recorder import recorded

WHOLE, SHARE = 2_000, 10


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("stage", ["python", "rust"], indirect=True)
def test_a_replay_asks_the_same(stage: Stage, seed: int, whole: bool) -> None:
    """Requests, looks at the clock, random numbers, output: in the same order, all of it."""
    failures: list[str] = []
    asked_in_all = 0
    for one in range(seed, seed + (WHOLE if whole else SHARE)):
        rust = " --rust" if stage.language == "rust" else ""
        again = f"\npython tests/differential/reproduce.py {one}{rust}\n    "
        with recorded() as questions:
            try:
                left, _ = stage.play(random_case(one, stage.kind), f"p{one}")
            except Stuck as problem:
                failures.append(f"{again}{problem}")
                continue
        for name, each in left.items():
            if "~" in name or terminated(each.entries[-1]):
                continue  # an earlier run of the same id, or its guest was stopped anywhere
            try:
                found = replay(name, each.entries, stage.deployment, stage.component)
            except Divergence as problem:
                failures.append(f"{again}{problem}")
                continue
            if (found.questions, found.end) != (questions[name], each.entries[-1]):
                failures.append(f"{again}{name}: {found.questions}\n    {questions[name]}")
            asked_in_all += len(found.questions)
    assert not failures, "".join(failures)
    assert asked_in_all


def terminated(end: Entry) -> bool:
    """Tell whether an execution was ended from outside, without its guest."""
    if isinstance(end, Cancelled):
        return b'"traceback":""' in end.payload or b'"frames"' not in end.payload
    return isinstance(end, Failed) and b'"frames"' not in end.payload
