"""Durable times are waited for by the engine's clock, so a clock that jumps skips them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from jumps import BEGAN_US, JumpingClock

from flawless.core.status import Status
from flawless.engine.clock import SystemClock
from flawless.engine.replay_log import Reason
from flawless.engine.wakeups import Wakeups
from flawless.ids import DeploymentId, ExecutionId
from flawless.stores import MemoryStore
from flawless.stores.base import Append, Chunk, Create

YEAR_S = 365 * 86_400.0


async def sleeper(store: MemoryStore, name: str, wake_s: float) -> None:
    """Keep an execution that sleeps until then."""
    execution = ExecutionId(name)
    chunk = Chunk(0, 1, b"entry")
    wake_us = BEGAN_US + round(wake_s * 1_000_000)
    create = Create(execution, "w", DeploymentId("d"), b"", BEGAN_US, chunk)
    await store.commit([create, Append(execution, None, Status.WAITING, wake_us, BEGAN_US)])


class Woken:
    """What has been queued, as the scheduler would."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.come = asyncio.Event()

    def enqueue(self, execution: ExecutionId, reason: Reason) -> None:
        """Take an execution, which is due."""
        assert reason == "woken"
        self.names.append(execution)
        self.come.set()

    async def next(self) -> str:
        """Wait until one more is queued, and return the last."""
        async with asyncio.timeout(30):
            await self.come.wait()
        self.come.clear()
        return self.names[-1]


def watching(
    work: Callable[[JumpingClock, MemoryStore, Wakeups, Woken], Awaitable[None]],
) -> None:
    """Do something while sleepers are watched, on a clock that jumps."""

    async def main() -> None:
        clock, store, woken = JumpingClock(), MemoryStore(), Woken()
        await store.open()

        async def room() -> None:
            return None

        wakeups = Wakeups(
            store,
            clock,
            known=lambda execution: execution in woken.names,
            loaded=lambda: len(woken.names),
            enqueue=woken.enqueue,
            room=room,
        )
        task = asyncio.ensure_future(wakeups.watch())
        try:
            await work(clock, store, wakeups, woken)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await store.close()

    asyncio.run(main())


def test_the_system_clock_uses_the_loop() -> None:
    """Its timers are the loop's, with arguments, and can be taken back."""

    async def main() -> list[str]:
        said: list[str] = []
        done = asyncio.Event()
        SystemClock().call_later(0.0, said.append, "taken back").cancel()
        SystemClock().call_later(YEAR_S * 1_000, said.append, "far away").cancel()
        SystemClock().call_later(0.001, said.append, "called")
        SystemClock().call_later(0.002, done.set)
        await asyncio.wait_for(done.wait(), 10)
        return said

    assert asyncio.run(main()) == ["called"]


def test_sleepers_wake_when_the_clock_jumps() -> None:
    """Years pass in no time, one jump for each sleeper, in order of their times."""

    async def work(clock: JumpingClock, store: MemoryStore, wakeups: Wakeups, woken: Woken) -> None:
        for n in (3, 1, 2):
            await sleeper(store, f"after {n} years", n * YEAR_S)
        wakeups.changed.set()
        for n in (1, 2, 3):
            assert await clock.jump() == YEAR_S
            assert await woken.next() == f"after {n} years"
        assert clock.due_s == []

    watching(work)


def test_there_is_one_timer_and_it_is_the_next_sleepers() -> None:
    """A sleeper that comes later and is due earlier moves it."""

    async def work(clock: JumpingClock, store: MemoryStore, wakeups: Wakeups, woken: Woken) -> None:
        await sleeper(store, "late", 100.0)
        wakeups.changed.set()
        async with asyncio.timeout(10):
            while clock.due_s != [100.0]:
                await asyncio.sleep(0)
        await sleeper(store, "early", 50.0)
        wakeups.changed.set()
        async with asyncio.timeout(10):
            while clock.due_s != [50.0]:
                await asyncio.sleep(0)
        await clock.jump()
        assert await woken.next() == "early"

    watching(work)
