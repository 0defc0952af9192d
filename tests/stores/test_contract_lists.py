"""The contract for attributes, beginnings that are delayed, and lists, held against every store."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from flawless.core.status import Status
from flawless.ids import ExecutionId
from flawless.stores import Chunk, Record, Selection, Store, memory
from flawless.stores.sqlite import search
from stores.conftest import Place
from stores.writes import append, create, end, ids, listed, next_run, send, status

pytestmark = pytest.mark.anyio

A = ExecutionId("a")
SCANNED = 7


def begin(id_: str, *, wake_us: int | None = None, at_us: int = 10, **attributes: str) -> Any:
    """Begin an execution with attributes, perhaps later."""
    write = create(id_, at_us=at_us)
    return msgspec.structs.replace(write, wake_us=wake_us, attributes=attributes)


async def get(store: Store, id_: str) -> Record:
    """Return a record that is there."""
    record = await store.get(ExecutionId(id_))
    assert record is not None
    return record


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """One call looks at a handful of executions only."""
    monkeypatch.setattr(search, "SCANNED_MAX", SCANNED)
    monkeypatch.setattr(memory.store, "SCANNED_MAX", SCANNED)


# --- attributes ---------------------------------------------------------------------------------


async def test_attributes_come_with_the_record(store: Store) -> None:
    """Names and values are kept as they are, in their order, whatever way the record is had."""
    given = {"zone": "\u00e4\U0001f41d", "a": 'quote " and \\', "Kunde.1": "0"}
    await store.commit([begin("a", **given), begin("b")])
    record = await get(store, "a")
    assert [*record.attributes.items()] == [*given.items()]
    assert (await get(store, "b")).attributes == {}
    assert [r.attributes for r in await listed(store)] == [{}, given]
    assert [r.attributes for r in await store.running()] == [given, {}]
    await store.commit([status("a", Status.WAITING, 99)])
    assert [r.attributes for r in await store.due(99)] == [given]
    (existing,) = await store.commit([begin("a", other="x")])
    assert isinstance(existing, Record)
    assert existing.attributes == given


async def test_attributes_outlive_the_store(place: Place) -> None:
    """They are there, and found, when the data is opened again."""
    store = await place.open()
    await store.commit([begin("a", customer="7")])
    await store.close()
    store = await place.open()
    assert (await get(store, "a")).attributes == {"customer": "7"}
    assert ids(await listed(store, attributes={"customer": "7"})) == ["a"]


async def test_all_attributes_must_hold(store: Store) -> None:
    """Names and values are compared whole, and case matters."""
    await store.commit(
        [
            begin("a", customer="7", region="n"),
            begin("b", customer="7", region="s"),
            begin("c", customer="77"),
            begin("d", Customer="7"),
            begin("e"),
        ]
    )
    assert ids(await listed(store, attributes={"customer": "7"})) == ["b", "a"]
    assert ids(await listed(store, attributes={"region": "s", "customer": "7"})) == ["b"]
    assert ids(await listed(store, attributes={"region": "s", "customer": "77"})) == []
    assert ids(await listed(store, attributes={"CUSTOMER": "7"})) == []
    assert ids(await listed(store, attributes={"customer": "7"}, prefix="b")) == ["b"]
    assert ids(await listed(store, attributes={"customer": "7"}, limit=1)) == ["b"]
    page = await store.list(
        Selection(attributes={"customer": "7"}), limit=1, before=ExecutionId("b")
    )
    assert ids(page.records) == ["a"]
    assert page.next is None


async def test_attributes_belong_to_all_runs(store: Store) -> None:
    """The next run has them as well, at its own place in the order; the earlier one keeps them."""
    await store.commit([begin("a", c="7"), begin("b", c="7"), begin("x")])
    await store.commit([next_run("a")])
    assert (await get(store, "a")).attributes == {"c": "7"} == (await get(store, "a~1")).attributes
    assert ids(await listed(store, attributes={"c": "7"})) == ["a", "b"]
    assert ids(await listed(store, attributes={"c": "7"}, runs=True)) == ["a", "b", "a~1"]
    await store.commit([next_run("x"), next_run("a"), end("a")])
    assert ids(await listed(store, attributes={"c": "7"}, runs=True)) == ["a", "a~2", "b", "a~1"]
    found = await listed(store, attributes={"c": "7"}, status=Status.COMPLETED)
    assert ids(found) == ["a"]
    assert (await get(store, "x")).attributes == {}


async def test_a_batch_that_fails_leaves_no_attributes(store: Store) -> None:
    """Nobody is found by what was not committed."""
    with pytest.raises(Exception, match="unknown"):
        await store.commit([begin("a", c="7"), append("unknown", 0)])
    await store.commit([begin("b"), begin("a")])
    assert await listed(store, attributes={"c": "7"}) == []


# --- beginning later ----------------------------------------------------------------------------


async def test_a_delayed_execution_waits(store: Store) -> None:
    """It is waiting until its time, and is due then; its journal has its first entry."""
    await store.commit([begin("a", wake_us=500), begin("b")])
    record = await get(store, "a")
    assert (record.status, record.wake_us, record.start_us) == (Status.WAITING, 500, 500)
    assert (record.created_us, record.updated_us, record.began_us) == (10, 10, 500)
    assert record.is_delayed
    assert not (await get(store, "b")).is_delayed
    assert (await get(store, "b")).began_us == 10
    assert await store.journal(A) == [Chunk(0, 1, b"zero")]
    assert ids(await store.running()) == ["b"]
    assert await store.due(499) == []
    assert ids(await store.due(500)) == ["a"]
    assert await store.next_wake_us() == 500
    assert (await store.counts())[Status.WAITING] == 1
    assert ids(await listed(store, status=Status.WAITING)) == ["a"]


async def test_a_message_does_not_wake_a_delayed_execution(store: Store) -> None:
    """It is there when the execution begins; only a signal wakes it before that."""
    await store.commit([begin("a", wake_us=500), send("a", "m")])
    assert (await get(store, "a")).wake_us == 500
    assert len(await store.messages(A)) == 1
    await store.commit([send("a", ":cancel", at_us=60)])
    record = await get(store, "a")
    assert (record.wake_us, record.start_us, record.is_delayed) == (60, 500, True)


async def test_an_execution_that_has_begun_is_delayed_no_more(store: Store) -> None:
    """It keeps the time of its beginning, also when it waits for something else."""
    await store.commit([begin("a", wake_us=500)])
    await store.commit([status("a", Status.WAITING, 900, at_us=501)])
    record = await get(store, "a")
    assert (record.wake_us, record.began_us, record.is_delayed) == (900, 500, False)
    await store.commit([status("a", Status.CANCELLED, at_us=502)])
    assert not (await get(store, "a")).is_delayed
    await store.commit([next_run("a", None)])
    again = await get(store, "a")
    assert (again.start_us, again.began_us, again.is_delayed) == (None, 60, False)
    assert (await get(store, "a~1")).began_us == 500


async def test_a_delayed_execution_that_ended_before_its_time(store: Store) -> None:
    """It is no longer delayed, and never due."""
    await store.commit([begin("a", wake_us=500), status("a", Status.CANCELLED)])
    assert not (await get(store, "a")).is_delayed
    assert await store.due(1 << 60) == []


# --- lists --------------------------------------------------------------------------------------


async def test_times_of_creation(store: Store) -> None:
    """The first moment counts, the last one does not; a clock that was set back loses nobody."""
    for n, at_us in enumerate([10, 20, 30, 15, 40]):
        await store.commit([create(f"x{n}", at_us=at_us)])
    assert ids(await listed(store, created_after_us=20)) == ["x4", "x2", "x1"]
    assert ids(await listed(store, created_before_us=20)) == ["x3", "x0"]
    assert ids(await listed(store, created_after_us=15, created_before_us=30)) == ["x3", "x1"]
    assert ids(await listed(store, created_after_us=41)) == []
    assert ids(await listed(store, created_before_us=10)) == []
    assert ids(await listed(store, created_after_us=30, created_before_us=20)) == []


async def test_pages_by_cursor(store: Store) -> None:
    """`next` is there as long as there is more; an unknown one, or none at all, gives nothing."""
    await store.commit([create(f"x{n}") for n in range(5)])
    first = await store.list(limit=2)
    assert ids(first.records) == ["x4", "x3"]
    second = await store.list(limit=2, before=first.next)
    assert ids(second.records) == ["x2", "x1"]
    third = await store.list(limit=2, before=second.next)
    assert (ids(third.records), third.next) == (["x0"], None)
    whole = await store.list(limit=5)
    assert (len(whole.records), whole.next) == (5, None)
    for nothing in ("_0", "_1", "_", "_x", "__1", "x", "_\u0661", ""):
        page = await store.list(before=nothing)
        assert (page.records, page.next) == ([], None), nothing
    beyond = await store.list(before="_9" + "9" * 16)
    assert len(beyond.records) == 5


async def test_pages_do_not_shift(store: Store) -> None:
    """New executions and new runs come before the page that was read, and change none behind it."""
    await store.commit([create(f"x{n}") for n in range(4)])
    page = await store.list(limit=2)
    assert ids(page.records) == ["x3", "x2"]
    await store.commit([create("x9"), next_run("x2"), next_run("x0")])
    rest = await store.list(limit=9, before=page.next)
    assert ids(rest.records) == ["x1"]
    assert ids(await listed(store, before=page.next, runs=True)) == ["x1", "x0~1"]


@pytest.mark.usefixtures("few")
async def test_one_call_looks_at_few_executions(store: Store) -> None:
    """Where few match, pages are short or empty, and following them finds all that match."""
    count = 5 * SCANNED
    await store.commit([create(f"x{n}", workflow=f"w{n % 17}") for n in range(count)])
    selection = Selection(workflow="w0")
    found: list[str] = []
    before: str | None = None
    sizes: list[int] = []
    while True:
        page = await store.list(selection, before=before)
        found += ids(page.records)
        sizes.append(len(page.records))
        before = page.next
        if before is None:
            break
    assert found == ["x34", "x17", "x0"]
    assert sizes == [1, 0, 1, 0, 1]
    page = await store.list(limit=count)
    assert len(page.records) == SCANNED


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("runs", [False, True])
async def test_pages_of_few_find_all(store: Store, runs: bool) -> None:
    """Whatever is asked for, all pages together are what one long page would be."""
    await store.commit(
        [begin(f"{'ab'[n % 2]}{n:02}", at_us=n * 10 % 170, k=str(n % 3)) for n in range(40)]
    )
    for n in range(0, 40, 5):
        await store.commit([status(f"{'ab'[n % 2]}{n:02}", [*Status][n % 6], at_us=n)])
    await store.commit([next_run(f"{'ab'[n % 2]}{n:02}") for n in range(0, 40, 7)])
    everything = []
    before = None
    while True:
        page = await store.list(Selection(runs=True), before=before)
        everything += page.records
        before = page.next
        if before is None:
            break
    assert len(everything) == 46
    selections = [
        Selection(runs=runs, **conditions)
        for conditions in (
            {},
            {"status": Status.PARKED},
            {"status": Status.RUNNING, "prefix": "a"},
            {"status": Status.COMPLETED, "attributes": {"k": "1"}},
            {"attributes": {"k": "0"}, "created_after_us": 40, "created_before_us": 120},
            {"prefix": "b1"},
            {"prefix": "b1", "workflow": "app.next"},
            {"created_before_us": 50},
            {"workflow": "app.next", "attributes": {"k": "2"}, "status": Status.RUNNING},
        )
    ]
    for selection in selections:
        wanted = [r for r in everything if selection.matches(r) and (runs or "~" not in r.id)]
        for limit in (1, 3, 100):
            found = []
            before = None
            while True:
                page = await store.list(selection, limit=limit, before=before)
                assert len(page.records) <= limit
                found += page.records
                before = page.next
                if before is None:
                    break
            assert found == wanted, (selection, limit)
