"""The engine as an asyncio object: what the facade, the server and the command line stand on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any, TypeAlias

from flawless.core.attributes import checked_attributes
from flawless.core.entries import Entry, Logged
from flawless.durations import LONGEST_S
from flawless.engine import arguments, beginnings, collector
from flawless.engine.callers import answer
from flawless.engine.catalogue import Catalogue
from flawless.engine.changes import Changes
from flawless.engine.clock import Clock, SystemClock
from flawless.engine.control import Control
from flawless.engine.deploying import Deploying
from flawless.engine.forking import Forking
from flawless.engine.journals import read_entries, recorded_end
from flawless.engine.library import Library
from flawless.engine.monitor import Monitor
from flawless.engine.replay import Replayed, replay
from flawless.engine.scheduler import Scheduler
from flawless.engine.settings import Settings
from flawless.engine.signatures import Signature
from flawless.engine.waiters import End, Known, Waiters, end_of
from flawless.engine.workflows import WorkflowInfo
from flawless.errors import (
    EngineStopped,
    ExecutionConflict,
    ExecutionNotFound,
    InputInvalid,
    ValueTooLarge,
    WorkflowNotFound,
)
from flawless.ids import ExecutionId, execution_id, new_execution_id
from flawless.stores.base import Create, Page, Record, Selection, Store, Visible
from flawless.wasm.progress import Progress

_log = logging.getLogger("flawless.engine")

LIST_MAX = 1_000
FOREVER_S = 10 * 366 * 86_400.0
"""Who waits so long sets no timer."""
_ALL = Selection()


@dataclass(frozen=True, slots=True)
class LogLine:
    """One message a workflow logged or printed."""

    at_us: int
    level: int
    logger: str
    message: str


# `Service.list` hides the built-in name inside the class, so its results are named here.
Entries: TypeAlias = list[Entry]
LogLines: TypeAlias = list[LogLine]
Effects: TypeAlias = list[dict[str, Any]]


class Service:
    """Starts executions and tells about them. All methods belong to one event loop."""

    _control_class = Control

    def __init__(
        self,
        store: Store,
        modules: Sequence[str | Path | ModuleType],
        *,
        settings: Settings | None = None,
        baked: bool = False,
        clock: Clock | None = None,
        progress: Progress | None = None,
        library: Library | None = None,
        code: Path | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.store = store
        self.changes = Changes()
        """Tells of everything that becomes durable."""
        self._clock: Clock = clock or SystemClock()
        self.monitor = Monitor(store, self._clock, self.settings)
        """Tells how the engine is."""
        self._library = library or Library(
            store,
            modules,
            baked=baked,
            egress=self.settings.egress,
            progress=progress,
            code=code,
        )
        self._catalogue = Catalogue(store, self._library)
        self._deploying = Deploying(self._library, self._clock)
        self._scheduler: Scheduler | None = None
        self._control: Control | None = None
        self._forking: Forking | None = None
        self._waiters = Waiters()

    @property
    def clock(self) -> Clock:
        """The engine's clock, for whoever compares times with the engine's."""
        return self._clock

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Open the store, deploy the modules, and go on with every unfinished execution.

        Raises `StoreError` or `EngineLocked` when the data cannot be opened, `DeploymentInvalid`
        when the modules cannot be deployed, `ToolchainError` when the runtime cannot be built.
        """
        await self.store.open()
        try:
            await self.monitor.note_opening()
            await self._library.open(self._clock.now_us())
            scheduler = Scheduler(
                self.store,
                self._library,
                settings=self.settings,
                clock=self._clock,
                changes=self.changes,
                fits=partial(arguments.check_message, self),
                check_call=partial(arguments.check_call, self),
                ended=self._waiters.ended,
                responded=self._waiters.responded,
                stopped=self._waiters.stopped,
                telemetry=self.monitor.telemetry,
            )
            await scheduler.open()
        except BaseException:
            self._library.close()
            await self.store.close()
            await self.monitor.close()
            raise
        self._scheduler = scheduler
        self.monitor.begin(scheduler)
        self._control = self._control_class(
            self.store,
            self._library,
            scheduler,
            self._clock,
            value_bytes_max=self.settings.limits.value_bytes_max,
        )

        self._forking = Forking(
            self.store,
            self._library,
            scheduler.admission,
            scheduler.children,
            self._clock,
            limits=self.settings.limits,
            telemetry=self.monitor.telemetry,
        )
        collector.spare()

    async def close(self, deadline_s: float | None = None) -> None:
        """Stop within a deadline: effects under way may end and are recorded, no new ones begin.

        What is unfinished goes on when the next engine opens the same store.
        """
        scheduler, self._scheduler, self._control = self._scheduler, None, None
        if scheduler is None:
            return
        await self.monitor.end()
        await scheduler.close(self.settings.stop_deadline_s if deadline_s is None else deadline_s)
        self._waiters.close()
        self.changes.close()
        await self._deploying.close()
        self._library.close()
        await self.store.close()
        await self.monitor.close()

    # --- executions ---------------------------------------------------------------------------

    @property
    def workflows(self) -> dict[str, WorkflowInfo]:
        """The workflows new executions can be started of, by name."""
        return self._library.workflows

    @property
    def entry_modules(self) -> dict[str, ModuleType]:
        """The modules of what serves, as imported natively, by name."""
        return self._library.native

    def signature(self, workflow: str) -> Signature | None:
        """Return what a workflow of a component takes; None for one of Python, which says itself.

        May be called on any thread.
        """
        deployment = self._library.latest(workflow)
        if deployment is None or deployment.is_python:
            return None
        return deployment.signature(workflow)

    async def start(
        self,
        workflow: str,
        args: bytes,
        id: str | None = None,  # noqa: A002 (the public word)
        *,
        deadline_s: float | None = None,
        attributes: Mapping[str, str] | None = None,
        start_at_us: int | None = None,
        delay_s: float | None = None,
        known: Known | None = None,
    ) -> tuple[str, bool]:
        """Start an execution; return its id and whether it is new.

        `args` is the JSON of `codec.encode_call`. With an id that is taken, nothing is started:
        the same workflow and input give the existing execution, anything else raises
        `ExecutionConflict`. `deadline_s` is how long it may take before it is cancelled.
        `attributes` are texts to find it by. It begins at `start_at_us`, or after `delay_s`: until
        then it is `waiting`, and if somebody cancels it none of its code is run. `known` is filled
        when it completes, if it is new.

        Durability: when this returns, the execution is durable and will be run to its end.
        """
        scheduler = self._running()
        deployment = self._library.latest(workflow)
        if deployment is None:
            raise WorkflowNotFound(workflow, list(self.workflows))
        if deadline_s is not None and not 0 <= deadline_s <= LONGEST_S:
            raise InputInvalid("a deadline lies between 0 s and 100 years", path="deadline_s")
        known_by = checked_attributes(attributes) if attributes else {}
        now_us = self._clock.now_us()
        wake_us = beginnings.start_us(now_us, start_at_us, delay_s)
        limit = self.settings.limits.value_bytes_max
        if len(args) > limit:
            raise ValueTooLarge("the input", len(args), limit)
        execution = new_execution_id() if id is None else execution_id(id)
        digest = beginnings.digest(workflow, args)
        claims = scheduler.admission.claims
        if execution in claims:
            await scheduler.durable(patient=False)
        if execution in claims:
            return self._same(execution, workflow, digest, claims[execution])
        claims[execution] = digest  # before anything is awaited

        def settled() -> None:
            claims.pop(execution, None)

        try:
            record = None if id is None else await self.store.get(execution)
            if record is None and scheduler.heard_of(execution):  # a child is being created, say
                await scheduler.durable(patient=False)  # not in one commit with what that writes
                record = await self.store.get(execution)
            if record is None:
                scheduler.expect_healthy()
        except BaseException:
            settled()
            raise
        if record is not None:
            settled()
            return self._same(execution, workflow, digest, record.digest)

        seed = self.settings.outside.seed(execution)
        begin_us = now_us if wake_us is None else wake_us
        first = beginnings.invoked(
            workflow,
            deployment,
            args,
            begin_us,
            seed,
            deadline_s=deadline_s,
            trace=self.monitor.telemetry.caller(),
        )
        write = Create(
            execution,
            workflow,
            deployment.id,
            digest,
            now_us,
            beginnings.first_chunk(first),
            wake_us=wake_us,
            attributes=known_by,
        )
        if known is not None:
            self._waiters.make_known(execution, known)
        taken = await scheduler.create(write, first, settled)
        if taken is not None:
            if known is not None:
                self._waiters.forget(execution, known)
            return self._same(execution, workflow, digest, taken.digest)
        return execution, True

    async def get(self, execution: str) -> Record:
        """Return what the store knows of an execution; raises `ExecutionNotFound`."""
        record = await self.store.get(ExecutionId(execution))
        if record is None:
            raise ExecutionNotFound(execution)
        return record

    async def list(
        self, selection: Selection = _ALL, *, limit: int = 50, before: str | None = None
    ) -> Page:
        """Return a page of executions, newest first, those started before the execution `before`.

        `before` may also be the `next` of a page. A page may be short, or empty, and yet have a
        `next`: see `Store.list`.
        """
        if not 1 <= limit <= LIST_MAX:
            raise InputInvalid(f"limit must lie between 1 and {LIST_MAX}", path="limit")
        return await self.store.list(selection, limit=limit, before=before)

    async def end(self, execution: str, wait_s: float = 0.0) -> End | None:
        """Return how an execution ended, waiting up to `wait_s` for it; None if it has not.

        Raises `ExecutionNotFound`, and `JournalDamaged` when its journal cannot be read.
        """
        if wait_s <= 0:
            return await self._end(execution)
        with self._waiters.for_end(execution) as future:
            end = await self._end(execution)
            if end is not None:
                return end
            if wait_s >= FOREVER_S:
                return await future
            timer = asyncio.get_running_loop().call_later(wait_s, answer, future, None)
            try:
                return await future
            finally:
                timer.cancel()

    async def _end(self, execution: str) -> End | None:
        record = await self.get(execution)
        if not record.status.final:
            return None
        return end_of(await recorded_end(self.store, self._library, record))

    @property
    def catalogue(self) -> Catalogue:
        """What is deployed."""
        self._running()
        return self._catalogue

    @property
    def deploying(self) -> Deploying:
        """Takes in what is uploaded."""
        self._running()
        return self._deploying

    @property
    def control(self) -> Control:
        """What can be done to executions that are there."""
        self._running()
        assert self._control is not None
        return self._control

    @property
    def forking(self) -> Forking:
        """Makes new executions of the beginnings of others."""
        self._running()
        assert self._forking is not None
        return self._forking

    async def response(self, execution: str, wait_s: float = 0.0) -> Visible | End | None:
        """Return what the workflow responded, or how it ended without that, waiting up to `wait_s`.

        None: neither has happened yet. Raises `ExecutionNotFound`.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + wait_s
        while True:
            with self._waiters.for_response(execution) as came:
                response = await self.store.response(ExecutionId(execution))
                if response is not None:
                    return response
                if (end := await self.end(execution)) is not None:
                    return end
                if wait_s <= 0:
                    return None
                try:
                    async with asyncio.timeout_at(ends_at):
                        await came
                except TimeoutError:
                    return None

    async def journal(self, execution: str) -> Entries:
        """Return all durable entries of an execution."""
        await self.get(execution)
        entries, _ = await read_entries(self.store, ExecutionId(execution))
        return entries

    async def replay(self, execution: str) -> Replayed:
        """Run a fresh guest along an execution's journal; nothing is done or recorded.

        Raises `Divergence` when journal and code do not fit together.
        """
        record = await self.get(execution)
        deployment, component = await self._library.find(record.deployment)
        entries = await self.journal(execution)
        return await asyncio.to_thread(
            replay, execution, entries, deployment, component, limits=self.settings.limits
        )

    async def logs(self, execution: str) -> LogLines:
        """Return what an execution logged and printed, in order."""
        entries = await self.journal(execution)
        began_us = getattr(entries[0], "began_us", 0)
        return [
            LogLine(began_us + entry.at, entry.level, entry.logger, entry.message)
            for entry in entries
            if isinstance(entry, Logged)
        ]

    def in_flight(self, execution: str) -> Effects:
        """Return the effects an execution has under way in this process, with failed attempts."""
        return (
            self._scheduler.in_flight(ExecutionId(execution)) if self._scheduler is not None else []
        )

    async def health(self) -> dict[str, Any]:
        """Return how the engine is, in numbers for people and monitors."""
        scheduler = self._running()
        counts = await self.monitor.counts.latest()
        problem = scheduler.problem
        return {
            "status": "ok" if problem is None else "failing",
            "problem": None if problem is None else str(problem),
            "executions": counts,
            "guests": scheduler.guests,
            "in_memory": scheduler.in_memory,
            "queued": scheduler.queued,
            "deployment": self._library.current.id,
        }

    # --- inside -------------------------------------------------------------------------------

    def _running(self) -> Scheduler:
        if self._scheduler is None:
            raise EngineStopped("the engine is not open")
        return self._scheduler

    def _same(
        self, execution: str, workflow: str, digest: bytes, existing: bytes
    ) -> tuple[str, bool]:
        if existing != digest:
            raise ExecutionConflict(execution, workflow)
        return execution, False
