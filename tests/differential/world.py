"""A world in which a case happens: one store, a clock that jumps, steps and services that take
virtual time, somebody who acts from outside, and engines that die.

Nothing here waits for real time. What outlives an engine (`World`) is what would outlive a process:
the store, the time, and what services remember: a request that arrives again is answered when the
first one would have been.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Any

import differential_steps
import differential_workflows
from cases import PLAIN, Act, Case
from parts import (
    BEGAN_US,
    CALM,
    JUMPS_MAX,
    LIFE_S_MAX,
    Crash,
    CrashingStore,
    Disturbance,
    Left,
    Services,
    Shared,
    Steps,
    Stuck,
    World,
)

import flawless
import rust_programs
import seams
import stored
from flawless import codec
from flawless.core.encoding import decode_entries
from flawless.core.entries import Entry
from flawless.core.status import Status
from flawless.engine import effects, service
from flawless.engine.deployment import Deployment
from flawless.engine.library import Library
from flawless.engine.outside import Outside
from flawless.engine.service import Service
from flawless.errors import ExecutionEnded, ExecutionNotFound, NotParked
from flawless.ids import ExecutionId
from flawless.stores import MemoryStore, SQLiteStore
from flawless.stores.base import Record, SaveDeployment
from flawless.testing.idle import IdleSelector
from flawless.wasm import Component


class Stage:
    """Where worlds are played: one loop, one library, one SQLite file.

    `language` is that of the workflows, and `kind` the kind of cases that can be played in it.
    """

    def __init__(self, folder: Path, *, language: str = "python", baked: bool = False) -> None:
        self.language = language
        self.kind = "" if language == "python" else PLAIN
        self.modules: list[Any] = [differential_workflows]
        if language == "rust":
            self.modules = [rust_programs.wasm(), differential_steps]
        self._selector = IdleSelector()
        self._loop = asyncio.SelectorEventLoop(self._selector)
        self._folder = folder
        self._files = 0
        self._sqlite: SQLiteStore | None = None
        self._undo: list[Callable[[], None]] = []
        asyncio.set_event_loop(None)
        self._library = self._loop.run_until_complete(_library(self.modules, baked))
        self._prepare()

    def close(self) -> None:
        """Put everything back."""
        for undo in reversed(self._undo):
            undo()
        if self._sqlite is not None:
            self._loop.run_until_complete(self._sqlite.close())
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    def play(
        self,
        case: Case,
        root: str,
        disturbance: Disturbance = CALM,
        *,
        fault: Callable[[Any], Any] | None = None,
    ) -> tuple[dict[str, Left], int]:
        """Run a case to its end; return what is left, and how many commits it took.

        `fault` is put around the store. Raises `Stuck`.
        """
        try:
            return self._loop.run_until_complete(self._play(case, root, disturbance, fault))
        except BaseException:
            self._forget_file()
            raise

    async def _play(
        self,
        case: Case,
        root: str,
        disturbance: Disturbance,
        fault: Callable[[Any], Any] | None,
    ) -> tuple[dict[str, Left], int]:
        world = World(await self._store(disturbance.store), root)
        Steps.world = Services.world = world
        seed = disturbance.evictions
        chance = None if seed is None else Random(seed)
        for crash in [*disturbance.crashes, None]:
            life = _Life(self, world, case, crash, disturbance.evict_after_s, chance, fault)
            if await life.live():
                break
            if disturbance.store == "sqlite":
                world.store = await self._reopened()
        return await _left(world), world.commits

    # --- inside -------------------------------------------------------------------------------

    @contextmanager
    def watched(self, idle: Callable[[], bool]) -> Iterator[None]:
        """Have `idle` called whenever the loop has nothing to do."""
        self._selector.idle = idle
        try:
            yield
        finally:
            self._selector.idle = lambda: False

    @property
    def deployment(self) -> Deployment:
        """What all executions run on."""
        return self._library.current

    @property
    def component(self) -> Component:
        """The component of that."""
        return self._loop.run_until_complete(self._library.find(self.deployment.id))[1]

    @property
    def library(self) -> Shared:
        """What engines are handed in place of a library of their own."""
        return Shared(self._library)

    def _forget_file(self) -> None:
        """Use another SQLite file from now on: what failed is left in this one."""
        if self._sqlite is not None:
            self._loop.run_until_complete(self._sqlite.close())
            self._sqlite = None

    async def _store(self, kind: str) -> Any:
        if kind == "sqlite" and self._sqlite is not None:
            return self._sqlite
        store: Any = MemoryStore()
        if kind == "sqlite":
            self._files += 1
            store = SQLiteStore(self._folder / f"{self._files}.db", log_pages_max=200)
        await store.open()
        if kind == "sqlite":
            self._sqlite = store
        await _deploy(store, self._library)
        return store

    async def _reopened(self) -> SQLiteStore:
        """The dead engine's file, opened by the next one."""
        assert self._sqlite is not None
        await self._sqlite.close()
        self._sqlite = SQLiteStore(self._sqlite.path, log_pages_max=200)
        await self._sqlite.open()
        return self._sqlite

    def _prepare(self) -> None:
        stage = self
        replace = [
            (effects, "StepPerformer", lambda _: Steps),
            (service, "Library", lambda _: lambda *args, **options: stage.library),
        ]
        for module, name, make in replace:
            self._undo.append(seams.rebuild(module, name, make))


class _Life:
    """One engine's life in a world."""

    def __init__(
        self,
        stage: Stage,
        world: World,
        case: Case,
        crash: Crash | None,
        evict_after_s: float,
        chance: Random | None,
        fault: Callable[[Any], Any] | None,
    ) -> None:
        self._stage = stage
        self._world = world
        self._case = case
        self._store = CrashingStore(world, crash)
        self._chance = chance
        self._jumps = 0
        self._deciding: asyncio.Task[None] | None = None
        self._looked = False
        self._died = False
        self._over = asyncio.Event()
        outside = Outside(
            http=Services,  # type: ignore[arg-type]  # what is used of it
            jitter=lambda: 1.0,
            seed=lambda execution: hashlib.sha256(execution.encode()).digest(),
        )
        settings = flawless.Settings(evict_after_s=evict_after_s, guests_max=500, outside=outside)
        self._service = Service(
            self._store if fault is None else fault(self._store),
            stage.modules,
            settings=settings,
            clock=world.clock,
        )
        self._tasks: set[asyncio.Task[Any]] = set()

    async def live(self) -> bool:
        """Live until the crash (False), or until everything has ended (True)."""
        world, before = self._world, asyncio.all_tasks()
        try:
            await self._service.open()
            begins = asyncio.create_task(self._begin())
            with self._stage.watched(self._idle):
                async with asyncio.timeout(LIFE_S_MAX):
                    await self._over.wait()
            if begins.done():
                begins.result()
        except TimeoutError:
            raise Stuck(f"it takes too long: {await _standing(world)}") from None
        finally:
            self._store.dead = True
            for live in list(self._scheduler._live.values()):
                live.stop()
            tasks = asyncio.all_tasks() - before
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._scheduler._effects._steps.close()
            world.clock.forget()
        if self._died:
            return False
        records = await _records(world)
        if not all(record.status.final for record in records):
            raise Stuck(await _standing(world))
        return True

    @property
    def _scheduler(self) -> Any:
        return self._service._scheduler

    async def _begin(self) -> None:
        case, world = self._case, self._world
        if await world.store.get(ExecutionId(world.root)) is None:
            kind = "carry_out_async" if case.program["async"] else "carry_out"
            args = codec.dumps(codec.encode_call((case.program, "", ""), {})).encode()
            deadline_s = None if case.deadline_us is None else case.deadline_us / 1_000_000
            await self._service.start(
                f"differential_workflows.{kind}", args, world.root, deadline_s=deadline_s
            )
        for number, act in enumerate(case.acts):
            if number not in world.done:
                due_us = BEGAN_US + act.at_us - world.clock.now_us()
                world.clock.call_later(due_us / 1_000_000, self._act, number, act)

    # --- people outside -----------------------------------------------------------------------

    def _act(self, number: int, act: Act) -> None:
        self._keep(self._acted(number, act))

    async def _acted(self, number: int, act: Act) -> None:
        """Do it again until it is known to be done: it has an id."""
        control, root = self._service.control, self._world.root
        message_id = f"act-{number}"
        try:
            match act.what:
                case "send":
                    await control.send(root, act.name, f'"{act.text}"'.encode(), message_id)
                case "cancel":
                    await control.cancel(root, reason=act.text, message_id=message_id)
                case "terminate":
                    await control.terminate(root, reason=act.text)
        except ExecutionEnded:
            pass  # it came too late
        self._world.done.add(number)

    async def _decide(self) -> None:
        """Decide about everything that is parked, in the same way in every world."""
        control = self._service.control
        for record in await stored.records(self._world.store, status=Status.PARKED):
            for parked in await control.parked(record.id):
                with contextlib.suppress(NotParked, ExecutionNotFound):
                    if not parked.asked or parked.effect % 3 == 1:
                        await control.resolve(record.id, effect=parked.effect, retry=True)
                    elif parked.effect % 3 == 2:
                        await control.resolve(record.id, effect=parked.effect, ok=b"null")
                    else:
                        await control.resolve(record.id, effect=parked.effect, error="no")
        self._looked = True

    # --- time ---------------------------------------------------------------------------------

    def _idle(self) -> bool:
        """Let somebody decide, or the time jump, when nothing else can happen."""
        store, clock = self._store, self._world.clock
        if store.busy or self._over.is_set():
            return False
        if store.dead:
            self._died = True
            self._over.set()
            return True
        if not self._looked:
            if self._deciding is None or self._deciding.done():
                self._deciding = self._keep(self._decide())
                return True
            return False
        self._looked = False
        next_us = clock.next_us
        self._jumps += 1
        if next_us is None or self._jumps > JUMPS_MAX:
            self._over.set()
            return True
        if self._chance is not None and self._chance.random() < 0.2:
            for live in list(self._scheduler._live.values()):
                if live.idle_since_us is not None:
                    live.evict()
        loop = asyncio.get_running_loop()
        for call in clock.move_to(next_us):
            loop.call_soon(call)
        return True

    def _keep(self, work: Any) -> asyncio.Task[Any]:
        task = self._stage._loop.create_task(work)
        self._tasks.add(task)
        return task


# --- looking at a world ---------------------------------------------------------------------------


async def _library(modules: list[Any], baked: bool) -> Library:
    store = MemoryStore()
    await store.open()
    library = Library(store, modules, baked=baked)
    await library.open(BEGAN_US)
    await library.find(library.current.id)
    return library


async def _deploy(store: Any, library: Library) -> None:
    """Let the store know of the deployment (its component is never read from there)."""
    current = library.current
    await store.commit(
        [
            SaveDeployment(
                current.id,
                label="differential",
                kind=current.manifest.kind,
                manifest=current.encoded,
                component=current.manifest.component,
                created_us=BEGAN_US,
            )
        ]
    )


async def _records(world: World) -> list[Record]:
    return await stored.records(world.store, prefix=world.root, runs=True)


async def _entries(world: World, record: Record) -> list[Entry]:
    entries: list[Entry] = []
    for chunk in await world.store.journal(record.id):
        entries += decode_entries(record.id, chunk.first_seq, chunk.data, chunk.count)
    return entries


async def _left(world: World) -> dict[str, Left]:
    left = {}
    for record in await _records(world):
        left[str(record.id)] = Left(
            record,
            await _entries(world, record),
            await world.store.state(record.id),
            await world.store.response(record.id),
            list(await world.store.messages(record.id)),
        )
    return left


async def _standing(world: World) -> str:
    lines = []
    for record in await _records(world):
        entries = await _entries(world, record)
        last = "; ".join(str(entry) for entry in entries[-3:])
        lines.append(f"{record.id} {record.status} wakes at {record.wake_us}: {last}")
    return "\n".join(lines)
