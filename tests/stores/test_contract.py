"""The contract of `flawless.stores.base`, held against every store."""

from __future__ import annotations

import asyncio
import hashlib

import msgspec
import pytest

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict, StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import Append, Chunk, Create, Deployment, Record, Store
from stores.conftest import Place
from stores.writes import (
    active,
    append,
    attempts,
    blob,
    create,
    deployment,
    ids,
    journal,
    listed,
    status,
)

pytestmark = pytest.mark.anyio

A = ExecutionId("a")


async def test_a_new_store_is_empty(store: Store) -> None:
    """Nothing is found in a new store, and nothing fails."""
    assert await store.get(A) is None
    assert await listed(store) == []
    assert await store.running() == []
    assert await store.due(1 << 60) == []
    assert await store.next_wake_us() is None
    assert await store.counts() == dict.fromkeys(Status, 0)
    assert await store.deployment(DeploymentId("d")) is None
    assert await store.deployments() == []
    assert await store.blob("0" * 64) is None
    assert await store.size_bytes() >= 0
    assert await store.commit([]) == []


async def test_create_keeps_all_it_was_given(store: Store) -> None:
    """A created execution runs, and has the chunk it began with."""
    write = Create(A, "app.w", DeploymentId("d1"), b"\x00\xff", 10, Chunk(0, 2, b"\x00\x01"))
    assert await store.commit([write]) == [None]
    assert await store.get(A) == Record(
        A, "app.w", DeploymentId("d1"), Status.RUNNING, 10, 10, None, b"\x00\xff"
    )
    assert await store.journal(A) == [Chunk(0, 2, b"\x00\x01")]


async def test_create_with_a_long_journal(store: Store) -> None:
    """It begins with several chunks, which join; where the id is taken none of them is kept."""
    more = (Chunk(1, 2, b"one"), Chunk(3, 1, b"two"))
    write = Create(A, "app.w", DeploymentId("d1"), b"d", 10, Chunk(0, 1, b"zero"), more=more)
    assert await store.commit([write, append("a", 4)]) == [None, None]
    whole = [write.chunk, *more, Chunk(4, 1, b"more")]
    assert await store.journal(A) == whole
    assert await store.journal(A, 2, 1) == [more[0]]
    assert await store.last_chunk(A) == whole[-1]
    again = msgspec.structs.replace(write, more=(Chunk(1, 4, b"other"),))
    (taken,) = await store.commit([again])
    assert isinstance(taken, Record)
    assert await store.journal(A) == whole


async def test_create_of_a_taken_id_gives_the_record_and_skips_that_id(store: Store) -> None:
    """The first to create wins; the rest of the batch is carried out all the same."""
    await store.commit([create("a", data=b"first")])
    existing = await store.get(A)
    results = await store.commit(
        [
            create("b"),
            create("a", data=b"second", workflow="other"),
            append("a", 7),  # would be a conflict
            attempts("a", 1, b"x"),
            status("a", Status.FAILED),
            append("b", 1),
        ]
    )
    assert results == [None, existing, None, None, None, None]
    assert await journal(store, "a") == [(0, 1, b"first")]
    assert await store.attempts(A) == {}
    assert await store.get(A) == existing
    assert await journal(store, "b") == [(0, 1, b"zero"), (1, 1, b"more")]


async def test_create_twice_in_one_batch(store: Store) -> None:
    """The second `Create` of one batch gets the record of the first."""
    results = await store.commit([create("a", data=b"1"), create("a", data=b"2")])
    assert results[0] is None
    assert results[1] == await store.get(A)
    assert await journal(store, "a") == [(0, 1, b"1")]


async def test_a_whole_life_in_one_batch(store: Store) -> None:
    """Start, steps and end may share a commit."""
    await store.commit(
        [create("a"), append("a", 1, count=3), append("a", 4), status("a", Status.COMPLETED)]
    )
    record = await store.get(A)
    assert record is not None
    assert record.status is Status.COMPLETED
    assert [c.first_seq for c in await store.journal(A)] == [0, 1, 4]


@pytest.mark.parametrize("inline", [False, True])
async def test_append_continues_where_the_journal_ends(store: Store, inline: bool) -> None:
    """Chunks of several entries are counted by their entries."""
    await store.commit([create("a", count=2)], inline=inline)
    assert await store.commit([append("a", 2, b"x", count=5)], inline=inline) == [None]
    assert await store.commit([append("a", 7, b"")], inline=inline) == [None]
    assert await journal(store, "a") == [(0, 2, b"zero"), (2, 5, b"x"), (7, 1, b"")]
    assert await store.last_chunk(A) == Chunk(7, 1, b"")


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("first_seq", [0, 1, 2, 4, 100])
async def test_append_elsewhere_is_a_conflict(store: Store, first_seq: int, inline: bool) -> None:
    """A chunk that overlaps or leaves a gap is refused, alone and in a batch; others go on."""
    await store.commit([create("a", count=3), create("b")])
    with pytest.raises(StoreConflict, match="journal of 3 entries"):
        await store.commit([append("a", first_seq)], inline=inline)
    with pytest.raises(StoreConflict):
        await store.commit([append("b", 1), append("a", first_seq)], inline=inline)
    assert await journal(store, "a") == [(0, 3, b"zero")]
    assert await journal(store, "b") == [(0, 1, b"zero")]
    await store.commit([append("a", 3), append("b", 1)], inline=inline)


async def test_a_failed_batch_leaves_nothing(store: Store) -> None:
    """Every kind of write is undone when a later one of its batch fails."""
    await store.commit([create("old"), attempts("old", 1, b"one")])
    before = await store.get(ExecutionId("old"))
    with pytest.raises(ExecutionNotFound):
        await store.commit(
            [
                create("new", workflow="unheard.of"),
                append("old", 1),
                append("old", 2),
                attempts("old", 1, None),
                attempts("old", 2, b"two"),
                status("old", Status.COMPLETED),
                deployment("d9"),
                blob(hashlib.sha256(b"x").hexdigest(), b"x"),
                append("missing", 0),
            ]
        )
    assert await store.get(ExecutionId("new")) is None
    assert await store.get(ExecutionId("old")) == before
    assert await journal(store, "old") == [(0, 1, b"zero")]
    assert await store.attempts(ExecutionId("old")) == {1: b"one"}
    assert await store.deployments() == []
    assert await store.blob(hashlib.sha256(b"x").hexdigest()) is None
    assert (await store.counts())[Status.RUNNING] == 1
    await store.commit([create("new", workflow="unheard.of"), append("old", 1)])
    assert [r.workflow for r in await listed(store)] == ["unheard.of", "app.w"]


async def test_writes_to_unknown_executions_are_refused(store: Store) -> None:
    """Appending, setting a status, and saving attempts need an execution."""
    for write in (append("a", 0), status("a", Status.FAILED), attempts("a", 1, b"x")):
        with pytest.raises(ExecutionNotFound):
            await store.commit([write])
    with pytest.raises(ExecutionNotFound):
        await store.journal(A)
    with pytest.raises(ExecutionNotFound):
        await store.last_chunk(A)
    with pytest.raises(ExecutionNotFound):
        await store.attempts(A)


async def test_status_and_wake_time_are_set_together(store: Store) -> None:
    """A status replaces the wake time; appending alone changes neither, nor `updated_us`."""
    await store.commit([create("a")])
    await store.commit([status("a", Status.WAITING, wake_us=500, at_us=40)])
    await store.commit([append("a", 1)])
    record = await store.get(A)
    assert record is not None
    assert (record.status, record.wake_us, record.updated_us) == (Status.WAITING, 500, 40)
    both = Append(A, Chunk(2, 1, b"x"), Status.RUNNING, None, 50)
    await store.commit([both])
    record = await store.get(A)
    assert record is not None
    assert (record.status, record.wake_us, record.updated_us) == (Status.RUNNING, None, 50)
    assert record.created_us == 10
    assert len(await store.journal(A)) == 3


AWAKE = [status for status in Status if status not in (Status.WAITING, Status.PARKED)]


@pytest.mark.parametrize("other", [None, *AWAKE])
async def test_only_who_waits_has_a_wake_time(other: Status | None) -> None:
    """A write that would wake an execution that does not wait cannot be made."""
    with pytest.raises(ValueError, match="waiting or parked"):
        Append(A, None, other, 5, 0)
    with pytest.raises(ValueError, match="waiting or parked"):
        Append(A, None, other, None, 0, listening=True)


@pytest.mark.parametrize(("first", "count"), [(0, 0), (-1, 1), (1 << 24, 1), ((1 << 24) - 1, 2)])
async def test_impossible_chunks_cannot_be_made(first: int, count: int) -> None:
    """A chunk has entries, and positions within bounds."""
    with pytest.raises(ValueError, match="chunk"):
        Chunk(first, count, b"")


@pytest.mark.parametrize("starts", [(2,), (0,), (1, 3), (1, 1)])
async def test_chunks_that_do_not_join_cannot_be_made(starts: tuple[int, ...]) -> None:
    """A journal has no gaps, and none of its entries is there twice."""
    more = tuple(Chunk(start, 1, b"x") for start in starts)
    with pytest.raises(ValueError, match="a journal goes on at"):
        Create(A, "app.w", DeploymentId("d1"), b"d", 10, Chunk(0, 1, b"zero"), more=more)


async def test_impossible_creates_and_attempts_cannot_be_made() -> None:
    """A journal begins at 0; effects have numbers within bounds."""
    with pytest.raises(ValueError, match="begins at 0"):
        Create(A, "w", DeploymentId("d"), b"", 0, Chunk(1, 1, b""))
    with pytest.raises(ValueError, match="number"):
        attempts("a", 1 << 24, b"")


async def test_the_last_position_can_be_used(store: Store) -> None:
    """Journals do not run into each other, even when they are full."""
    last = (1 << 24) - 1
    await store.commit([create("a", count=last), create("b"), append("a", last)])
    assert await journal(store, "a") == [(0, last, b"zero"), (last, 1, b"more")]
    assert await journal(store, "b") == [(0, 1, b"zero")]
    await store.commit([attempts("a", last, b"x"), attempts("b", 0, b"y")])
    assert await store.attempts(A) == {last: b"x"}
    await store.commit([status("a", Status.FAILED)])
    assert await store.attempts(ExecutionId("b")) == {0: b"y"}


async def test_attempts_are_replaced_and_deleted(store: Store) -> None:
    """The last saved attempts of an effect count; deleting what is not there is harmless."""
    await store.commit([create("a"), attempts("a", 5, b"one"), attempts("a", 2, b"x")])
    await store.commit([attempts("a", 5, b"two"), attempts("a", 9, None)])
    assert await store.attempts(A) == {2: b"x", 5: b"two"}
    assert list(await store.attempts(A)) == [2, 5]
    await store.commit([attempts("a", 2, None)])
    assert await store.attempts(A) == {5: b"two"}


@pytest.mark.parametrize("end", [s for s in Status if s.final])
async def test_a_final_status_deletes_attempts(place: Place, end: Status) -> None:
    """What is known of retries goes with the end, also when the store was opened anew."""
    store = await place.open()
    await store.commit([create("a"), create("b"), attempts("a", 1, b"x"), attempts("b", 1, b"y")])
    await store.close()
    store = await place.open()
    await store.commit([status("a", end)])
    assert await store.attempts(A) == {}
    assert await store.attempts(ExecutionId("b")) == {1: b"y"}


async def test_list_is_newest_first_and_pages(store: Store) -> None:
    """Order is that of creation, not that of the clock; `before` continues a page."""
    for number, at_us in enumerate([50, 10, 90, 30, 70]):
        await store.commit([create(f"x{number}", at_us=at_us)])
    assert ids(await listed(store)) == ["x4", "x3", "x2", "x1", "x0"]
    assert ids(await listed(store, limit=2)) == ["x4", "x3"]
    assert ids(await listed(store, limit=2, before=ExecutionId("x3"))) == ["x2", "x1"]
    assert ids(await listed(store, before=ExecutionId("x0"))) == []
    assert ids(await listed(store, before=ExecutionId("unknown"))) == []
    assert ids(await listed(store, limit=0)) == []


async def test_list_filters(store: Store) -> None:
    """Status, workflow and prefix must all hold; none of their characters is special."""
    await store.commit(
        [
            create("order-1"),
            create("order-2", workflow="app.v"),
            create("Order-3"),
            create("order_4"),
            create("order%5"),
            create("orders"),
            create("\U0010ffff\U0010ffff"),
            status("order-2", Status.PARKED),
            status("order_4", Status.COMPLETED),
        ]
    )
    assert ids(await listed(store, prefix="order-")) == ["order-2", "order-1"]
    assert ids(await listed(store, prefix="order_")) == ["order_4"]
    assert ids(await listed(store, prefix="order%")) == ["order%5"]
    assert ids(await listed(store, prefix="orders")) == ["orders"]
    assert ids(await listed(store, prefix="\U0010ffff")) == ["\U0010ffff\U0010ffff"]
    assert ids(await listed(store, workflow="app.v")) == ["order-2"]
    assert ids(await listed(store, workflow="unknown")) == []
    assert ids(await listed(store, status=Status.COMPLETED)) == ["order_4"]
    assert ids(await listed(store, status=Status.PARKED, workflow="app.w")) == []
    assert ids(await listed(store, status=Status.RUNNING, prefix="order", limit=2)) == [
        "orders",
        "order%5",
    ]


async def test_running_is_oldest_first_and_pages(store: Store) -> None:
    """Recovery begins with the oldest; the page's last need not be running any more."""
    await store.commit([create(f"x{n}") for n in range(6)])
    await store.commit([status("x1", Status.WAITING, 5), status("x4", Status.COMPLETED)])
    assert ids(await store.running()) == ["x0", "x2", "x3", "x5"]
    assert ids(await store.running(limit=2)) == ["x0", "x2"]
    assert ids(await store.running(limit=2, after=ExecutionId("x2"))) == ["x3", "x5"]
    assert ids(await store.running(after=ExecutionId("x4"))) == ["x5"]
    assert ids(await store.running(after=ExecutionId("unknown"))) == []
    await store.commit([status("x1", Status.RUNNING)])
    assert ids(await store.running(limit=2)) == ["x0", "x1"]


async def test_due_is_earliest_first(store: Store) -> None:
    """Exactly those whose time has come, ties in the order of creation."""
    await store.commit([create(f"x{n}") for n in range(6)])
    wakes = {"x0": 300, "x1": 100, "x2": 200, "x3": 100, "x4": None}
    await store.commit([status(id_, Status.WAITING, wake) for id_, wake in wakes.items()])
    assert ids(await store.due(99)) == []
    assert ids(await store.due(100)) == ["x1", "x3"]
    assert ids(await store.due(1000)) == ["x1", "x3", "x2", "x0"]
    assert ids(await store.due(1000, limit=3)) == ["x1", "x3", "x2"]
    assert await store.next_wake_us() == 100
    await store.commit([status("x1", Status.RUNNING), status("x3", Status.CANCELLED)])
    assert ids(await store.due(1000)) == ["x2", "x0"]
    assert await store.next_wake_us() == 200


async def test_counts(store: Store) -> None:
    """Every status is counted, also those nobody has."""
    await store.commit([create(f"x{n}") for n in range(10)])
    for id_, final in (("x0", Status.FAILED), ("x1", Status.COMPLETED), ("x2", Status.COMPLETED)):
        await store.commit([status(id_, final)])
    await store.commit([status("x3", Status.WAITING), status("x4", Status.PARKED)])
    assert await store.counts() == {
        Status.RUNNING: 5,
        Status.WAITING: 1,
        Status.PARKED: 1,
        Status.COMPLETED: 2,
        Status.FAILED: 1,
        Status.CANCELLED: 0,
    }


async def test_deployments_are_kept_as_first_saved(store: Store) -> None:
    """Saving a deployment again changes nothing; the last new one comes first."""
    await store.commit([deployment("d1", "v1"), deployment("d2")])
    await store.commit([deployment("d1", "v2"), deployment("d3")])
    expected = Deployment(DeploymentId("d1"), "v1", "bundle", b"manifest of d1", "c", 5)
    assert await store.deployment(DeploymentId("d1")) == expected
    assert [d.id for d in await store.deployments()] == ["d3", "d2", "d1"]


async def test_deployments_come_a_page_at_a_time(store: Store) -> None:
    """A page has at most `limit`, those saved earlier than `before`; unknown ones give none."""
    await store.commit([deployment(f"d{n}") for n in range(5)])
    assert [d.id for d in await store.deployments(limit=2)] == ["d4", "d3"]
    page = await store.deployments(limit=2, before=DeploymentId("d3"))
    assert [d.id for d in page] == ["d2", "d1"]
    assert [d.id for d in await store.deployments(before=DeploymentId("d1"))] == ["d0"]
    assert await store.deployments(before=DeploymentId("d0")) == []
    assert await store.deployments(before=DeploymentId("nope")) == []


async def test_which_deployments_are_active(store: Store) -> None:
    """The last word counts, in its order; a batch that fails says nothing."""
    assert await store.active() == []
    await store.commit([active("d2", "d1")])
    assert await store.active() == ["d2", "d1"]
    await store.commit([active("d1", "d3", "d2"), deployment("d1")])
    assert await store.active() == ["d1", "d3", "d2"]
    with pytest.raises(ExecutionNotFound):
        await store.commit([active("d9"), append("nobody", 1)])
    assert await store.active() == ["d1", "d3", "d2"]
    with pytest.raises(ValueError, match="active once"):
        active("d1", "d1")
    await store.commit([active()])
    assert await store.active() == []


async def test_blobs_are_kept_once(store: Store) -> None:
    """Megabytes come back as they were; saving them again is harmless."""
    data = bytes(range(256)) * 8192 + b"end"
    name = hashlib.sha256(data).hexdigest()
    await store.commit([blob(name, data), deployment("d1")])
    size = await store.size_bytes()
    await store.commit([blob(name, data)])
    assert await store.blob(name) == data
    assert await store.size_bytes() <= size + 65536


async def test_a_blob_that_is_not_what_its_name_says(store: Store) -> None:
    """Bytes are checked against their hash when they are read."""
    await store.commit([blob("0" * 64, b"something")])
    with pytest.raises(StoreError, match="0000") as caught:
        await store.blob("0" * 64)
    assert not caught.value.retriable


async def test_large_values(store: Store) -> None:
    """A chunk of 4 MiB and more comes back byte for byte."""
    data = bytes(range(256)) * (5 * 4096)
    await store.commit([create("a", data=data), append("a", 1, data)])
    await store.commit([append("a", 2, data[::-1])], inline=True)
    assert await journal(store, "a") == [(0, 1, data), (1, 1, data), (2, 1, data[::-1])]


async def test_everything_survives_close_and_open(place: Place) -> None:
    """A store opened again answers as before, and journals go on where they ended."""
    store = await place.open()
    await store.commit([create("a"), append("a", 1, count=4), attempts("a", 3, b"x")])
    await store.commit([create("b"), status("b", Status.WAITING, 77), deployment("d1")])
    before = (await listed(store), await store.journal(A), await store.counts())
    await store.close()
    await store.close()
    store = await place.open()
    assert (await listed(store), await store.journal(A), await store.counts()) == before
    assert await store.attempts(A) == {3: b"x"}
    assert ids(await store.due(77)) == ["b"]
    with pytest.raises(StoreConflict):
        await store.commit([append("a", 1)])
    await store.commit([append("a", 5)])
    assert (await store.commit([create("a")]))[0] is not None


async def test_concurrent_commits_keep_their_order(store: Store) -> None:
    """Commits begun one after the other without waiting are carried out in that order."""
    await store.commit([create("a"), create("b")])
    begun = [
        store.commit([append(id_, seq, str(seq).encode())], inline=seq % 3 == 0)
        for seq in range(1, 60)
        for id_ in "ab"
    ]
    assert await asyncio.gather(*begun) == [[None]] * len(begun)
    for id_ in "ab":
        assert [data for _, _, data in await journal(store, id_)] == [
            b"zero",
            *(str(seq).encode() for seq in range(1, 60)),
        ]


async def test_a_conflict_among_concurrent_commits_hits_only_its_batch(store: Store) -> None:
    """Batches fail one by one."""
    await store.commit([create("a"), create("b")])
    results = await asyncio.gather(
        store.commit([append("a", 1)]),
        store.commit([append("b", 1), append("a", 1)]),
        store.commit([append("b", 1)]),
        return_exceptions=True,
    )
    assert [type(r) for r in results] == [list, StoreConflict, list]


async def test_a_cancelled_commit_does_no_harm(store: Store) -> None:
    """Who stops waiting for a commit leaves the store usable and whole."""
    await store.commit([create("a")])
    task = asyncio.ensure_future(store.commit([append("a", 1), append("a", 2)]))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await store.commit([create("b")])  # queued behind it, so it is decided now
    length = len(await store.journal(A))
    assert length in (1, 3)
    await store.commit([append("a", length)])


async def test_a_closed_store_says_so(place: Place) -> None:
    """Using a store before `open` or after `close` is a clear error."""
    store = await place.open()
    await store.close()
    with pytest.raises(StoreError, match="not open"):
        await store.commit([create("a")])
    with pytest.raises(StoreError, match="not open"):
        await listed(store)


async def test_close_carries_out_what_was_handed_over(place: Place) -> None:
    """Commits begun before `close` are durable after it."""
    store = await place.open()
    await store.commit([create("a")])
    begun = [asyncio.ensure_future(store.commit([append("a", seq)])) for seq in range(1, 20)]
    await asyncio.sleep(0)
    await store.close()
    await asyncio.gather(*begun)
    store = await place.open()
    assert len(await store.journal(A)) == 20
