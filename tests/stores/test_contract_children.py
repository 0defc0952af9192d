"""What `flawless.stores.base` says of parents and children, held against every store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import ExecutionId
from flawless.stores import Parent, Record, Sent, Store, Write
from flawless.stores.base import PARENT_ENDED
from stores.conftest import Place
from stores.writes import (
    append,
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


# --- children -----------------------------------------------------------------------------------


async def test_a_child_knows_its_parent(store: Store) -> None:
    """Parent and depth are in every record that is read; others have none."""
    first = child("x", "a", effect=7, close="cancel")
    assert await store.commit([create("a"), append("a", 1), first]) == [None] * 3
    record = await get(store, "x")
    assert (record.parent, record.depth) == (Parent(A, 1, 7, "cancel"), 1)
    assert (record.status, record.run) == (Status.RUNNING, 1)
    parent = await get(store, "a")
    assert (parent.parent, parent.depth) == (None, 0)
    assert await store.running() == [parent, record]
    assert await listed(store) == [record, parent]
    assert await journal(store, "x") == [(0, 1, b"zero")]
    await store.commit([status("x", Status.WAITING, 1)])
    assert (await store.due(1))[0].parent == record.parent


async def test_children_in_order(store: Store) -> None:
    """Exactly the children of one execution, the first created first, whatever their state."""
    await store.commit([create("a"), create("b"), child("z", "a"), child("x", "b")])
    await store.commit([child("y", "a", effect=2), child("deep", "z"), end("z")])
    assert ids(await store.children(A)) == ["z", "y"]
    assert ids(await store.children(ExecutionId("b"))) == ["x"]
    assert ids(await store.children(ExecutionId("y"))) == []
    await store.commit([end("a")])
    assert await store.children(A) == [await get(store, "z"), await get(store, "y")]


async def test_some_of_the_children(store: Store) -> None:
    """A page of them begins at any place and has its length; their number is told without them."""
    names = [f"c{n}" for n in range(7)]
    await store.commit([create("a"), create("b"), child("other", "b")])
    for n, name in enumerate(names):
        await store.commit([child(name, "a", effect=n + 1), child(f"{name}-deep", name)])
    await store.commit([next_run("c3"), next_run("a"), child("c7", "a", effect=1, run=2)])
    names.append("c7")
    for start in (-1, 0, 1, 3, 7, 8, 9):
        for count in (None, -1, 0, 1, 3, 8, 9):
            first = max(0, start)
            last = None if count is None else first + max(0, count)
            assert ids(await store.children(A, start, count)) == names[first:last]
    assert await store.children(A, 3, 1) == [await get(store, "c3")]
    assert await store.child_count(A) == 8
    assert await store.child_count(ExecutionId("b")) == 1
    assert await store.child_count(ExecutionId("other")) == 0
    assert await store.children(OLD, 0, 1) == []
    assert await store.child_count(OLD) == 0
    for ask in (store.child_count, store.children):
        with pytest.raises(ExecutionNotFound, match="nobody"):
            await ask(ExecutionId("nobody"))


async def test_a_parent_must_exist(store: Store) -> None:
    """A child of nobody fails its batch, also when its id is taken."""
    await store.commit([create("x")])
    for orphan in (child("x", "nobody"), child("new", "nobody")):
        with pytest.raises(ExecutionNotFound, match="nobody"):
            await store.commit([orphan])
    assert await store.get(ExecutionId("new")) is None


async def test_a_parent_may_have_ended(store: Store) -> None:
    """The child begins all the same, and its end is told to nobody."""
    await store.commit([create("a"), end("a"), child("x", "a")])
    assert ids(await store.children(A)) == ["x"]
    assert await store.commit([end("x", b"done")]) == [None]
    assert await inbox(store, "a") == []


@pytest.mark.parametrize("final", [s for s in Status if s.final])
async def test_the_end_of_a_child_is_told(store: Store, final: Status) -> None:
    """Its outcome lies in the parent's inbox, in the same commit, and wakes the parent."""
    await store.commit([create("a"), child("x", "a", effect=3), status("a", Status.WAITING, 99)])
    assert await store.commit([end("x", b"outcome", final)]) == [("a",)]
    assert await inbox(store, "a") == [(1, ":child:1:3", b"outcome")]
    assert (await get(store, "a")).wake_us == 50
    assert await store.commit([append("x", 1), status("x", Status.RUNNING)]) == [None, None]
    assert await store.commit([end("x")]) == [("a",)]
    assert await inbox(store, "a") == [(1, ":child:1:3", b"outcome"), (2, ":child:1:3", b"")]


async def test_a_whole_child_in_one_batch(store: Store) -> None:
    """A child may begin and end in the batch in which its parent began."""
    results = await store.commit([create("a"), child("x", "a"), end("x", b"1"), append("a", 1)])
    assert results == [None, None, ("a",), None]
    assert await inbox(store, "a") == [(1, ":child:1:1", b"1")]


async def test_the_end_of_a_child_after_close_and_open(place: Place) -> None:
    """The link lasts."""
    store = await place.open()
    await store.commit([create("a"), child("x", "a", close="cancel"), child("y", "a", effect=2)])
    await store.close()
    store = await place.open()
    assert await store.commit([end("y", b"1")]) == [("a",)]
    assert await inbox(store, "a") == [(1, ":child:1:2", b"1")]
    assert await store.commit([end("a")]) == [("x",)]


async def test_children_are_cancelled_with_their_parent(store: Store) -> None:
    """Only those with that policy that have not ended, in order, and they wake up."""
    await store.commit([create("top"), create("other"), child("a", "top", effect=9)])
    family = [
        child("c1", "a", close="cancel"),
        child("w", "a", effect=2, close="wait"),
        child("gone", "a", effect=3, close="cancel"),
        child("free", "a", effect=4, close="abandon"),
        child("c0", "a", effect=5, close="cancel"),
        child("theirs", "other", close="cancel"),
        child("grandchild", "c1", close="cancel"),
    ]
    await store.commit([*family, end("gone"), status("c0", Status.PARKED)])
    assert await store.commit([send("a"), end("a", b"1")]) == [
        Sent("sent", 2),
        ("top", "c1", "c0"),
    ]
    for id_ in ("c1", "c0"):
        assert await inbox(store, id_) == [(1, ":cancel", PARENT_ENDED)]
    assert (await get(store, "c0")).wake_us == 50
    assert (await get(store, "c1")).wake_us is None
    for id_ in ("w", "gone", "free", "theirs", "grandchild", "a", "other"):
        assert await inbox(store, id_) == []
    assert await inbox(store, "top") == [(1, ":child:1:9", b"1")]


async def test_an_id_that_others_have_is_refused(store: Store) -> None:
    """The parent is told in its inbox that there will be no such child, and wakes."""
    await store.commit([create("a"), create("x"), status("a", Status.WAITING)])
    await store.commit([send("a", message_id="m", waiting_max=1)])
    existing = await get(store, "x")
    results = await store.commit([append("a", 1), child("x", "a", effect=4), append("x", 1)])
    assert results == [None, existing, None]
    assert await inbox(store, "a") == [(1, "m", b"p"), (2, ":child:1:4", b"refused x")]
    assert (await get(store, "a")).wake_us == 10
    assert await get(store, "x") == existing
    assert await store.children(A) == []


@pytest.mark.parametrize(
    "other", [{"parent": "b"}, {"effect": 2}, {"run": 2}, {"parent": "b", "effect": 2}]
)
async def test_only_the_very_child_is_not_refused(store: Store, other: dict[str, Any]) -> None:
    """Creating a child again changes nothing; another effect, run or parent is refused."""
    await store.commit([create("a"), create("b"), child("x", "a", effect=1)])
    record = await get(store, "x")
    again = msgspec.structs.replace(child("x", "a", effect=1, close="abandon"), depth=5)
    assert await store.commit([again]) == [record]
    assert await inbox(store, "a") == []
    wish: dict[str, Any] = {"parent": "a", "effect": 1, "run": 1} | other
    parent = wish.pop("parent")
    assert await store.commit([child("x", parent, **wish)]) == [record]
    name = f":child:{wish['run']}:{wish['effect']}"
    assert await inbox(store, parent) == [(1, name, b"refused x")]
    assert ids(await store.children(A)) == ["x"]
    assert await store.children(ExecutionId("b")) == []


async def test_a_child_with_another_digest_is_refused(store: Store) -> None:
    """The same effect on another path of its parent starts another child."""
    await store.commit([create("a"), child("x", "a")])
    other = msgspec.structs.replace(child("x", "a"), digest=b"other")
    assert await store.commit([other]) == [await get(store, "x")]
    assert await inbox(store, "a") == [(1, ":child:1:1", b"refused x")]


async def test_who_ended_is_told_no_refusal(store: Store) -> None:
    """The refused child of a parent that has ended changes nothing."""
    await store.commit([create("a"), create("x"), end("a")])
    assert await store.commit([child("x", "a")]) == [await get(store, "x")]
    assert await inbox(store, "a") == []


async def test_children_of_a_taken_id_are_skipped(store: Store) -> None:
    """Who does not get an id gets no children under it either."""
    await store.commit([create("a"), create("z")])
    results = await store.commit(
        [create("a"), append("a", 1), child("x", "a"), child("z", "a"), append("z", 1), create("b")]
    )
    assert results[1:] == [None] * 5
    assert ids(await listed(store)) == ["b", "z", "a"]
    assert await store.children(A) == []
    assert len(await store.journal(ExecutionId("z"))) == 2


async def test_a_child_that_finds_its_id_taken_takes_nothing(store: Store) -> None:
    """Whoever has the id goes on writing, in the same batch too."""
    await store.commit([create("a"), create("x"), child("y", "a", effect=2)])
    await store.commit(
        [
            child("x", "a"),
            append("x", 1),
            child("y", "a", effect=2),
            append("y", 1),
            status("y", Status.FAILED),
        ]
    )
    for name in ("x", "y"):
        assert len(await store.journal(ExecutionId(name))) == 2
    record = await store.get(ExecutionId("y"))
    assert record is not None
    assert record.status is Status.FAILED


async def test_a_failed_batch_leaves_families_as_they_were(store: Store) -> None:
    """Links, outcomes and signals are undone with their batch."""
    await store.commit([create("a"), child("x", "a", close="cancel")])
    failing: list[Write] = [child("y", "a", effect=2), end("x", b"1"), end("a")]
    with pytest.raises(StoreConflict):
        await store.commit([*failing, append("a", 9)])
    assert ids(await store.children(A)) == ["x"]
    assert await inbox(store, "a") == await inbox(store, "x") == []
    assert await store.commit(failing) == [None, ("a",), None]


async def test_impossible_families_cannot_be_made() -> None:
    """A policy is one of three; depth and refusal belong to children; effects have bounds."""
    with pytest.raises(ValueError, match="none of wait, cancel, abandon"):
        Parent(A, 1, 1, "kill")
    for run, effect in ((0, 1), (1, -1), (1, 1 << 24)):
        with pytest.raises(ValueError, match="cannot have an effect"):
            Parent(A, run, effect, "wait")
    for more in ({"depth": 1}, {"refusal": b"x"}):
        with pytest.raises(ValueError, match="without a parent"):
            msgspec.structs.replace(create("a"), **more)
