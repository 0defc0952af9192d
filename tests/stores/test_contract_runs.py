"""What `flawless.stores.base` says of runs and of parts of journals, held against every store."""

from __future__ import annotations

import msgspec
import pytest

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import DeploymentId, ExecutionId, earlier_run
from flawless.stores import Append, Chunk, NextRun, Parent, Record, Sent, Store, Visible, Write
from flawless.stores.base import PARENT_ENDED
from stores.conftest import Place
from stores.writes import (
    append,
    attempts,
    child,
    create,
    end,
    ids,
    inbox,
    journal,
    listed,
    next_run,
    send,
    status,
)

pytestmark = pytest.mark.anyio

A = ExecutionId("a")
OLD = ExecutionId("a~1")


async def get(store: Store, id_: str) -> Record:
    """Return a record that must be there."""
    record = await store.get(ExecutionId(id_))
    assert record is not None
    return record


# --- runs ---------------------------------------------------------------------------------------


async def test_the_next_run_takes_the_id(store: Store) -> None:
    """The run before it stays under another id, with its journal; the next one begins anew."""
    await store.commit([create("a"), create("b"), append("a", 1), attempts("a", 1, b"x")])
    old = await get(store, "a")
    assert await store.commit([next_run("a", last=Chunk(2, 3, b"last"))]) == [None]
    assert await get(store, "a") == Record(
        A, "app.next", DeploymentId("d2"), Status.RUNNING, 60, 60, None, b"next digest", 2
    )
    assert await get(store, "a~1") == msgspec.structs.replace(
        old, id=OLD, status=Status.COMPLETED, updated_us=60
    )
    assert await journal(store, "a") == [(0, 1, b"next")]
    assert await journal(store, "a~1") == [(0, 1, b"zero"), (1, 1, b"more"), (2, 3, b"last")]
    assert await store.last_chunk(OLD) == Chunk(2, 3, b"last")
    assert await store.attempts(OLD) == await store.attempts(A) == {}
    await store.commit([append("a", 1), attempts("a", 2, b"y")])
    assert await store.attempts(A) == {2: b"y"}
    assert len(await store.journal(OLD)) == 3


async def test_many_runs(place: Place) -> None:
    """Runs are numbered from 1, also when the store is opened anew between them."""
    store = await place.open()
    await store.commit([create("a"), next_run("a"), next_run("a")])
    await store.close()
    store = await place.open()
    await store.commit([append("a", 1), next_run("a", Status.FAILED)])
    assert ids(await listed(store)) == ["a"]
    everything = await listed(store, runs=True)
    assert ids(everything) == ["a", "a~3", "a~2", "a~1"]
    assert [record.run for record in everything] == [4, 3, 2, 1]
    assert await journal(store, "a~3") == [(0, 1, b"next"), (1, 1, b"more")]
    assert earlier_run(A, 3) == "a~3"


async def test_the_next_run_of_an_ended_one_keeps_its_status(store: Store) -> None:
    """A retry from the start keeps how and when the run before ended; a status replaces both."""
    await store.commit([create("a"), create("b"), end("a", status=Status.FAILED)])
    await store.commit([next_run("a", None)])
    old = await get(store, "a~1")
    assert (old.status, old.updated_us) == (Status.FAILED, 50)
    await store.commit([end("b", status=Status.FAILED), next_run("b", Status.CANCELLED)])
    old = await get(store, "b~1")
    assert (old.status, old.updated_us) == (Status.CANCELLED, 60)


@pytest.mark.parametrize("other", [s for s in Status if not s.final])
async def test_a_run_that_goes_on_has_no_next(store: Store, other: Status) -> None:
    """Without a final status there is no next run, and nothing is changed."""
    await store.commit([create("a"), send("a"), status("a", other)])
    before = await get(store, "a")
    with pytest.raises(StoreConflict, match=f"while it is {other}"):
        await store.commit([next_run("a", None, last=Chunk(1, 1, b""), received=(1,))])
    assert await get(store, "a") == before
    assert len(await store.messages(A)) == 1
    await store.commit([append("a", 1)])


async def test_what_lasts_from_run_to_run(store: Store) -> None:
    """Inbox, known ids, numbers, limits, state and response are those of the execution."""
    await store.commit([create("a"), *[send("a", message_id=n) for n in "12"], send("a")])
    await store.commit([Append(A, None, None, None, 5, state=b"s", response=b"r")])
    assert await store.commit([next_run("a", received=(1,))]) == [None]
    assert await inbox(store, "a") == [(2, "m", b"p"), (3, "m", b"p")]
    assert await store.state(A) == Visible(b"s", 1, 5)
    assert await store.response(A) == Visible(b"r", 1, 5)
    assert await store.commit(
        [send("a", message_id="1"), send("a", waiting_max=2), send("a", waiting_max=3)]
    ) == [Sent("duplicate"), Sent("full"), Sent("sent", 4)]
    await store.commit([Append(A, None, None, None, 6, state=b"t", response=b"other")])
    assert await store.state(A) == Visible(b"t", 2, 6)
    assert await store.response(A) == Visible(b"r", 1, 5)
    await store.commit([end("a")])
    assert await inbox(store, "a") == []
    assert await store.commit([send("a", message_id="2")]) == [Sent("duplicate")]


async def test_links_last_from_run_to_run(store: Store) -> None:
    """Children of all runs are the execution's; it stays the child of its parent."""
    await store.commit([create("top"), child("a", "top", effect=6), child("x", "a", effect=1)])
    await store.commit([child("c", "a", effect=2, close="cancel"), next_run("a")])
    assert await inbox(store, "top") == await inbox(store, "c") == []
    record = await get(store, "a")
    assert (record.parent, record.depth, record.run) == (
        Parent(ExecutionId("top"), 1, 6, "wait"),
        1,
        2,
    )
    assert (await get(store, "a~1")).parent == record.parent
    assert (await get(store, "x")).parent == Parent(A, 1, 1, "wait")
    await store.commit([child("y", "a", effect=1, run=2)])
    assert ids(await store.children(A)) == ["x", "c", "y"]
    assert await store.children(ExecutionId("top")) == [record]
    assert await store.commit([end("x", b"1")]) == [("a",)]
    assert await inbox(store, "a") == [(1, ":child:1:1", b"1")]
    assert await store.commit([end("a", b"2")]) == [("top", "c")]
    assert await inbox(store, "top") == [(1, ":child:1:6", b"2")]


async def test_children_and_parents_in_later_runs(place: Place) -> None:
    """Whichever of the two is in a later run, the other one finds it; also after a restart."""
    store = await place.open()
    await store.commit([create("a"), child("x", "a", close="cancel"), child("y", "a", effect=2)])
    await store.commit([next_run("x"), next_run("a"), next_run("x"), create("last")])
    await store.close()
    store = await place.open()
    assert ids(await store.children(A)) == ["x", "y"]
    assert (await store.children(A))[0] == await get(store, "x")
    assert await store.commit([child("x", "a")]) == [await get(store, "x")]
    assert await store.commit([status("x", Status.WAITING), end("a")]) == [None, ("x",)]
    assert await inbox(store, "x") == [(1, ":cancel", PARENT_ENDED)]
    assert (await get(store, "x")).wake_us == 50
    assert await inbox(store, "a") == []


async def test_the_first_run_of_a_child_tells_nobody(store: Store) -> None:
    """Only the end of the last run is the child's end."""
    await store.commit([create("a"), child("x", "a"), next_run("x"), next_run("x")])
    assert await inbox(store, "a") == []
    assert await store.commit([end("x", b"1")]) == [("a",)]


async def test_earlier_runs_are_hidden(store: Store) -> None:
    """They are neither counted nor running nor due, and listed only when asked for."""
    await store.commit([create("a"), status("a", Status.WAITING, 5), next_run("a")])
    await store.commit([create("b"), end("b", status=Status.FAILED), next_run("b", None)])
    assert await store.counts() == dict.fromkeys(Status, 0) | {Status.RUNNING: 2}
    assert ids(await store.running()) == ["a", "b"]
    assert await store.due(1 << 60) == []
    assert await store.next_wake_us() is None
    assert ids(await listed(store)) == ["b", "a"]
    for final in (Status.COMPLETED, Status.FAILED):
        assert await listed(store, status=final) == []
    assert ids(await listed(store, runs=True)) == ["b", "b~1", "a", "a~1"]
    assert ids(await listed(store, runs=True, status=Status.COMPLETED)) == ["a~1"]
    assert ids(await listed(store, runs=True, status=Status.FAILED)) == ["b~1"]
    assert ids(await listed(store, runs=True, status=Status.RUNNING)) == ["b", "a"]
    assert ids(await listed(store, runs=True, prefix="b")) == ["b", "b~1"]
    assert ids(await listed(store, runs=True, workflow="app.w", limit=1)) == ["b~1"]
    assert ids(await listed(store, runs=True, before=ExecutionId("b~1"))) == ["a", "a~1"]
    await store.commit([end("a"), end("b")])
    assert await store.counts() == dict.fromkeys(Status, 0) | {Status.COMPLETED: 2}


async def test_earlier_runs_have_nothing_that_lasts(store: Store) -> None:
    """Inbox, state, response and children are those of the latest run alone."""
    await store.commit([create("a"), child("x", "a"), send("a", message_id="m")])
    await store.commit([Append(A, None, None, None, 5, state=b"s", response=b"r"), next_run("a")])
    assert await store.messages(OLD) == []
    assert await store.state(OLD) is await store.response(OLD) is None
    assert await store.children(OLD) == []
    for message_id in (None, "m"):
        assert await store.commit([send("a~1", message_id=message_id)]) == [Sent("ended")]


@pytest.mark.parametrize(
    "write",
    [
        append("a~1", 1),
        status("a~1", Status.RUNNING),
        attempts("a~1", 1, b"x"),
        next_run("a~1"),
        child("new", "a~1"),
        child("b", "a~1"),
    ],
    ids=lambda write: type(write).__name__,
)
async def test_earlier_runs_are_for_reading(store: Store, write: Write) -> None:
    """Nothing is written to an earlier run any more."""
    await store.commit([create("a"), create("b"), next_run("a")])
    with pytest.raises(StoreConflict, match="earlier run"):
        await store.commit([write])
    assert len(await store.journal(OLD)) == 1


async def test_the_id_of_an_earlier_run_may_not_be_taken(store: Store) -> None:
    """Should somebody have that id, there is no next run."""
    await store.commit([create("a"), create("a~1")])
    with pytest.raises(StoreConflict, match="a~1"):
        await store.commit([next_run("a")])
    await store.commit([append("a", 1), append("a~1", 1)])
    assert await store.commit([create("b"), next_run("b"), create("b~1")]) == [
        None,
        None,
        await get(store, "b~1"),
    ]


async def test_a_next_run_needs_an_execution(store: Store) -> None:
    """Nobody has no next run; and a chunk must fit the end of the journal before."""
    with pytest.raises(ExecutionNotFound):
        await store.commit([next_run("a")])
    await store.commit([create("a")])
    with pytest.raises(StoreConflict):
        await store.commit([next_run("a", last=Chunk(2, 1, b""))])
    assert ids(await listed(store, runs=True)) == ["a"]


async def test_a_next_run_is_skipped_with_a_taken_id(store: Store) -> None:
    """Whoever does not get the id does not end its run."""
    await store.commit([create("a")])
    await store.commit([create("a"), next_run("a")])
    assert (await get(store, "a")).run == 1


async def test_a_failed_batch_leaves_runs_as_they_were(store: Store) -> None:
    """A next run, and all that was done to it, is undone with its batch."""
    await store.commit([create("a"), create("b"), send("a"), attempts("a", 1, b"x")])
    await store.commit([status("a", Status.WAITING, 7)])
    before = await get(store, "a")
    with pytest.raises(ExecutionNotFound):
        await store.commit(
            [next_run("a"), append("a", 1), next_run("a"), end("a"), append("missing", 0)]
        )
    assert await get(store, "a") == before
    assert ids(await listed(store, runs=True)) == ["b", "a"]
    assert await store.attempts(A) == {1: b"x"}
    assert ids(await store.due(7)) == ["a"]
    await store.commit([append("a", 1), next_run("a")])
    assert len(await store.messages(A)) == 1


async def test_impossible_next_runs_cannot_be_made() -> None:
    """A journal begins at 0, and a run that is over has a final status."""
    with pytest.raises(ValueError, match="begins at 0"):
        NextRun(A, "w", DeploymentId("d"), b"", 0, Chunk(1, 1, b""))
    with pytest.raises(ValueError, match="final status"):
        next_run("a", Status.PARKED)


# --- parts of journals --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("start", "count", "expected"),
    [
        (0, None, [0, 2, 3, 7]),
        (-5, None, [0, 2, 3, 7]),
        (1, None, [0, 2, 3, 7]),
        (2, None, [2, 3, 7]),
        (5, None, [3, 7]),
        (7, None, [7]),
        (8, None, []),
        (1 << 24, None, []),
        (1 << 30, None, []),
        (0, 0, []),
        (0, 1, [0]),
        (0, 3, [0, 2]),
        (0, 4, [0, 2, 3]),
        (1, 1, [0]),
        (1, 2, [0, 2]),
        (5, 1, [3]),
        (5, 2, [3]),
        (5, 3, [3, 7]),
        (5, 1000, [3, 7]),
        (8, 5, []),
    ],
)
async def test_parts_of_a_journal(
    store: Store, start: int, count: int | None, expected: list[int]
) -> None:
    """The chunks that hold what was asked for, and no others."""
    await store.commit([create("before"), create("a", count=2), create("behind")])
    await store.commit([append("a", 2), append("a", 3, count=4), append("a", 7)])
    assert [c.first_seq for c in await store.journal(A, start, count)] == expected
    assert await store.journal(A, start=2, count=1) == [Chunk(2, 1, b"more")]


async def test_a_part_of_nothing(store: Store) -> None:
    """A part of the journal of nobody is an error too."""
    with pytest.raises(ExecutionNotFound):
        await store.journal(A, 3, 1)
