"""Group commit: order, sharing, and what one bad write or a passing problem does to the others."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from flawless.core.status import Status
from flawless.engine import committer as module
from flawless.engine.changes import Changes
from flawless.engine.committer import Committer
from flawless.engine.telemetry import Telemetry
from flawless.errors import StoreConflict, StoreError
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import MemoryStore
from flawless.stores.base import Append, Chunk, Create, Write


class Ledger(MemoryStore):
    """Notes the batches it is given; may be slow, or have a problem."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[Write]] = []
        self.slow = False
        self.problem: Exception | None = None

    async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Any:
        """See `Store.commit`."""
        if self.slow:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        self.batches.append(list(writes))
        if self.problem is not None:
            raise self.problem
        return await super().commit(writes, inline=inline)


def create(name: str) -> Create:
    """Return the begin of an execution."""
    return Create(ExecutionId(name), "w", DeploymentId("d"), b"", 1, Chunk(0, 1, b"0"))


def append(name: str, seq: int) -> Append:
    """Return another entry."""
    return Append(ExecutionId(name), Chunk(seq, 1, b"x"), None, None, 2)


def running(work: Callable[[Ledger, Committer], Awaitable[None]]) -> None:
    """Run a test on an open store."""

    async def main() -> None:
        store = Ledger()
        await store.open()
        committer = Committer(store)
        await asyncio.wait_for(work(store, committer), 20)
        await committer.close(1.0)
        await store.close()

    asyncio.run(main())


class Told:
    """What the committer tells about writes, in order."""

    def __init__(self) -> None:
        self.events: list[str] = []
        self._changed = asyncio.Event()

    def durable(self, name: str) -> Callable[[Any], None]:
        """Return what notes that a write is durable."""
        return lambda result: self._note(name if result is None else f"{name} taken")

    def refused(self, name: str) -> Callable[[Exception], None]:
        """Return what notes that a write was refused."""
        return lambda error: self._note(f"{name} refused: {type(error).__name__}")

    def _note(self, event: str) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, count: int) -> list[str]:
        """Wait for that many events."""
        while len(self.events) < count:
            self._changed.clear()
            await self._changed.wait()
        return self.events


@pytest.mark.parametrize("slow", [False, True])
def test_writes_of_one_turn_share_a_commit(slow: bool) -> None:
    """What is handed in together is committed together, in order; what comes later, later."""

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = slow
        told = Told()
        for name in "abc":
            committer.submit(create(name), told.durable(name))
        assert await told.until(3) == ["a", "b", "c"]
        assert len(store.batches) == 1
        committer.submit(append("a", 1), told.durable("a1"))
        committer.submit(append("a", 2), told.durable("a2"))
        assert (await told.until(5))[3:] == ["a1", "a2"]
        assert [len(batch) for batch in store.batches] == [3, 2]
        assert (committer.batches, committer.writes) == (2, 5)

    running(work)


def test_the_next_batch_gathers_meanwhile() -> None:
    """Writes that come during a commit share the next one."""

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = True
        told = Told()
        committer.submit(create("a"), told.durable("a"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the commit has begun
        for n in range(1, 6):
            committer.submit(append("a", n), told.durable(f"a{n}"))
        assert await told.until(6) == ["a", "a1", "a2", "a3", "a4", "a5"]
        assert [len(batch) for batch in store.batches] == [1, 5]

    running(work)


def test_a_batch_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A long queue becomes several commits, by number and by bytes, in order."""
    monkeypatch.setattr(module, "BATCH_WRITES_MAX", 10)
    monkeypatch.setattr(module, "BATCH_BYTES_MAX", 3)

    async def work(store: Ledger, committer: Committer) -> None:
        told = Told()
        committer.submit(create("a"), told.durable("0"))
        for n in range(1, 7):
            committer.submit(append("a", n), told.durable(str(n)))
        for _ in range(11):
            committer.submit(
                Append(ExecutionId("a"), None, Status.RUNNING, None, 3), told.durable("s")
            )
        assert await told.until(18) == [*"0123456", *("s" * 11)]
        assert [len(batch) for batch in store.batches] == [3, 3, 10, 2]

    running(work)


def test_barrier() -> None:
    """A barrier is durable when all before it is; at once when nothing is queued."""

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = True
        told = Told()
        committer.submit(None, told.durable("idle"))
        assert told.events == ["idle"]
        committer.submit(create("a"), told.durable("a"))
        committer.submit(None, told.durable("barrier"))
        assert told.events == ["idle"]
        assert await told.until(3) == ["idle", "a", "barrier"]

    running(work)


def test_one_bad_write_hurts_only_itself() -> None:
    """The others of its batch are made; it is refused, and so is what follows it in its journal."""

    async def work(store: Ledger, committer: Committer) -> None:
        told = Told()
        writes = [create("a"), append("a", 7), append("nobody", 1), create("b"), create("a")]
        for name, write in zip(["a", "gap", "nobody", "b", "again"], writes, strict=True):
            committer.submit(write, told.durable(name), told.refused(name))
        committer.submit(None, told.durable("barrier"))
        assert sorted(await told.until(6)) == [
            *("a", "again taken", "b", "barrier"),
            *("gap refused: StoreConflict", "nobody refused: ExecutionNotFound"),
        ]
        assert told.events[-1] == "barrier"
        assert committer.problem is None

    running(work)


@pytest.mark.parametrize("slow", [False, True])
def test_a_passing_problem_is_waited_for(monkeypatch: pytest.MonkeyPatch, slow: bool) -> None:
    """Nothing is durable while the store fails; then everything is, once and in order."""
    monkeypatch.setattr(module, "_PAUSE_FIRST_S", 0.001)

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = slow
        problems: list[StoreError] = []
        trouble = asyncio.Event()

        def note(problem: StoreError) -> None:
            problems.append(problem)
            if len(problems) == 3:
                trouble.set()

        committer.on_problem = note
        store.problem = StoreError("commit", "no space is left", "Free some.", retriable=True)
        told = Told()
        committer.submit(create("a"), told.durable("a"), told.refused("a"))
        await trouble.wait()
        committer.submit(append("a", 1), told.durable("a1"), told.refused("a1"))
        assert committer.problem is store.problem
        assert told.events == []
        store.problem = None
        assert await told.until(2) == ["a", "a1"]
        assert committer.problem is None
        assert len(await store.journal(ExecutionId("a"))) == 2

    running(work)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(
    "problem",
    [
        StoreError("commit", "the disk failed", "Look.", retriable=False),
        StoreConflict("a"),
        RuntimeError("a bug"),
    ],
)
def test_a_lasting_problem_refuses(slow: bool, problem: Exception) -> None:
    """What can never be written is refused, and the committer takes further writes."""

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = slow
        store.problem = problem
        told = Told()
        committer.submit(create("a"), told.durable("a"), told.refused("a"))
        await told.until(1)
        store.problem = None
        committer.submit(create("b"), told.durable("b"), told.refused("b"))
        assert await told.until(2) == [f"a refused: {type(problem).__name__}", "b"]

    running(work)


def test_a_callback_that_raises_stops_nobody() -> None:
    """A bug in what hears of a write does not keep the others from being told."""

    async def work(store: Ledger, committer: Committer) -> None:
        told = Told()

        def bug(_: Any) -> None:
            raise RuntimeError("a bug")

        committer.submit(create("a"), bug)
        committer.submit(create("b"), told.durable("b"))
        await told.until(1)
        committer.submit(create("c"), told.durable("c"))
        assert await told.until(2) == ["b", "c"]

    running(work)


@pytest.mark.parametrize("slow", [False, True])
def test_telling_that_raises_stops_nobody(slow: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even when the log raises as well: what is written is acknowledged, and more is taken."""

    def bug(*_: Any, **__: Any) -> None:
        raise RuntimeError("a bug")

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = slow
        monkeypatch.setattr(Telemetry, "wrote", bug)
        monkeypatch.setattr(Changes, "note_write", bug)
        monkeypatch.setattr(module._log, "exception", bug)
        committer._changes.active = True
        told = Told()
        committer.submit(create("a"), told.durable("a"))
        await told.until(1)
        committer.submit(create("b"), told.durable("b"))
        assert await told.until(2) == ["a", "b"]

    running(work)


def test_a_refusal_that_raises_stops_nobody() -> None:
    """Whoever is refused next is told so, and the committer takes further writes."""

    async def work(store: Ledger, committer: Committer) -> None:
        told = Told()

        def bug(_: Exception) -> None:
            raise RuntimeError("a bug")

        committer.submit(append("a", 1), None, bug)
        committer.submit(append("b", 1), told.durable("b"), told.refused("b"), joined=True)
        await told.until(1)
        committer.submit(create("c"), told.durable("c"))
        assert await told.until(2) == ["b refused: ExecutionNotFound", "c"]

    running(work)


def test_a_batch_that_takes_too_long_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch is stalled from when it is too old until it is durable; idleness never is."""

    async def work(store: Ledger, committer: Committer) -> None:
        store.slow = True
        told = Told()
        committer.submit(create("a"), told.durable("a"))
        await asyncio.sleep(0)
        assert not committer.stalled
        monkeypatch.setattr(module, "STALLED_S", -1.0)  # as if all that time had passed
        assert committer.stalled
        await told.until(1)
        await asyncio.sleep(0)
        assert not committer.stalled

    running(work)


def test_close_gives_up_in_time() -> None:
    """Closing commits what is queued, but waits no longer than asked for."""

    async def work(store: Ledger, committer: Committer) -> None:
        told = Told()
        committer.submit(create("a"), told.durable("a"))
        await committer.close(5.0)
        assert told.events == ["a"]
        store.problem = StoreError("commit", "no space is left", "Free some.", retriable=True)
        committer.submit(create("b"), told.durable("b"))
        await asyncio.wait_for(committer.close(0.05), 2)
        assert told.events == ["a"]

    running(work)
