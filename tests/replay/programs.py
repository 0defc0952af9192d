"""Random programs for `program_workflows`."""

from __future__ import annotations

from random import Random
from typing import Any

from program_workflows import PURE, Program

EFFECTS = ("step", "step", "async step", "failing step", "closed port", "GET", "POST", "PUT")
WORDS = ("anna", "bo", "carla", "dmitri", "ewa", "faruk", "gül", "hana")
DEPTH_MAX = 3


def random_program(chance: Random, depth: int = 0) -> Program:
    """Return a program that ends, within a second or so."""
    return [_operation(chance, depth) for _ in range(chance.randint(1, 7 - 2 * depth))]


def _operation(chance: Random, depth: int) -> list[Any]:
    kinds = ["pure"] * 4 + ["effect"] * 3 + ["start", "start", "join", "drop", "sleep"]
    if depth + 1 < DEPTH_MAX:
        kinds += ["loop", "gather", "gather", "race", "timeout"]
    match chance.choice(kinds):
        case "pure":
            words = chance.sample(WORDS, chance.randint(2, 6))
            name = chance.choice([*PURE])
            return [name, chance.randint(1, 9) if name == "finalizers" else words, chance.random()]
        case "effect" | "start" as name:
            return [name, chance.choice(EFFECTS), chance.choice(WORDS[:5])]
        case "join" | "drop" as name:
            return [name, chance.randrange(10)]
        case "sleep":
            return ["sleep", chance.choice([0, 1, 5, 20, 150])]
        case "timeout":
            return ["timeout", chance.choice([0, 2, 30]), [random_program(chance, depth + 1)]]
        case name:
            parts = [random_program(chance, depth + 1) for _ in range(chance.randint(1, 3))]
            return [name, parts]
