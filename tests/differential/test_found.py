"""What random programs have brought to light, written out as the shortest program that shows it."""

from __future__ import annotations

from typing import Any

from cases import Case
from parts import Left
from world import Stage

from flawless.core.entries import Observed
from flawless.core.status import Status

SECOND_US = 1_000_000


def case(*operations: list[Any], **program: Any) -> Case:
    """Return a case with these operations."""
    ends = {"async": False, "clean-up": [], "obeys": True, "runs": 1}
    return Case({"operations": list(operations), **ends, **program}, [], None)


def child(*operations: list[Any], close: str = "wait") -> list[Any]:
    """Return the spec of a child with these operations."""
    return ["child", case(["sleep", SECOND_US], *operations).program, close, None]


def played(stage: Stage, name: str, what: Case) -> dict[str, Left]:
    """Return what a case leaves."""
    return stage.play(what, name)[0]


def test_asyncio_gathers_futures_that_were_cancelled(stage: Stage) -> None:
    """`asyncio.gather` looks into a cancelled future of ours as into one of its own."""
    waits = ["wait", [["sleep", SECOND_US], ["sleep", 9 * SECOND_US]], 5 * SECOND_US]
    left = played(stage, "gathers", case([*waits, "FIRST_COMPLETED"], **{"async": True}))
    assert left["gathers"].record.status is Status.COMPLETED


def test_a_child_started_last_is_created(stage: Stage) -> None:
    """A workflow that starts a child and returns in the same turn has started it."""
    started = ["start", child(close="abandon")]
    left = played(stage, "hasty", case(["sleep", 2 * SECOND_US], started))
    assert left["hasty.2"].record.status is Status.COMPLETED


def test_what_is_shown_before_the_next_run_is_seen(stage: Stage) -> None:
    """A state published, and a response given, right before `continue_as_new` are not lost."""
    shows = [["publish", 7], ["respond", "anna"]]
    left = played(stage, "shown", case(["sleep", SECOND_US], *shows, runs=2))
    first = left["shown~1"]
    assert first.record.status is Status.COMPLETED
    last = left["shown"]
    assert last.state is not None
    assert last.response is not None
    assert last.response.value.decode() != ""


def test_workflows_send_to_each_other(stage: Stage) -> None:
    """A message of a workflow has an id that no user could give, and arrives."""
    tells = ["tell", "parent", 0, "a", "bo"]
    left = played(stage, "hears", case(["start", child(tells)], ["receive", "a", 9 * SECOND_US]))
    got = [e for e in left["hears"].entries if isinstance(e, Observed) and b'"bo"' in e.payload]
    assert len(got) == 1
