"""The checker of the sweep cannot be fooled: engines with planted faults do not pass."""

from __future__ import annotations

import pytest
from faults import FAULTS
from harness import Field

FEW_COMMITS = ["commit:3:before", "commit:2:after", "commit:3:after", "commit:4:before"]
"""It shows at one of these: how many commits come before depends on how busy the machine is."""

# For each fault, a storm that brings it to light, and what the checker must say (one of these).
STORMS = {
    "commits late": ("requests", ["perform:2:after"], "seen 2 times"),
    "loses entries": ("sleeps", [], "no result"),
    "repeats posts": ("requests", [], "seen 2 times"),
    "repeats anything": ("requests", ["perform:2:after"], "seen 2 times"),
    "rolls dice": ("many", ["perform:3:after"], "diverged"),
    "performs before it commits": ("requests", ["commit:2:before"], "seen 2 times"),
    "takes messages unrecorded": ("receives", ["perform:1:after"], "items is|no result"),
    "delivers twice": ("receives", ["perform:1:after"], "items is"),
    "tells signals twice": ("stopped_async", ["perform:1:after"], "ExecutionCancelled"),
    "decides twice": (
        "parks",
        ["perform:1:before", "perform:1:after", "commit:1:after"],
        "seen 2 times",
    ),
    "creates children early": ("families", FEW_COMMITS, "too many of leaf"),
    "shows states early": ("shows", FEW_COMMITS, "state 1 was seen as"),
    "tells no parent": ("families", [], "no result"),
    "skips undos": ("sagas", [], "2 things were undone"),
    "forgets messages between runs": ("continues", [], "no result"),
    "ends nothing": ("many", ["told:2:after"], "it had ended, and was found not to have"),
    "ends twice": ("many", [], "the journal has ends at"),
    "loses starts": ("begins_later", ["told:1:after"], "it had started, and was not found"),
    "drops a message": ("receives", [], "items is|no result"),
}
IN_RUST = {"tells signals twice": ("sagas_async", ["perform:3:after"])}
"""What brings faults to light in Rust, which has no asyncio."""


SHARED = {"commits late", "repeats posts", "drops a message", "tells no parent", "ends nothing"}
"""The faults that are planted in every run of the tests, in Python."""

LANGUAGES = ("python", "rust")


def storm_of(fault: str, language: str) -> tuple[str, list[str], str]:
    """Return the storm that brings a fault to light, and the words that tell so."""
    *storm, words = STORMS[fault]
    workflow, crashes = IN_RUST.get(fault, storm) if language == "rust" else storm
    return workflow, crashes, words


@pytest.mark.parametrize(
    ("field", "fault"),
    [
        pytest.param(
            language,
            fault,
            marks=[] if fault in SHARED and language == "python" else pytest.mark.sweep,
        )
        for language in LANGUAGES
        for fault in FAULTS
    ],
    indirect=["field"],
)
def test_a_planted_fault_is_caught(field: Field, fault: str) -> None:
    """An engine that breaks a promise is found out, and for the right reason."""
    workflow, crashes, words = storm_of(fault, field.language)
    for some in [[one] for one in FEW_COMMITS] if crashes is FEW_COMMITS else [crashes]:
        problems = field.storm(workflow, some, fault=fault)
        if any(word in problem for problem in problems for word in words.split("|")):
            return
    pytest.fail(f"not caught: {problems}")


@pytest.mark.sweep
@pytest.mark.parametrize("field", LANGUAGES, indirect=True)
def test_the_same_storms_without_the_faults_pass(field: Field) -> None:
    """What the checker found was the fault, not the storm."""
    for fault in FAULTS:
        workflow, crashes, _ = storm_of(fault, field.language)
        assert field.storm(workflow, crashes) == []
