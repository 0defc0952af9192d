"""What a world is made of: a store that stops, and steps and services that take virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flawless.core.entries import Entry
from flawless.core.protocol import HttpRequest
from flawless.engine.library import Library
from flawless.engine.outcome import Outcome
from flawless.engine.steps import StepPerformer, StepRun
from flawless.engine.threads import Job
from flawless.stores.base import Message, NoteOpening, Record, Visible, Write
from flawless.testing.clock import BEGINNING, VirtualClock, microseconds

BEGAN_US = microseconds(BEGINNING)
JUMPS_MAX = 2_000
LIFE_S_MAX = 20.0
PATIENT, SWEEPING = 1e9, 1.0
"""Settings of `evict_after_s`: guests stay, or leave whenever they sleep."""


class Stuck(Exception):
    """Nothing will happen any more, and not every execution has ended."""


@dataclass(frozen=True, slots=True)
class Crash:
    """The engine dies before (or after) its n-th commit."""

    commit: int
    after: bool

    def __str__(self) -> str:
        return f"{'after' if self.after else 'before'} commit {self.commit}"


@dataclass(frozen=True, slots=True)
class Disturbance:
    """What befalls the engines of one world, one after the other; then the last one is left alone.

    `evict_after_s` is their setting; with `evictions`, a seed, guests have to leave now and then
    besides.
    """

    store: str = "memory"
    crashes: tuple[Crash, ...] = ()
    evict_after_s: float = PATIENT
    evictions: int | None = None

    def __str__(self) -> str:
        dies = "".join(f", dies {crash}" for crash in self.crashes)
        waits = "" if self.evict_after_s == PATIENT else ", sleepers leave memory"
        leaves = "" if self.evictions is None else ", guests are evicted now and then"
        return f"on the {self.store} store{dies}{waits}{leaves}"


CALM = Disturbance()


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of one execution when all has ended."""

    record: Record
    entries: list[Entry]
    state: Visible | None
    response: Visible | None
    unread: list[Message]


@dataclass(slots=True)
class World:
    """What outlives an engine."""

    store: Any
    root: str
    clock: VirtualClock = field(default_factory=VirtualClock)
    arrivals: dict[str, int] = field(default_factory=dict)
    done: set[int] = field(default_factory=set)
    """Acts that were acknowledged."""
    commits: int = 0

    def due_s(self, key: str, us: int) -> float:
        """How long it takes until a service answers, which may have got the request before."""
        due_us = self.arrivals.setdefault(key, self.clock.now_us() + us)
        return (due_us - self.clock.now_us()) / 1_000_000


class CrashingStore:
    """The world's store, as one engine sees it until it dies: then nothing comes back."""

    def __init__(self, world: World, crash: Crash | None) -> None:
        self._world = world
        self._store = world.store
        self._crash = crash
        self._commits = 0
        self.dead = False
        self.busy = 0
        """Commits that other threads work on."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def open(self) -> None:
        """It is open."""

    async def close(self) -> None:
        """It stays open."""

    async def commit(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit, or die. That an engine opens is noted before there is anybody who could die."""
        if all(isinstance(write, NoteOpening) for write in writes):
            return await self._busily(writes, **options)
        self._commits += 1
        crash = self._crash if self._crash and self._crash.commit == self._commits else None
        if crash is not None and not crash.after:
            self.dead = True
        if self.dead:
            await asyncio.Event().wait()
        results = await self._busily(writes, **options)
        self._world.commits += 1
        if crash is not None:
            self.dead = True
            await asyncio.Event().wait()
        return results

    async def _busily(self, writes: Sequence[Write], **options: Any) -> Any:
        """Commit; even nothing, behind what is under way, may take a thread its time."""
        self.busy += 1
        try:
            return await self._store.commit(writes, **options)
        finally:
            self.busy -= 1


class Shared:
    """The library of all engines: the workflows are deployed once."""

    def __init__(self, library: Library) -> None:
        self._library = library

    def __getattr__(self, name: str) -> Any:
        return getattr(self._library, name)

    async def open(self, now_us: int) -> None:
        """It is open."""


class Pool:
    """Runs what threads would run on the loop."""

    def submit(self, work: Callable[[], None]) -> Job:
        """Run it, now or when its time has come."""
        work()
        return Job(work)

    def abandon(self, job: Job) -> None:
        """Its time will come, and nobody looks."""

    def close(self) -> None:
        """There is nothing to close."""


class Steps(StepPerformer):
    """Steps that take virtual time, on the loop."""

    world: World

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._threads = Pool()  # type: ignore[assignment]  # what is used of it

    def _work(self, run: StepRun) -> Callable[[], None]:
        work = super()._work(run)
        loop = asyncio.get_running_loop()
        due_s = self._due_s(run)

        def later() -> None:
            if due_s > 0:
                self.world.clock.call_later(due_s, work)
            else:
                loop.call_soon(work)

        return later

    async def _run_async(self, run: StepRun) -> None:
        await self.world.clock.sleep(self._due_s(run))
        await super()._run_async(run)

    def _due_s(self, run: StepRun) -> float:
        us = msgspec.json.decode(run.request.args)["a"][1]
        return self.world.due_s(f"{run.info.idempotency_key} {run.failures}", us)


class Services:
    """HTTP that takes virtual time."""

    world: World

    def __init__(self, **options: Any) -> None:
        """Take the options of the real one."""

    async def perform(self, execution: str, request: HttpRequest, **options: Any) -> Outcome:
        """Answer with the question."""
        us = int(request.url.rpartition("=")[2])
        await self.world.clock.sleep(self.world.due_s(f"{execution} {request.id}", us))
        text = f"{request.method} {request.url}"
        body = {"status": 200, "url": request.url, "headers": [], "body": {"text": text}}
        return Outcome(False, msgspec.json.encode(body))

    async def close(self) -> None:
        """There is nothing to close."""
