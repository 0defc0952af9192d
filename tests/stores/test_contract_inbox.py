"""What `flawless.stores.base` says of inboxes, state and response, held against every store."""

from __future__ import annotations

import pytest

from flawless.core.status import Status
from flawless.errors import ExecutionNotFound, StoreConflict
from flawless.ids import ExecutionId
from flawless.stores import Append, MemoryStore, Message, Sent, SQLiteStore, Store, Visible
from flawless.stores.base import MESSAGE_END
from stores.conftest import Place
from stores.writes import append, child, create, end, ids, inbox, send, status

pytestmark = pytest.mark.anyio

A = ExecutionId("a")
SMALL = {"waiting_max": 3, "bytes_max": 10}


def received(*numbers: int) -> Append:
    """Take messages out of the inbox, nothing else."""
    return Append(A, None, None, None, 45, received=numbers)


def waiting(
    status: Status,
    wake_us: int | None = None,
    *,
    listening: bool = False,
    at_us: int = 30,
    seen: int = 1_000,
) -> Append:
    """Wait, or be parked, knowing of all messages unless `seen` says otherwise."""
    return Append(A, None, status, wake_us, at_us, listening=listening, seen=seen)


async def wake_us(store: Store) -> int | None:
    """Return the wake time of A."""
    record = await store.get(A)
    assert record is not None
    return record.wake_us


@pytest.mark.parametrize("inline", [False, True])
async def test_messages_wait_in_order(store: Store, inline: bool) -> None:
    """What was sent is there as it was sent, numbered from 1; others have their own numbers."""
    await store.commit([create("a"), create("b")])
    results = await store.commit(
        [send("a", "x", b"\x00", 5, message_id="m1"), send("b"), send("a", ":sig", b"", 6)],
        inline=inline,
    )
    assert results == [Sent("sent", 1), Sent("sent", 1), Sent("sent", 2)]
    assert await store.messages(A) == [
        Message(1, "x", b"\x00", 5, "m1"),
        Message(2, ":sig", b"", 6, None),
    ]
    assert await inbox(store, "b") == [(1, "m", b"p")]


async def test_messages_are_read_in_pages(store: Store) -> None:
    """`after` and `limit` bound what is read; absurd ones give nothing or everything."""
    await store.commit([create("a"), create("b"), send("b")])
    await store.commit([send("a") for _ in range(5)])
    assert [m.number for m in await store.messages(A, limit=2)] == [1, 2]
    assert [m.number for m in await store.messages(A, after=2, limit=2)] == [3, 4]
    assert await store.messages(A, after=5) == []
    assert await store.messages(A, after=1 << 62) == []
    assert len(await store.messages(A, after=-7)) == 5
    assert await store.messages(A, limit=0) == []


async def test_a_send_may_follow_the_create(store: Store) -> None:
    """A message to an execution that begins in the same batch arrives."""
    assert await store.commit([create("a"), send("a")]) == [None, Sent("sent", 1)]


async def test_a_send_to_nobody_does_not_fail_the_batch(store: Store) -> None:
    """Whoever does not exist is unknown; the rest of the batch is carried out."""
    assert await store.commit([send("a"), create("a")]) == [Sent("unknown"), None]
    assert await inbox(store, "a") == []


async def test_a_send_is_not_skipped_with_a_taken_id(store: Store) -> None:
    """Messages come from others than who wanted the id."""
    await store.commit([create("a")])
    results = await store.commit([create("a"), append("a", 9), send("a")])
    assert results[1:] == [None, Sent("sent", 1)]


async def test_a_known_id_is_a_duplicate(store: Store) -> None:
    """A message is taken once: while it waits, after it was received, and after the end."""
    once = send("a", "m", b"first", message_id="m1")
    again = send("a", "other", b"second", at_us=1, message_id="m1")
    await store.commit([create("a"), create("b"), waiting(Status.WAITING, listening=True), once])
    assert await wake_us(store) == 40
    assert await store.commit([again, again]) == [Sent("duplicate")] * 2
    assert await wake_us(store) == 40
    assert await inbox(store, "a") == [(1, "m", b"first")]
    await store.commit([received(1)])
    assert await store.commit([again]) == [Sent("duplicate")]
    await store.commit([send("a", message_id="m2"), end("a")])
    for known in ("m1", "m2"):
        assert await store.commit([send("a", message_id=known)]) == [Sent("duplicate")]
    assert await store.commit([send("b", message_id="m1")]) == [Sent("sent", 1)]
    assert await inbox(store, "a") == []


async def test_a_duplicate_in_one_batch(store: Store) -> None:
    """The second of two equal messages is a duplicate also before the first is durable."""
    await store.commit([create("a")])
    results = await store.commit([send("a", message_id="x"), send("a", message_id="x")])
    assert results == [Sent("sent", 1), Sent("duplicate")]


@pytest.mark.parametrize("final", [s for s in Status if s.final])
async def test_who_ended_gets_nothing(store: Store, final: Status) -> None:
    """After a final status nothing is sent, and the id of what was refused stays free."""
    await store.commit([create("a"), send("a"), send("a", ":sig"), status("a", final)])
    for name in ("m", ":sig"):
        for _ in range(2):
            assert await store.commit([send("a", name, message_id="x")]) == [Sent("ended")]
    kept = [(1, "m", b"p")] if final is Status.FAILED else []
    assert await inbox(store, "a") == kept
    assert await wake_us(store) is None


async def test_who_failed_keeps_what_a_retry_needs(store: Store) -> None:
    """Messages and the ends of children stay and arrive, orders do not; retried, all is there."""
    await store.commit([create("a"), child("b", "a"), child("c", "a", effect=2, close="cancel")])
    orders = [send("a", name) for name in (":cancel", ":terminate", ":resolve")]
    await store.commit([send("a", "m"), *orders, end("b", b"ended"), status("a", Status.FAILED)])
    await store.commit([end("c", b"cancelled", Status.CANCELLED)])
    kept = [(1, "m", b"p"), (5, ":child:1:1", b"ended"), (6, ":child:1:2", b"cancelled")]
    assert await inbox(store, "a") == kept
    await store.commit([status("a", Status.RUNNING)])
    assert await inbox(store, "a") == kept
    assert await store.commit([send("a", "m")]) == [Sent("sent", 7)]
    await store.commit([status("a", Status.COMPLETED)])
    assert await inbox(store, "a") == []


async def test_a_full_inbox_by_count(store: Store) -> None:
    """As many messages wait as the sender allows; room comes back when one is received."""
    await store.commit([create("a")])
    for number in (1, 2, 3):
        assert await store.commit([send("a", payload=b"", **SMALL)]) == [Sent("sent", number)]
    refused = send("a", payload=b"", message_id="x", **SMALL)
    assert await store.commit([refused, refused]) == [Sent("full")] * 2
    assert await store.commit([send("a", payload=b"", waiting_max=4)]) == [Sent("sent", 4)]
    await store.commit([received(2, 4)])
    assert await store.commit([refused]) == [Sent("sent", 5)]
    assert [m.number for m in await store.messages(A)] == [1, 3, 5]


async def test_a_full_inbox_by_bytes(store: Store) -> None:
    """The payloads that wait have no more bytes than the sender allows."""
    await store.commit([create("a")])
    assert await store.commit([send("a", payload=b"x" * 11, **SMALL)]) == [Sent("full")]
    assert await store.commit([send("a", payload=b"x" * 10, **SMALL)]) == [Sent("sent", 1)]
    assert await store.commit([send("a", payload=b"x", **SMALL)]) == [Sent("full")]
    assert await store.commit([send("a", payload=b"", **SMALL)]) == [Sent("sent", 2)]
    await store.commit([received(1)])
    assert await store.commit([send("a", payload=b"x" * 10, **SMALL)]) == [Sent("sent", 3)]


async def test_signals_ignore_the_limits(store: Store) -> None:
    """The engine's own come through whatever waits, and take no room from messages."""
    await store.commit([create("a")])
    signal = send("a", ":cancel", b"x" * 100, **SMALL)
    assert await store.commit([signal] * 5) == [Sent("sent", n) for n in (1, 2, 3, 4, 5)]
    assert await store.commit([send("a", **SMALL)]) == [Sent("sent", 6)]
    await store.commit([received(1, 2, 3)])
    assert await store.commit([send("a", **SMALL)] * 3) == [
        Sent("sent", 7),
        Sent("sent", 8),
        Sent("full"),
    ]


async def test_received_messages_leave(store: Store) -> None:
    """Exactly those named leave; unknown, absurd and repeated numbers are ignored."""
    await store.commit([create("a"), create("b"), send("b"), *[send("a")] * 4])
    await store.commit([received(2, 2, 99, 0, -1, 1 << 30, (1 << 30) + 1, 4)])
    assert [m.number for m in await store.messages(A)] == [1, 3]
    assert await inbox(store, "b") == [(1, "m", b"p")]
    assert await store.commit([send("a", waiting_max=3)] * 2) == [Sent("sent", 5), Sent("full")]


async def test_numbers_are_never_used_again(store: Store) -> None:
    """Not after all were received, and not after an end."""
    await store.commit([create("a"), send("a"), send("a"), received(1, 2)])
    assert await store.commit([send("a")]) == [Sent("sent", 3)]
    await store.commit([end("a"), status("a", Status.RUNNING)])
    assert await inbox(store, "a") == []
    assert await store.commit([send("a", waiting_max=1, bytes_max=1)]) == [Sent("sent", 4)]


async def test_numbers_may_be_used_up(store: Store) -> None:
    """After a billion messages an inbox takes no more, not even signals; the rest goes on."""
    await store.commit([create("a"), create("b"), child("x", "a"), send("a")])
    if isinstance(store, MemoryStore):
        store._content.runs[A].lasting.inbox.last = MESSAGE_END - 2
    else:
        assert isinstance(store, SQLiteStore)
        assert store._parts is not None
        store._parts.writing.execute("UPDATE inbox SET last = ?", (MESSAGE_END - 2,))
    results = await store.commit([send("a"), send("a"), send("a", ":sig"), send("b"), end("x")])
    assert results == [
        Sent("sent", MESSAGE_END - 1),
        Sent("full"),
        Sent("full"),
        Sent("sent", 1),
        None,
    ]
    assert [m.number for m in await store.messages(A)] == [1, MESSAGE_END - 1]
    assert await inbox(store, "b") == [(1, "m", b"p")]
    await store.commit([received(MESSAGE_END - 1), end("a")])
    assert await store.messages(A) == []


async def test_received_with_a_chunk(store: Store) -> None:
    """A message leaves in the commit of the entry that records it, or not at all."""
    await store.commit([create("a"), send("a")])
    with pytest.raises(StoreConflict):
        await store.commit([Append(A, append("a", 5).chunk, None, None, 1, received=(1,))])
    assert len(await store.messages(A)) == 1
    await store.commit([Append(A, append("a", 1).chunk, None, None, 1, received=(1,))])
    assert await store.messages(A) == []
    assert len(await store.journal(A)) == 2


@pytest.mark.parametrize("asleep", [Status.WAITING, Status.PARKED])
@pytest.mark.parametrize(("before", "after"), [(None, 40), (39, 39), (40, 40), (41, 40)])
async def test_a_message_wakes_who_listens(
    store: Store, asleep: Status, before: int | None, after: int
) -> None:
    """The wake time becomes that of the message, unless it is earlier already."""
    await store.commit([create("a"), waiting(asleep, before, listening=True)])
    await store.commit([send("a", at_us=40)])
    record = await store.get(A)
    assert record is not None
    assert (record.status, record.wake_us, record.updated_us) == (asleep, after, 30)
    assert await store.next_wake_us() == after
    assert ids(await store.due(after)) == ["a"]


@pytest.mark.parametrize("asleep", [Status.WAITING, Status.PARKED])
async def test_only_signals_wake_who_does_not_listen(store: Store, asleep: Status) -> None:
    """A message that nobody waits for waits; a signal does not."""
    await store.commit([create("a"), waiting(asleep, 100), send("a", at_us=40)])
    assert await wake_us(store) == 100
    await store.commit([send("a", ":sig", at_us=50)])
    assert await wake_us(store) == 50
    await store.commit([send("a", ":sig", at_us=60)])
    assert await wake_us(store) == 50


async def test_who_runs_is_not_woken(store: Store) -> None:
    """A running execution has no wake time; a status that is set anew ends the listening."""
    await store.commit([create("a"), send("a"), send("a", ":sig")])
    assert await wake_us(store) is None
    await store.commit([waiting(Status.WAITING, listening=True), status("a", Status.RUNNING)])
    await store.commit([send("a"), waiting(Status.WAITING), send("a")])
    assert await wake_us(store) is None
    await store.commit([append("a", 1)])
    await store.commit([waiting(Status.PARKED, listening=True), append("a", 2)])
    await store.commit([send("a")])
    assert await wake_us(store) == 40


@pytest.mark.parametrize("asleep", [Status.WAITING, Status.PARKED])
@pytest.mark.parametrize(
    ("names", "seen", "listening", "woken"),
    [
        (["m"], 0, True, True),
        (["m"], 1, True, False),
        (["m"], 0, False, False),
        ([":sig"], 0, False, True),
        ([":sig", "m"], 1, False, False),
        ([":sig", "m"], 1, True, True),
        (["m", ":sig"], 1, False, True),
        ([], 0, True, False),
    ],
)
async def test_nothing_is_overlooked_that_came_while_it_lay_down(
    store: Store, asleep: Status, names: list[str], seen: int, listening: bool, woken: bool
) -> None:
    """Lying down with something unseen that would wake it, an execution is woken at once."""
    await store.commit([create("a"), *(send("a", name, at_us=10) for name in names)])
    await store.commit([waiting(asleep, 90, listening=listening, seen=seen)])
    assert await wake_us(store) == (30 if woken else 90)
    await store.commit([waiting(asleep, 20, listening=listening, seen=seen)])
    assert await wake_us(store) == 20  # that is earlier
    await store.commit([waiting(asleep, None, listening=listening, seen=seen)])
    assert await wake_us(store) == (30 if woken else None)


async def test_due_finds_parked_executions(store: Store) -> None:
    """A parked execution may have a wake time, and leaves the timers with its status."""
    await store.commit([create("a"), waiting(Status.PARKED, 70)])
    assert ids(await store.due(70)) == ["a"]
    assert ids(await store.due(69)) == []
    await store.commit([status("a", Status.PARKED)])
    assert await store.next_wake_us() is None


async def test_the_state_is_replaced(store: Store) -> None:
    """The last state is shown, and its version counts the changes."""
    await store.commit([create("a"), create("b")])
    assert await store.state(A) is None
    await store.commit([Append(A, None, None, None, 5, state=b"one")])
    assert await store.state(A) == Visible(b"one", 1, 5)
    show = Append(A, append("a", 1).chunk, Status.WAITING, None, 6, state=b"")
    await store.commit([show])
    assert await store.state(A) == Visible(b"", 2, 6)
    await store.commit([append("a", 2), end("a")])
    assert await store.state(A) == Visible(b"", 2, 6)
    assert await store.state(ExecutionId("b")) is None
    assert await store.response(A) is None


async def test_the_first_response_stays(store: Store) -> None:
    """Who was answered is not answered otherwise later; the state is something else."""
    await store.commit([create("a"), Append(A, None, None, None, 5, response=b"yes")])
    await store.commit([Append(A, None, Status.FAILED, None, 6, response=b"no", state=b"s")])
    assert await store.response(A) == Visible(b"yes", 1, 5)
    assert await store.state(A) == Visible(b"s", 1, 6)


async def test_reading_of_unknown_executions(store: Store) -> None:
    """Inbox, state, response and children need an execution."""
    for read in (store.messages, store.state, store.response, store.children):
        with pytest.raises(ExecutionNotFound):
            await read(A)


async def test_a_failed_batch_leaves_inboxes_as_they_were(store: Store) -> None:
    """Sends, receipts, wake times, state and response are undone with their batch."""
    await store.commit([create("a"), create("b"), *[send("a", message_id=n) for n in "123"]])
    await store.commit([waiting(Status.WAITING, 99, listening=True)])
    before = await store.messages(A)
    with pytest.raises(ExecutionNotFound):
        await store.commit(
            [
                received(2),
                send("a", message_id="4"),
                Append(A, None, None, None, 5, state=b"s", response=b"r", received=(1, 4)),
                end("a"),
                send("b"),
                append("missing", 0),
            ]
        )
    assert await store.messages(A) == before
    assert await wake_us(store) == 99
    assert await store.state(A) is await store.response(A) is None
    assert await inbox(store, "b") == []
    again = send("a", message_id="4", waiting_max=4, bytes_max=4)
    assert await store.commit([again, again, send("b")]) == [
        Sent("sent", 4),
        Sent("duplicate"),
        Sent("sent", 1),
    ]
    assert await wake_us(store) == 40


async def test_inboxes_survive_close_and_open(place: Place) -> None:
    """Messages, numbers, known ids, listening, state and response are durable."""
    store = await place.open()
    await store.commit([create("a"), send("a", message_id="x"), send("a"), received(2)])
    await store.commit(
        [Append(A, None, Status.WAITING, 90, 5, (), b"s", b"r", listening=True, seen=2)]
    )
    before = [await store.messages(A), await store.state(A), await store.response(A)]
    await store.close()
    store = await place.open()
    assert [await store.messages(A), await store.state(A), await store.response(A)] == before
    results = await store.commit([send("a", message_id="x"), send("a", at_us=7)])
    assert results == [Sent("duplicate"), Sent("sent", 3)]
    assert await wake_us(store) == 7
    await store.commit([received(1, 3), Append(A, None, None, None, 6, state=b"t")])
    assert await store.messages(A) == []
    assert await store.state(A) == Visible(b"t", 2, 6)


async def test_an_end_after_close_and_open_empties_the_inbox(place: Place) -> None:
    """Also an engine that did not see the message come deletes it with the end."""
    store = await place.open()
    await store.commit([create("a"), create("b"), send("a"), send("b")])
    await store.close()
    store = await place.open()
    await store.commit([end("a")])
    assert await inbox(store, "a") == []
    assert await inbox(store, "b") == [(1, "m", b"p")]


async def test_impossible_sends_and_ends_cannot_be_made() -> None:
    """A message has a name; only an end has an outcome."""
    with pytest.raises(ValueError, match="name"):
        send("a", "")
    for other in (None, Status.RUNNING, Status.PARKED):
        with pytest.raises(ValueError, match="outcome"):
            Append(A, None, other, None, 5, outcome=b"{}")
