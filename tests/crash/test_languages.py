"""A storm's workflow leaves the same journal in Python and in Rust when nothing disturbs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random

import pytest
from checker import Story
from harness import Field

from flawless.core.entries import Arrived, ClockRead, Entry, Polled, Slept

WORKFLOWS = (
    "steps", "requests", "retries", "sleeps", "many", "receives", "talks", "shows", "leaves",
    "stopped", "terminated", "expires", "sagas", "sagas_parked", "parks", "mended", "continues",
    "begins_later", "lasts", "naps", "dozes",
)  # fmt: skip
"""Those whose order is certain, and the same code in both languages."""
SHARE = 2


@pytest.mark.timeout(900)
def test_nothing_differs_but_what_must(
    fields: Callable[[str], Field], whole: bool, chance: Random
) -> None:
    """Kinds of entries, effects and their order, in the execution and all its children."""
    for name in WORKFLOWS if whole else chance.sample(WORKFLOWS, SHARE):
        python, rust = (told(fields(language).calm(name)) for language in ("python", "rust"))
        assert rust == python, name


def told(story: Story) -> dict[str, list[tuple[str, str]]]:
    """Return what each journal of a family tells, without times and addresses."""
    return {
        re.sub(r"\d{10,}", "TIME", str(member.record.id)): [*_told(member.journal)]
        for member in story.family
    }


def _told(journal: list[Entry]) -> Iterator[tuple[str, str]]:
    entries = [
        entry
        for entry in journal
        if not isinstance(entry, Arrived)  # an outcome came before the guest looked, or after it
    ]
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        if isinstance(entry, ClockRead) and isinstance(following, Polled):
            continue  # `std::thread::sleep` does that where Python asks for a sleep
        kind = Slept if isinstance(entry, Polled) else type(entry)
        yield kind.__name__, re.sub(r"http://\S+/", "", getattr(entry, "label", ""))
