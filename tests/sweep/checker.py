"""Holds what happened in a storm against the undisturbed run of the same workflow.

Three independent witnesses are compared: the ledger (what the outside world saw), the journal (what
the engine remembers), and the result (what the caller got). Each broken promise is one sentence.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger import Seen

from flawless.core.entries import Called, Completed, Entry, Failed, Invoked, Observed, Started

SEQUENTIAL = {"steps", "requests", "retries", "sleeps", "many", "processes"}
"""Workflows that do one thing after the other: the world must see that order."""


@dataclass(frozen=True, slots=True)
class Story:
    """What became of one execution, whatever happened on the way."""

    workflow: str
    kills: int
    result: dict[str, Any] | None
    error: str | None
    seen: list[Seen]
    statuses: list[str]
    journal: list[Entry]
    replayed_end: Completed | Failed | None


def check(story: Story, calm: Story) -> list[str]:
    """Return the promises that were broken, none if all is well."""
    return [
        *_result(story, calm),
        *_journal(story, calm),
        *_ledger(story, calm),
        *_interruptions(story),
        *_order(story, calm),
    ]


def _result(story: Story, calm: Story) -> Iterator[str]:
    assert calm.result is not None
    if story.result is None:
        yield f"no result: {story.error}"
        return
    if story.result.keys() != calm.result.keys():
        yield f"the result has {sorted(story.result)}, expected {sorted(calm.result)}"
        return
    for name, expected in calm.result.items():
        got = story.result[name]
        may_be_interrupted = name.startswith("once-") and story.kills
        if got != expected and not (may_be_interrupted and got == "interrupted"):
            yield f"{name} is {got!r} in the result, expected {expected!r}"


def _journal(story: Story, calm: Story) -> Iterator[str]:
    if story.statuses != ["completed"]:
        yield f"executions in the store: {story.statuses}"
    journal = story.journal
    if not journal or not isinstance(journal[0], Invoked):
        yield "the journal does not begin with entry 0"
        return
    ends = [n for n, entry in enumerate(journal) if isinstance(entry, Completed | Failed)]
    if ends != [len(journal) - 1]:
        yield f"the journal has ends at {ends}, and {len(journal)} entries"
    elif story.replayed_end != journal[-1]:
        yield "the journal does not replay to its end"
    effects = Counter(_effects(journal))
    for effect, times in (effects - Counter(set(effects))).items():
        yield f"effect {effect} has {times + 1} outcomes in the journal"
    if story.workflow in SEQUENTIAL and _labels(journal) != _labels(calm.journal):
        yield f"the journal tells of {_labels(journal)}, expected {_labels(calm.journal)}"


def _ledger(story: Story, calm: Story) -> Iterator[str]:
    seen = Counter(_act(one, story) for one in story.seen)
    expected = {_act(one, calm) for one in calm.seen}
    for act in expected - seen.keys():
        if not act.name.startswith("maybe-") and not _reported(story, act.name):
            yield f"{act} was seen by nobody"
    for act in seen.keys() - expected:
        if not act.name.startswith("maybe-"):
            yield f"{act} should not exist"
    for act, times in seen.items():
        most = 1 if act.name.startswith("once-") else 1 + story.kills
        if times > most:
            yield f"{act} was seen {times} times, at most {most} were allowed"
    keys: dict[str, str | None] = {}
    bodies: dict[tuple[str, int], Any] = {}
    chances = set()
    for one in story.seen:
        if keys.setdefault(one.name, one.key) != one.key:
            yield f"{one.name} was repeated with another key"
        known = bodies.setdefault((one.name, one.attempt), one.body)
        if known != one.body:
            yield f"{one.name} was repeated as another request: {known} and {one.body}"
        chances |= {one.body["chance"]} if "chance" in one.body else set()
    if len(chances - {0.0}) > 1:
        yield f"random numbers differ between repetitions: {sorted(chances)}"


def _interruptions(story: Story) -> Iterator[str]:
    """An effect whose answer is in the result was seen."""
    names = {one.name for one in story.seen}
    for name, value in (story.result or {}).items():
        if name.startswith("once-") and value != "interrupted" and name not in names:
            yield f"{name} has an answer, but was seen by nobody"


def _order(story: Story, calm: Story) -> Iterator[str]:
    if story.workflow not in SEQUENTIAL:
        return
    order = list(dict.fromkeys((one.name, one.attempt) for one in story.seen))
    present = set(order)
    expected = list(dict.fromkeys((one.name, one.attempt) for one in calm.seen))
    if order != [act for act in expected if act in present]:
        yield f"the world saw {order}, expected the order {expected}"


@dataclass(frozen=True, slots=True)
class Act:
    """What makes two effects the same: all but the random part of the body.

    The key counts effects, so it is the same in two runs only where their order is.
    """

    name: str
    method: str
    key: str | None
    attempt: int
    body: str

    def __str__(self) -> str:
        attempt = f" (attempt {self.attempt})" if self.attempt > 1 else ""
        return f"{self.method} {self.name}{attempt}"


def _act(one: Seen, story: Story) -> Act:
    certain = {name: value for name, value in one.body.items() if name != "chance"}
    key = one.key if story.workflow in SEQUENTIAL else None
    return Act(one.name, one.method, key, one.attempt, repr(sorted(certain.items())))


def _reported(story: Story, name: str) -> bool:
    return (story.result or {}).get(name) == "interrupted"


def _effects(journal: list[Entry]) -> Iterator[int]:
    """Yield the effects whose outcomes the guest saw."""
    for entry in journal:
        if isinstance(entry, Called | Observed):
            yield entry.effect


def _labels(journal: list[Entry]) -> list[str]:
    """Return the effects in the order of the program, without what crashes may add."""
    labels = [entry.label for entry in journal if isinstance(entry, Called | Started)]
    return [label.rsplit("/", 1)[-1] for label in labels]
