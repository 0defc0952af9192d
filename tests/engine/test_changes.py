"""What the engine tells of changes: who is woken by what, and what the feed remembers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from flawless import step, workflow
from flawless.core.status import Status
from flawless.engine.changes import Changes, Feed, Watch
from flawless.engine.committer import Committer
from flawless.engine.service import Service
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import MemoryStore
from flawless.stores.base import (
    Append,
    Chunk,
    Create,
    NextRun,
    Parent,
    SaveAttempts,
    SaveBlob,
    Send,
    Write,
)

DEPLOYMENT = DeploymentId("d")


def create(name: str, parent: str | None = None, digest: bytes = b"") -> Create:
    """Return the begin of an execution."""
    family = None if parent is None else Parent(ExecutionId(parent), 1, 1, "cancel")
    return Create(ExecutionId(name), "w", DEPLOYMENT, digest, 1, Chunk(0, 1, b"0"), family)


def append(name: str, seq: int, status: Status | None = None) -> Append:
    """Return another entry."""
    return Append(ExecutionId(name), Chunk(seq, 1, b"x"), status, None, 2)


def waiting(name: str, seq: int) -> Append:
    """Return an entry after which the execution listens."""
    chunk = Chunk(seq, 1, b"x")
    return Append(ExecutionId(name), chunk, Status.WAITING, None, 2, listening=True)


def next_run(name: str) -> NextRun:
    """Return the begin of the next run."""
    chunk = Chunk(0, 1, b"0")
    return NextRun(ExecutionId(name), "w", DEPLOYMENT, b"", 3, chunk, status=Status.COMPLETED)


class Listening:
    """A store whose writes are told of, and those who listen."""

    def __init__(self, store: MemoryStore, changes: Changes, watches: dict[str, Watch]) -> None:
        self._committer = Committer(store, changes)
        self._changes = changes
        self._watches = watches

    async def write(self, *writes: Write) -> tuple[str, str]:
        """Make writes durable; return who was woken, and who is in the feed anew."""
        place = self._changes.feed.sequence
        for watch in self._watches.values():
            watch.take()
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        for write in writes:
            self._committer.submit(write)
        self._committer.submit(None, lambda _: done.set_result(None))
        await done
        listed = self._changes.feed.after(place, self._changes.feed.sequence, 100)
        woken = [name for name, watch in self._watches.items() if watch.pending]
        return " ".join(sorted(woken)), " ".join(sorted(name for _, name in listed))


def listening(names: str, work: Callable[[Listening], Awaitable[None]]) -> None:
    """Run a test on an open store."""

    async def main() -> None:
        store, changes = MemoryStore(), Changes()
        await store.open()
        changes.open_feed(Watch())
        watches = {name: changes.watch(name) for name in names}
        for watch in watches.values():
            watch.__enter__()
        await work(Listening(store, changes, dict(watches)))

    asyncio.run(asyncio.wait_for(main(), 20))


def test_who_hears_of_which_write() -> None:
    """Each write wakes whoever watches what it changes, and lists what lists show."""

    async def work(heard: Listening) -> None:
        assert await heard.write(create("a"), create("b")) == ("a b", "a b")
        assert await heard.write(append("a", 1)) == ("a", "")
        assert await heard.write(append("a", 2, Status.RUNNING)) == ("a", "a")
        assert await heard.write(SaveAttempts(ExecutionId("a"), 1, b"x")) == ("a", "")
        assert await heard.write(SaveBlob("0" * 64, b"")) == ("", "")
        assert await heard.write(next_run("a")) == ("a", "a")

    listening("abx", work)


def test_an_id_that_is_taken_has_not_changed() -> None:
    """A start that finds its id taken wakes nobody."""

    async def work(heard: Listening) -> None:
        await heard.write(create("a"))
        assert await heard.write(create("a", digest=b"other")) == ("", "")

    listening("a", work)


def test_messages_wake_who_gets_them() -> None:
    """A message that arrives is a change; one that does not is none."""
    mail = Send(ExecutionId("a"), "word", b"1", 5, "id-1")

    async def work(heard: Listening) -> None:
        await heard.write(create("a"), waiting("a", 1))
        assert await heard.write(mail) == ("a", "a")
        assert await heard.write(mail) == ("", "")  # a duplicate
        assert await heard.write(Send(ExecutionId("x"), "word", b"1", 5)) == ("", "")

    listening("ax", work)


def test_families_hear_of_each_other() -> None:
    """A parent hears of its children's begin and end, and they of its end."""

    async def work(heard: Listening) -> None:
        await heard.write(create("p"))
        assert await heard.write(create("c", "p"), create("d", "p")) == ("c d p", "c d")
        end = Append(ExecutionId("c"), None, Status.COMPLETED, None, 4, outcome=b"1")
        assert await heard.write(end) == ("c p", "c p")
        assert await heard.write(append("p", 1, Status.FAILED)) == ("d p", "d p")

    listening("pcd", work)


def test_a_watch_stays_pending_until_it_is_taken() -> None:
    """However often it rings, there is one thing to take, and what rings afterwards is another."""

    async def main() -> None:
        changes = Changes()
        with changes.watch("a") as watch, changes.watch("a") as other:
            assert watch.take()
            assert not watch.take()
            for _ in range(3):
                changes.note("a")
            changes.note("b")
            await watch.changed()
            assert not watch.pending
            assert other.pending
            changes.note("a")
            await watch.wait()
            assert watch.pending

    asyncio.run(main())


def test_nothing_is_left_of_who_has_gone() -> None:
    """When the last watch has gone nobody need be told of anything."""
    changes = Changes()
    assert (changes.watched, changes.active) == (0, False)
    with changes.watch("a"):
        with changes.watch("a"), changes.watch("b"):
            assert (changes.watched, changes.active) == (2, True)
        assert (changes.watched, changes.active) == (1, True)
    assert (changes.watched, changes.active) == (0, False)


def test_closing_wakes_everybody() -> None:
    """Who waits for an engine that is closed finds out."""

    async def main() -> None:
        changes = Changes()
        with changes.watch("a") as watch:
            watch.take()
            changes.close()
            await asyncio.wait_for(watch.changed(), 20)

    asyncio.run(main())


def filled(feed: Feed, names: Sequence[str]) -> None:
    """Record changes."""
    for name in names:
        feed.add(name)


def test_the_feed_has_each_execution_once() -> None:
    """It stands where its latest change is; readers go on behind their place."""
    feed = Feed()
    feed.open(Watch())
    filled(feed, "abcab")
    assert feed.after(0, feed.sequence, 10) == [(3, "c"), (4, "a"), (5, "b")]
    assert feed.after(3, feed.sequence, 10) == [(4, "a"), (5, "b")]
    assert feed.after(0, 4, 10) == [(3, "c"), (4, "a")]
    assert feed.after(0, feed.sequence, 1) == [(3, "c")]
    assert feed.after(5, feed.sequence, 10) == []


def test_the_feed_is_bounded() -> None:
    """What is furthest back is forgotten, and a reader who has not seen that is not known."""
    feed = Feed(executions_max=3)
    feed.open(Watch())
    filled(feed, "abcabcabc")
    assert feed.knows(0)
    assert len(feed) == 3
    feed.add("d")  # "a", which changed last at 7, has to go
    assert len(feed) == 3
    assert [feed.knows(place) for place in (6, 7, 10, 11)] == [False, True, True, False]


def test_the_feed_records_on_for_those_who_come_back() -> None:
    """After the last reader has gone it records as many changes as it could tell, no more."""
    changes = Changes(executions_max=3)
    first = Watch()
    changes.open_feed(first)
    changes.note("a", listed=True)
    changes.close_feed(first)
    for name in ("b", "b"):
        changes.note(name, listed=True)
    assert changes.active
    assert changes.feed.after(1, changes.feed.sequence, 9) == [(3, "b")]
    changes.note("c", listed=True)
    assert not changes.active
    assert len(changes.feed) == 0
    last = changes.feed.sequence
    assert [changes.feed.knows(place) for place in (1, 3, 4, last)] == [False, False, False, True]
    changes.note("d", listed=True)
    assert changes.feed.sequence == last


def test_one_who_comes_back_in_time_finds_all() -> None:
    """A feed that is opened again goes on as if it had never been closed."""
    changes = Changes(executions_max=3)
    first = Watch()
    changes.open_feed(first)
    changes.note("a", listed=True)
    changes.close_feed(first)
    changes.note("b", listed=True)
    watch = Watch()
    watch.take()
    changes.open_feed(watch)
    assert not watch.pending
    changes.note("c", listed=True)
    assert watch.pending
    assert changes.feed.after(1, changes.feed.sequence, 9) == [(2, "b"), (3, "c")]


def test_two_servers_read_one_feed() -> None:
    """Each hears of every change, and recording goes on as long as one of them is there."""
    changes = Changes(executions_max=1)
    one, other = Watch(), Watch()
    for watch in (one, other):
        watch.take()
        changes.open_feed(watch)
    changes.note("a", listed=True)
    assert one.pending
    assert other.take()
    changes.close_feed(one)
    for name in "bcd":
        changes.note(name, listed=True)
    assert other.pending
    assert changes.active
    assert changes.feed.after(3, changes.feed.sequence, 9) == [(4, "d")]


def test_engines_can_be_told_apart() -> None:
    """A place in the feed of one engine means nothing in another."""
    assert Changes().boot != Changes().boot


def test_random_readers_of_the_feed_miss_nothing(request: pytest.FixtureRequest) -> None:
    """Whoever is still known sees each change behind their place, or a later one, in order."""
    given = request.config.getoption("--seed")
    seed = random.randrange(1 << 32) if given is None else given
    print(f"seed {seed}")
    chance = random.Random(seed)
    feed = Feed(executions_max=20)
    feed.open(Watch())
    readers = {number: (0, set[str]()) for number in range(5)}  # place, and what is due to each
    for _ in range(3_000):
        name = f"e{chance.randrange(40)}"
        feed.add(name)
        for _, due in readers.values():
            due.add(name)
        number = chance.randrange(5 if chance.random() < 0.1 else 3)
        place, due = readers[number]
        if not feed.knows(place):
            readers[number] = (feed.sequence, set())
            continue
        page = feed.after(place, feed.sequence, chance.randrange(1, 8))
        assert [at for at, _ in page] == sorted(at for at, _ in page)
        assert {one for _, one in page} <= due
        place = page[-1][0] if page else place
        later = {one for _, one in feed.after(place, feed.sequence, 1_000)}
        due -= {one for _, one in page} - later
        assert due == later
        readers[number] = (place, due)


@step(retries=2, backoff=0.0)
def stumbles(gate: str) -> int:
    with Path(gate).open("a") as file:
        file.write("x")
    tries = Path(gate).stat().st_size
    if tries < 3:
        raise ValueError(tries)
    return tries


@workflow
def stumbling(gate: str) -> int:
    return stumbles(gate)


def test_who_reads_when_woken_sees_how_it_stands(tmp_path: Path) -> None:
    """An execution is followed to its end by looking only when the watch says so."""

    async def main() -> None:
        service = Service(MemoryStore(), [__name__])
        await service.open()
        seen: list[tuple[str, int]] = []
        gate = str(tmp_path / "gate")
        with service.changes.watch("x") as watch:
            args = b'{"a":["%b"],"k":{}}' % gate.encode()
            await service.start(f"{__name__}.stumbling", args, "x")
            while not seen or seen[-1][0] != "completed":
                await watch.changed()
                record = await service.get("x")
                tries = [len(effect["attempts"]) for effect in service.in_flight("x")]
                seen.append((record.status.value, sum(tries)))
        assert max(tries for _, tries in seen) >= 1, seen
        assert not service.changes.active
        await service.close()

    asyncio.run(asyncio.wait_for(main(), 120))
