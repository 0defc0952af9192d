"""Holds what happened in a storm against the undisturbed run of the same workflow.

Four independent witnesses are compared: the ledger (what the outside world saw), the journal (what
the engine remembers), the result (what the caller got), and the notebook (what anyone was told in
all lives of the engine). Each broken promise is one sentence.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ledger import Seen
from notebook import Told

from flawless.core.entries import (
    Called,
    Cancelled,
    CancelObserved,
    Completed,
    Continued,
    End,
    Entry,
    Failed,
    Invoked,
    Observed,
    Resolved,
    Retried,
    Started,
)
from flawless.core.history import history
from flawless.ids import idempotency_key, latest_run, run_key
from flawless.stores.base import Record

SEQUENTIAL = {
    "steps", "requests", "retries", "sleeps", "many", "processes", "receives", "shows", "stopped",
    "sagas", "sagas_parked", "parks", "mended", "lasts", "naps", "dozes",
}  # fmt: skip
"""Workflows that do one thing after the other: the world must see that order."""

UNDOING = {"sagas", "sagas_async", "sagas_parked"}


@dataclass(frozen=True, slots=True)
class Member:
    """One execution of a family: the one that was started, its earlier runs, and its children."""

    record: Record
    journal: list[Entry]
    replayed_end: End | None


@dataclass(frozen=True, slots=True)
class Story:
    """What became of one execution, whatever happened on the way."""

    workflow: str
    id: str
    kills: int
    result: dict[str, Any] | None
    error: str | None
    seen: list[Seen]
    family: list[Member]
    told: list[Told]

    @property
    def journal(self) -> list[Entry]:
        """The journal of the execution itself."""
        return next((m.journal for m in self.family if m.record.id == self.id), [])


def root_of(execution: str) -> str:
    """Return the id of the execution that somebody outside has started."""
    return re.split(r"[.~]", execution)[0]


def check(story: Story, calm: Story) -> list[str]:
    """Return the promises that were broken, none if all is well."""
    return [
        *_result(story, calm),
        *_family(story, calm),
        *_ledger(story, calm),
        *_interruptions(story),
        *_order(story, calm),
        *_same_order(story),
        *_told(story),
        *_undone(story),
        *_outsiders(story),
    ]


def check_harm(story: Story, calm: Story) -> list[str]:
    """Return what is broken although effects may fail for want of memory: it fails, no worse."""
    if story.result is not None:
        return check(story, calm)
    return [
        *(f"{m.record.id}: {problem}" for m in story.family for problem in _journal(m)),
        *_repeated(story),
        *_same_order(story),
        *_told(story),
    ]


def _result(story: Story, calm: Story) -> Iterator[str]:
    if story.result is None or calm.result is None:
        if story.error != calm.error:
            yield f"no result: {story.error}, expected {calm.error or calm.result}"
        return
    if story.result.keys() != calm.result.keys():
        yield f"the result has {sorted(story.result)}, expected {sorted(calm.result)}"
        return
    for name, expected in calm.result.items():
        got = story.result[name]
        if name == "children":
            ids = {str(m.record.id) for m in story.family}
            if missing := set(got) - ids:
                yield f"the children {sorted(missing)} were never created"
            continue
        may_be_interrupted = name.startswith("once-") and story.kills
        if got != expected and not (may_be_interrupted and got == "interrupted"):
            yield f"{name} is {got!r} in the result, expected {expected!r}"


def _family(story: Story, calm: Story) -> Iterator[str]:
    standing = _standing(story)
    for who, times in (standing - _standing(calm)).items():
        yield f"there are {times} too many of {who}"
    for who, times in (_standing(calm) - standing).items():
        yield f"there are {times} too few of {who}"
    for member in story.family:
        for problem in _journal(member):
            yield f"{member.record.id}: {problem}"
    if story.workflow in SEQUENTIAL and _labels(story.journal) != _labels(calm.journal):
        yield f"the journal tells of {_labels(story.journal)}, expected {_labels(calm.journal)}"


def _standing(story: Story) -> Counter[str]:
    """Count the executions of a family by workflow, run and end."""
    return Counter(
        f"{m.record.workflow.partition('.')[2]} (run {m.record.run}, {m.record.status})"
        for m in story.family
    )


def _journal(member: Member) -> Iterator[str]:
    journal = member.journal
    if not journal or not isinstance(journal[0], Invoked):
        yield "the journal does not begin with entry 0"
        return
    ends = [
        n
        for n, entry in enumerate(journal)
        if isinstance(entry, Completed | Failed | Cancelled | Continued)
        and not (n + 1 < len(journal) and isinstance(journal[n + 1], Retried))
    ]
    if ends != [len(journal) - 1]:
        yield f"the journal has ends at {ends}, and {len(journal)} entries"
    elif member.replayed_end != journal[-1]:
        yield "the journal does not replay to its end"
    counting = history(journal).entries
    effects = Counter(_effects(counting))
    for effect, times in (effects - Counter(set(effects))).items():
        yield f"effect {effect} has {times + 1} outcomes in the journal"
    told = sum(isinstance(entry, CancelObserved) for entry in counting)
    if told > 1:
        yield f"it was told {told} times that it is cancelled"
    for entry in counting:
        if isinstance(entry, Resolved) and entry.by != "ann":
            yield f"somebody unknown decided about effect {entry.effect}"


def _ledger(story: Story, calm: Story) -> Iterator[str]:
    seen, expected = set(_told_apart(story)), set(_told_apart(calm))
    for act in expected - seen:
        if not act.name.startswith("maybe-") and not _reported(story, act.name):
            yield f"{act} was seen by nobody"
    for act in seen - expected:
        if not act.name.startswith("maybe-"):
            yield f"{act} should not exist"
    yield from _repeated(story)


def _repeated(story: Story) -> Iterator[str]:
    """What may be repeated is repeated as it was, and not too often."""
    for act, times in Counter(_told_apart(story)).items():
        most = 1 if act.name.startswith(("once-", "exact-")) else 1 + story.kills
        if story.workflow == "restarted":
            most += 1  # a run more
        if times > most:
            yield f"{act} was seen {times} times, at most {most} were allowed"
    keys: dict[str, str | None] = {}
    bodies: dict[tuple[str, int], Any] = {}
    chances = set()
    for one in _acts(story):
        if story.workflow != "restarted" and keys.setdefault(one.name, one.key) != one.key:
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
    order = list(dict.fromkeys((one.name, one.attempt) for one in _ordered(story)))
    present = set(order)
    expected = list(dict.fromkeys((one.name, one.attempt) for one in _ordered(calm)))
    if order != [act for act in expected if act in present]:
        yield f"the world saw {order}, expected the order {expected}"


def _same_order(story: Story) -> Iterator[str]:
    """What one execution did one after the other, the world saw in the order of its journal.

    And the world saw nothing that is in nobody's journal.
    """
    first: dict[str, int] = {}
    for n, one in enumerate(_acts(story)):
        if one.key is not None:
            first.setdefault(one.key, n)
    places = _places(story)
    for one in _acts(story):
        if one.key is not None and one.key not in places:
            yield f"{one.name} was seen, and is in no journal"
    for member in story.family:
        called = [entry.effect for entry in member.journal if isinstance(entry, Called)]
        seen = [(effect, first.get(_key(member, effect))) for effect in called]
        order = [(place, effect) for effect, place in seen if place is not None]
        if order != sorted(order):
            effects = [effect for _, effect in sorted(order)]
            yield f"{member.record.id}: the world saw its effects in the order {effects}"


def _key(member: Member, effect: int) -> str:
    """Return the key under which the world saw an effect of an execution."""
    record = member.record
    return idempotency_key(run_key(latest_run(record.id), record.run), effect)


def _places(story: Story) -> dict[str, str]:
    """Return where in the journals of a family each key belongs, whatever the family's name."""
    return {
        _key(member, effect): f"{member.record.id[len(story.id) :]}#{effect}"
        for member in story.family
        for effect in {getattr(entry, "effect", None) for entry in member.journal}
        if effect is not None
    }


def _told(story: Story) -> Iterator[str]:
    """What somebody was told once stays true: it has started, and how it has ended."""
    end: dict[str, Any] | None = None
    for told in story.told:
        if told.kind == "lost":
            yield "it had started, and was not found"
        elif told.kind == "found" and end is not None and not told.facts["final"]:
            yield "it had ended, and was found not to have"
        elif told.kind == "ended":
            if end is not None and told.facts != end:
                yield f"it had ended as {end}, and ended again as {told.facts}"
            end = told.facts
    if end is not None and end["entries"] != len(story.journal):
        yield f"it had ended with {end['entries']} entries, and has {len(story.journal)}"


def _undone(story: Story) -> Iterator[str]:
    """What was done before a failure is undone: all of it, the last first."""
    if story.workflow not in UNDOING:
        return
    order = list(dict.fromkeys(one.name for one in _acts(story)))
    done = [name for name in order if f"undo-{name}" in order]
    undone = [name for name in order if name.startswith("undo-")]
    if undone != [f"undo-{name}" for name in reversed(done)]:
        yield f"{done} was done, and undone in the order {undone}"
    owed = {"sagas": 3, "sagas_async": 2, "sagas_parked": 2}[story.workflow]
    if len(undone) != owed:
        yield f"{len(undone)} things were undone, expected {owed}"
    if story.workflow == "sagas_parked" and not any(s.name == "by-hand" for s in story.seen):
        yield "nobody was asked about the undo that keeps failing"


def _outsiders(story: Story) -> Iterator[str]:
    """What somebody outside has seen never goes back, and never changes."""
    states: dict[int, dict[str, Any]] = {}
    latest = 0
    responses = []
    for one in story.seen:
        if one.name == "outsider-state":
            stage = one.body["stage"]
            if states.setdefault(stage, one.body) != one.body:
                yield f"state {stage} was seen as {states[stage]}, and later as {one.body}"
            if stage < latest:
                yield f"state {stage} was seen after state {latest}"
            latest = max(latest, stage)
        elif one.name == "outsider-response":
            responses.append(one.body)
    if any(response != responses[0] for response in responses):
        yield f"several responses were seen: {responses}"
    if responses and 1 in states and states[1]["at"] != responses[0]["began"]:
        yield f"the response {responses[0]} does not fit the state {states[1]}"
    if story.workflow == "shows" and (4 not in states or not responses):
        yield f"the last state or the response was never seen: {states}"


def _acts(story: Story) -> Iterator[Seen]:
    """Yield what the workflow did to the world."""
    for one in story.seen:
        if not one.name.startswith(("outsider-", "maybe-mended", "by-hand")):
            yield one


def _ordered(story: Story) -> list[Seen]:
    """Return the effects whose order is certain: a person's decisions change that of others."""
    return [one for one in _acts(story) if not one.name.startswith("exact-")]


@dataclass(frozen=True, slots=True)
class Act:
    """What makes two effects the same: all but the random part of the body.

    The place of its key in a journal is the same in two runs only where their order is.
    """

    name: str
    method: str
    place: str | None
    attempt: int
    body: str

    def __str__(self) -> str:
        attempt = f" (attempt {self.attempt})" if self.attempt > 1 else ""
        return f"{self.method} {self.name}{attempt}"


def _told_apart(story: Story) -> Iterator[Act]:
    places = _places(story) if story.workflow in SEQUENTIAL else {}
    for one in _acts(story):
        certain = {name: value for name, value in one.body.items() if name != "chance"}
        place = places.get(one.key or "")
        yield Act(one.name, one.method, place, one.attempt, repr(sorted(certain.items())))


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
    return [label.rsplit("/", 1)[-1] for label in labels if not label.startswith("start ")]
