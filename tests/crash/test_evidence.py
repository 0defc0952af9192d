"""Evidence is tampered with, one piece at a time: the checker notices each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pytest
from checker import Member, Story, check
from harness import Field
from notebook import Told

from flawless.core.entries import Called
from flawless.core.status import Status

WORKFLOW = "requests"
"""Six effects, one after the other; two of them must not be repeated."""

Tamper = Callable[[Story], Story]


def seen(change: Callable[[list], list]) -> Tamper:
    """Change what the ledger saw."""
    return lambda story: replace(story, seen=change(story.seen))


def journal(change: Callable[[list], list]) -> Tamper:
    """Change what the journal tells."""

    def tamper(story: Story) -> Story:
        [member] = story.family
        return replace(story, family=[replace(member, journal=change(member.journal))])

    return tamper


def told(*more: Told) -> Tamper:
    """Add to what somebody was told."""
    return lambda story: replace(story, told=[*story.told, *more])


def ended(**facts: object) -> Tamper:
    """Tell once more how it has ended, and now otherwise."""

    def tamper(story: Story) -> Story:
        [end] = [one for one in story.told if one.kind == "ended"]
        return told(replace(end, facts=end.facts | facts))(story)

    return tamper


def exchanged(entries: list) -> list:
    """Exchange the first two effects."""
    first, second = [n for n, entry in enumerate(entries) if isinstance(entry, Called)][:2]
    changed = list(entries)
    changed[first], changed[second] = entries[second], entries[first]
    return changed


def as_running(story: Story) -> Story:
    """Let the store say that it runs still."""
    [member] = story.family
    record = msgspec.structs.replace(member.record, status=Status.RUNNING)
    return replace(story, family=[replace(member, record=record)])


def result(**values: str) -> Tamper:
    """Change what the caller got."""
    return lambda story: replace(story, result={**(story.result or {}), **values})


def replayed(story: Story) -> Story:
    """Let a replay end otherwise."""
    [member] = story.family
    return replace(story, family=[Member(member.record, member.journal, None)])


TAMPERED: dict[str, tuple[Tamper, str]] = {
    "an effect that nobody saw": (seen(lambda them: them[1:]), "was seen by nobody"),
    "an effect that happened twice": (seen(lambda them: [*them, them[1]]), "was seen 2 times"),
    "effects in another order": (seen(lambda them: [them[1], them[0], *them[2:]]), "in the order"),
    "a repetition with another key": (
        seen(lambda them: [*them, replace(them[0], key="other")]),
        "another key",
    ),
    "a repetition with another body": (
        seen(lambda them: [*them, replace(them[0], body={"n": 1})]),
        "as another request",
    ),
    "an effect of nobody's": (
        seen(lambda them: [*them, replace(them[0], name="new", key="other")]),
        "is in no journal",
    ),
    "entries in another order": (journal(exchanged), "the world saw its effects in the order"),
    "a journal without an end": (journal(lambda them: them[:-1]), "the journal has ends at"),
    "a journal with two ends": (journal(lambda them: [*them, them[-1]]), "the journal has ends at"),
    "a journal without a beginning": (journal(lambda them: them[1:]), "does not begin"),
    "an outcome that came twice": (
        journal(lambda them: [*them[:-1], them[-2], them[-1]]),
        "outcomes in the journal",
    ),
    "a journal that does not replay": (replayed, "does not replay to its end"),
    "an execution that is lost": (lambda story: replace(story, family=[]), "too few of"),
    "an execution that is there twice": (
        lambda story: replace(story, family=story.family * 2),
        "too many of",
    ),
    "an execution that has not ended": (as_running, "too many of"),
    "another result": (result(get="other"), "in the result, expected"),
    "no result": (lambda story: replace(story, result=None, error="late"), "no result"),
    "an answer to what nobody saw": (
        seen(lambda them: [one for one in them if one.name != "once-post"]),
        "has an answer, but was seen by nobody",
    ),
    "a start that was taken back": (told(Told("lost", WORKFLOW)), "was not found"),
    "an end that was taken back": (
        told(Told("found", WORKFLOW, {"final": False})),
        "was found not to have",
    ),
    "another end": (ended(told={}), "ended again"),
    "a journal that goes on behind its end": (ended(entries=99), "it had ended with 99 entries"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_the_checker_notices(field: Field, what: str) -> None:
    """What is not as in the undisturbed run is told, for the right reason."""
    tamper, words = TAMPERED[what]
    calm = field.calm(WORKFLOW)
    assert check(calm, calm) == []
    problems = check(tamper(calm), calm)
    assert any(words in problem for problem in problems), problems
