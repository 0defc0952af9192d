"""Random programs for `differential_workflows`, and what the world around them does."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

from differential_workflows import PURE, Operation, Program

NAMES = ("a", "b", "c")
WORDS = ("anna", "bo", "carla", "dmitri", "ewa", "faruk", "gül", "hana")
SECOND_US = 1_000_000
LONGEST_US = 100_000 * SECOND_US
DEPTH_MAX = 2

# How often an operation is chosen. Those of the first row need no time.
QUICK = {"pure": 2, "log": 1, "publish": 2, "respond": 1, "start": 3, "drop": 1}
SLOW = {
    "sleep": 3, "step": 3, "once": 1, "effect": 2, "join": 3, "receive": 3, "messages": 2,
    "gather": 2, "select": 2, "as_completed": 2, "wait": 2, "tell": 5, "cancel": 2, "undo": 2,
    "group": 1, "timeout": 1, "child": 3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody outside does to the execution, so long after its start."""

    at_us: int
    what: str
    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Case:
    """A program, what happens to it, and the deadline of its execution."""

    program: Program
    acts: list[Act]
    deadline_us: int | None


PLAIN, PORTABLE = "plain", "portable"
"""Cases without asyncio; and those in which no language has randomness of its own, besides."""


def random_case(seed: int, kind: str = "") -> Case:
    """Return the case of a seed; of a kind, if only some can be played."""
    chance = Random(seed)
    made = _Maker(chance, kind)
    program = made.program(0)
    program["runs"] = chance.choice([1, 1, 1, 2, 3])
    acts = [made.act() for _ in range(chance.choice([0, 0, 1, 2, 4]))]
    deadline_us = made.us() if chance.random() < 0.15 else None
    return Case(program, acts, deadline_us)


class _Maker:
    def __init__(self, chance: Random, kind: str) -> None:
        self.chance = chance
        self._kind = kind
        self._used: set[int] = set()
        self.left = 12
        """Operations that may still be made: programs are to end soon."""

    def us(self) -> int:
        """Return a length of time that is used once: from a second to a day, short ones often."""
        while True:
            chosen = round(SECOND_US * (LONGEST_US / SECOND_US) ** self.chance.random())
            if chosen not in self._used:
                self._used.add(chosen)
                return chosen

    def word(self) -> str:
        return self.chance.choice(WORDS)

    def name(self) -> str:
        return self.chance.choice(NAMES)

    def program(self, depth: int) -> Program:
        chance = self.chance
        return {
            "async": chance.random() < 0.5 and not self._kind,
            "clean-up": [["step", self.word(), self.us(), 0, False], ["sleep", self.us()]],
            "obeys": chance.random() < 0.7,
            "operations": [["sleep", self.us()], *self.operations(depth)],
            "runs": 2 if chance.random() < 0.1 else 1,
        }

    def operations(self, depth: int, most: int = 7) -> list[Operation]:
        found: list[Operation] = []
        for _ in range(self.chance.randint(1, most)):
            if self.left <= 0:
                break
            self.left -= 1
            found += self.operation(depth)
        return found

    def operation(self, depth: int) -> list[Operation]:
        """Return an operation, and a sleep before it if others must not move meanwhile."""
        chance = self.chance
        kinds = {**QUICK, **SLOW}
        if depth >= DEPTH_MAX:
            for name in ("child", "group", "timeout", "undo"):
                del kinds[name]
        name = chance.choices([*kinds], [*kinds.values()])[0]
        match name:
            case "pure":
                pure = ["time"] if self._kind == PORTABLE else [*PURE]
                return [[name, chance.choice(pure)]]
            case "log" | "respond":
                return [[name, self.word()]]
            case "publish":
                return [[name, chance.randrange(100)]]
            case "start" | "effect":
                spec = self.spec(depth, receives=name == "start")
                return [*self.breath(), [name, spec]]
            case "drop":
                return [*self.breath(), [name, chance.randrange(10)]]
            case "sleep":
                return [[name, self.us()]]
            case "step":
                return [self.step()]
            case "once":
                return [*self.breath(), [name, self.word(), self.us()]]
            case "join":
                return [[name, chance.randrange(10), self.us()]]
            case "receive":
                return [[name, self.name(), self.us()], *self.breath()]
            case "messages":
                names = chance.sample(NAMES, chance.randint(0, 2))
                return [[name, names, self.us(), chance.randint(1, 3)], *self.breath()]
            case "gather":
                specs = self.specs(depth, receives=False)
                return [*self.breath(), [name, specs, chance.random() < 0.7]]
            case "select" | "as_completed":
                return [*self.breath(), [name, self.specs(depth), self.us()], *self.breath()]
            case "wait":
                whens = ["ALL_COMPLETED", "FIRST_COMPLETED"]
                whens += [] if self._kind else ["FIRST_EXCEPTION"]
                waits = [name, self.specs(depth), self.us(), chance.choice(whens)]
                return [*self.breath(), waits, *self.breath()]
            case "tell":
                whom = chance.choice(["child", "child", "parent", "self"])
                tells = [name, whom, chance.randrange(10), self.name(), self.word()]
                return [*self.breath(), tells, *self.breath()]
            case "cancel":
                cancels = [name, chance.randrange(10), self.word()]
                return [*self.breath(), cancels, *self.breath()]
            case "undo":
                undos = [
                    [self.word(), self.us(), chance.choice([0, 0, 1, 5])]
                    for _ in range(chance.randint(1, 3))
                ]
                return [[name, self.operations(depth + 1, 3), undos]]
            case "timeout":
                return [[name, self.us(), [self.operations(depth + 1, 3)]], *self.breath()]
            case "group":
                parts = [
                    [["sleep", self.us()], *self.operations(depth + 1, 3)]
                    for _ in range(chance.randint(1, 3))
                ]
                return [[name, parts], *self.breath()]
            case "child":
                return [*self.breath(), ["start", self.child(depth)]]
        raise AssertionError(name)

    def breath(self) -> list[Operation]:
        return [["sleep", self.us()]]

    def step(self) -> Operation:
        chance = self.chance
        failures = chance.choice([0, 0, 0, 1, 3])
        return ["step", self.word(), self.us(), failures, chance.random() < 0.2]

    def specs(self, depth: int, *, receives: bool = True) -> list[Operation]:
        number = self.chance.randint(1, 4)
        return [self.spec(depth, receives=receives) for _ in range(number)]

    def spec(self, depth: int, *, receives: bool) -> Operation:
        chance = self.chance
        kinds = ["step", "async step", "fetch", "sleep"]
        kinds += ["receive"] * receives + ["child"] * (depth < DEPTH_MAX and self.left > 0)
        match chance.choice(kinds):
            case "step" | "async step" as name:
                return [name, *self.step()[1:]]
            case "fetch":
                return ["fetch", chance.choice(["GET", "PUT"]), self.us()]
            case "sleep":
                return ["sleep", self.us()]
            case "receive":
                return ["receive", self.name()]
            case _:
                return self.child(depth)

    def child(self, depth: int) -> Operation:
        chance = self.chance
        program = self.program(depth + 1)
        if chance.random() < 0.15:
            program["operations"].append(["fail", self.word()])
        close = chance.choice(["wait", "wait", "cancel", "abandon"])
        return ["child", program, close, self.us() if chance.random() < 0.1 else None]

    def act(self) -> Act:
        chance = self.chance
        what = chance.choices(["send", "cancel", "terminate"], [12, 2, 1])[0]
        return Act(self.us() * 3 + 1, what, self.name(), self.word())


def shown(value: Any, indent: int = 0) -> str:
    """Return a program as a person can read it."""
    pad = "  " * indent
    if isinstance(value, dict):
        inner = "".join(
            f"{pad}{key}: {shown(v, indent + 1).lstrip()}\n" for key, v in value.items()
        )
        return f"\n{inner}"
    if isinstance(value, list) and any(isinstance(one, list | dict) for one in value):
        return "\n" + "\n".join(f"{pad}- {shown(one, indent + 1).strip()}" for one in value)
    return f"{pad}{value}"
