"""Which disturbances a case has to survive, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from cases import Case, random_case
from journals import Open, differences
from parts import PATIENT, SWEEPING, Crash, Disturbance, Stuck
from world import Stage


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one case showed: broken promises, and lives whose order was open."""

    problems: list[str]
    open: int
    commits: int


def disturbances(seed: int, commits: int) -> list[Disturbance]:
    """Return how the case of a seed, which takes so many commits, is disturbed."""
    chance = Random(f"disturbances of {seed}")

    def one(store: str) -> Disturbance:
        crashes = []
        left = commits
        for _ in range(chance.choice([1, 1, 1, 2, 3])):
            crashes.append(Crash(chance.randint(1, max(1, left)), chance.random() < 0.5))
            left = max(1, left // 2)
        evict_after_s = SWEEPING if chance.random() < 0.08 else PATIENT
        evictions = seed if chance.random() < 0.07 else None
        return Disturbance(store, tuple(crashes), evict_after_s, evictions)

    return [one("memory"), one("sqlite")]


def judge(stage: Stage, seed: int) -> Verdict:
    """Let the case of a seed happen undisturbed and disturbed, and compare."""
    case: Case = random_case(seed, stage.kind)
    root = f"p{seed}"
    try:
        calm, commits = stage.play(case, root)
    except Stuck as problem:
        return Verdict([f"undisturbed: {problem}"], 0, 0)
    problems, orders = [], 0
    for disturbance in disturbances(seed, commits):
        try:
            found = differences(calm, stage.play(case, root, disturbance)[0])
        except Stuck as problem:
            found = [f"stuck: {problem}"]
        except Open:
            orders += 1
            continue
        problems += [f"{disturbance}: {one}" for one in found]
    return Verdict(problems, orders, commits)
