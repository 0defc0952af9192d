"""Which executions are in memory, and when: admission, eviction, timers, recovery.

An execution that waits for a time is a row in the store and nothing else. One asyncio timer
stands for all of them: it is set to the earliest `wake_us`, and when it rings the due ones are
fetched in pages. Whatever needs a guest goes through one queue and one loader task, which replays
one execution after the other and only while fewer than `guests_max` guests are alive; so a restart
with a hundred thousand executions due at once is a long queue, not a stampede.

Order after a start: what comes in new first, then sleepers that are due (earliest first), then
those that were running when the process died (oldest first).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any

from flawless.core.entries import Continued, End, Failed, Invoked
from flawless.core.machine import NewEntries, Perform
from flawless.core.protocol import ExecuteRequest
from flawless.core.status import Status
from flawless.engine import beginnings
from flawless.engine.admission import Admission
from flawless.engine.callers import Callers, answer, disappoint
from flawless.engine.changes import Changes
from flawless.engine.children import CheckCall, Children
from flawless.engine.clock import Clock
from flawless.engine.committer import Committer
from flawless.engine.crowd import Crowd
from flawless.engine.delivery import Delivery
from flawless.engine.effects import Effects, InFlight
from flawless.engine.endings import error_of, outcome_for_parent, status_of
from flawless.engine.eviction import Eviction
from flawless.engine.execution import LiveExecution
from flawless.engine.journals import read_entries
from flawless.engine.library import Library
from flawless.engine.loading import Machines, alive, load
from flawless.engine.mail import Fits, Mail
from flawless.engine.mishaps import complain, report
from flawless.engine.outcome import Outcome
from flawless.engine.queued import Place, Queued
from flawless.engine.replay_log import Reason
from flawless.engine.resting import append
from flawless.engine.settings import Settings
from flawless.engine.tasks import Tasks
from flawless.engine.telemetry import OTHERS, Telemetry
from flawless.engine.wakeups import Wakeups
from flawless.errors import FlawlessError, StoreError, ToolchainError
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Create, Record, Result, Store, Write
from flawless.wasm import GuestLimits

_log = logging.getLogger("flawless.engine")

_KEEPING = ("keep the new execution", "starting with the same id is safe")
_PAUSE_S = 0.5


class Scheduler:
    """Runs the executions of one store. Also the `Host` of each `LiveExecution`.

    `ended` and `responded` are called when an end or a response is durable, `stopped` when an
    execution cannot be run any further by this engine.
    """

    def __init__(
        self,
        store: Store,
        library: Library,
        *,
        settings: Settings,
        clock: Clock,
        changes: Changes,
        fits: Fits,
        check_call: CheckCall,
        ended: Callable[[ExecutionId, End], None],
        responded: Callable[[ExecutionId], None],
        stopped: Callable[[ExecutionId, Exception], None],
        telemetry: Telemetry | None = None,
    ) -> None:
        self.clock = clock
        self.loop = asyncio.get_running_loop()
        self.evict_after_us = round(settings.evict_after_s * 1_000_000)
        self.guest_limits = GuestLimits(
            memory_bytes=settings.limits.guest_memory_bytes_max,
            cpu_s_per_turn=settings.limits.cpu_s_per_turn,
        )
        self.stopping = False
        self.guests = 0
        """Guests alive now."""
        self._store = store
        self._library = library
        self._settings = settings
        self.children = Children(library, check_call)
        self._machine = Machines(settings, self.children)
        self._on_end = ended
        self._on_response = responded
        self._on_stop = stopped
        self._callers = Callers()
        self._changes = changes
        self._telemetry = telemetry or Telemetry()
        self._committer = Committer(store, changes, self._telemetry)
        self._committer.on_problem = self._callers.tell
        self.mail = Mail(
            store,
            clock,
            settings,
            post=self._committer.submit,
            notify=lambda execution: self._delivery.notify(execution),
            fits=fits,
            callers=self._callers,
        )
        self._effects = Effects(
            self.loop, clock, settings, self.mail, self._telemetry, self._committer.hurry
        )
        self._live: dict[ExecutionId, LiveExecution] = {}
        self._queued = Queued()
        self._births: set[ExecutionId] = set()  # children and forks that are not durable yet
        self._room = asyncio.Event()
        self._crowd = Crowd(self._queued, lambda: self.guests, self._room)
        self._progress = asyncio.Event()
        self._wakeups = Wakeups(
            store,
            clock,
            known=self._known,
            loaded=lambda: len(self._live) + len(self._queued),
            enqueue=self._enqueue,
            room=self._queued.short,
        )
        self.admission = Admission(
            self._committer, self._callers, self._births, self._enqueue, self._telemetry
        )
        self._tasks = Tasks(self.loop)
        self._eviction = Eviction(
            self._live, clock, self._telemetry, evict_after_us=self.evict_after_us
        )
        self._delivery = Delivery(
            store,
            self._live,
            sleepers_changed=self._wakeups.changed.set,
            load=lambda execution: self._enqueue(execution, "woken"),
            reload=self.reload,
            spawn=self._tasks.spawn,
        )

    # --- life ---------------------------------------------------------------------------------

    async def open(self) -> None:
        """Begin: recover what a former engine left, and take new executions."""
        self._tasks.spawn(self._load_queued(), "loader")
        self._tasks.spawn(self._wakeups.watch(), "timers")
        self._tasks.spawn(self._wakeups.recover(), "recovery")
        self._tasks.spawn(self._eviction.sweep(self._room.set), "eviction")

    async def close(self, deadline_s: float) -> None:
        """Stop: effects under way may end until the deadline, their outcomes are recorded."""
        self.stopping = True
        ends_at = self.loop.time() + deadline_s
        await self._tasks.stop()
        for execution in list(self._live.values()):
            execution.wind_down()
        try:
            async with asyncio.timeout_at(ends_at):
                while any(execution.known_effects for execution in self._live.values()):
                    self._progress.clear()
                    await self._progress.wait()
        except TimeoutError:
            _log.warning("effects are still under way at the deadline; they are given up")
        self._tasks.cancel()
        for execution in list(self._live.values()):
            execution.flush()
            execution.stop()
        await self._committer.close(max(1.0, ends_at - self.loop.time()))
        self._callers.dismiss()
        await self._effects.close()

    def expect_healthy(self) -> None:
        """Raise the store's problem, if it has one: nothing new can be kept now."""
        if self._committer.problem is not None:
            raise self._committer.problem

    @property
    def problem(self) -> StoreError | None:
        """Why nothing can be written at the moment, or None."""
        return self._committer.problem

    @property
    def running(self) -> bool:
        """Whether executions are being loaded, woken when they are due, and written in time."""
        working = self._tasks.run("loader", "timers") and not self._committer.stalled
        return working and not self.stopping

    @property
    def in_memory(self) -> int:
        """Executions in memory."""
        return len(self._live)

    @property
    def queued(self) -> int:
        """Executions that wait for a guest."""
        return len(self._queued)

    @property
    def effects_in_flight(self) -> int:
        """Effects that are being performed."""
        return sum(len(live.in_flight) for live in self._live.values())

    def in_flight(self, execution: ExecutionId) -> list[dict[str, Any]]:
        """Return what an execution has under way: effect, label, begin, failed attempts."""
        live = self._live.get(execution)
        items = {} if live is None else live.in_flight
        return [item.shown(effect) for effect, item in items.items()]

    # --- new executions -----------------------------------------------------------------------

    async def create(
        self, write: Create, first: Invoked, settled: Callable[[], None]
    ) -> Record | None:
        """Make a new execution durable and run it; return the record that has its id already.

        Its guest begins at once if there is room, while the entry is being written: nothing it
        does is visible before that is durable. `settled` is called when the write is made or
        refused, which may be long after a passing problem of the store was raised here.
        """
        made: asyncio.Future[Record | None] = self.loop.create_future()
        later = write.wake_us is not None
        known = self.heard_of(write.id)  # then that one keeps its journal for itself
        room = self.guests < self._settings.guests_max and not self._queued
        # Nothing is awaited from here until it is submitted and has begun: what was seen holds.
        ready = None if later or known else self._library.loaded(write.deployment)
        follows = ready is not None and self._crowd.holds_back(ready[0])
        live = alive(self, write, *ready) if ready is not None and room and not follows else None

        def durable(result: Result) -> None:
            taken = result if isinstance(result, Record) else None
            settled()
            if taken is not None:
                self._withdraw(live)
            elif later:
                self._wakeups.changed.set()
            elif live is None:
                self._enqueue(write.id, "begun", "follower" if follows else "back")
            answer(made, taken)

        def refused(error: Exception) -> None:
            settled()
            self._withdraw(live)
            disappoint(made, error)

        self._committer.submit(write, durable, refused)
        if live is not None:
            guests, self.guests = self.guests, self.guests + 1
            self._live[write.id] = live
            try:
                live.begin(self._machine(live, [first], len(write.chunk.data)))
            except Exception:  # it is about to be durable, so the loader has to begin it
                report(_log, "internal error while %s began", write.id)
                self._withdraw(live)
                self.guests, live = guests, None
        return await self._callers.wait(made, *_KEEPING)

    def heard_of(self, execution: ExecutionId) -> bool:
        """Tell whether an id is that of an execution which is here, or about to be created."""
        loading = self._delivery.loading == execution
        return loading or execution in self._births or self._known(execution)

    def _withdraw(self, live: LiveExecution | None) -> None:
        """Stop an execution that began and is not there after all."""
        if live is not None:
            if self._live.get(live.id) is live:
                del self._live[live.id]
            live.stop()

    async def durable(self, *, patient: bool = True) -> None:
        """Return when everything handed in so far is durable.

        Unless `patient`, a passing problem of the store is raised instead of waited for.
        """
        done: asyncio.Future[None] = self.loop.create_future()
        if not patient:
            self.expect_healthy()
        self._committer.submit(None, lambda _: answer(done, None))
        await (done if patient else self._callers.wait(done, *_KEEPING))

    # --- the host of live executions ----------------------------------------------------------

    def submit(
        self, write: Write | None, durable: Callable[[], None] | None, *, joined: bool = False
    ) -> None:
        """Queue a write of a live execution."""
        execution = getattr(write, "id", None)
        self._progress.set()

        def done(result: Result) -> None:
            if durable is not None:
                try:
                    durable()
                except Exception:
                    report(_log, "internal error after a write of %s", execution)
            if isinstance(result, tuple):
                for one in result:
                    self._delivery.notify(one)

        def refused(error: Exception) -> None:
            live = self._live.pop(execution, None) if execution is not None else None
            text = "execution %s is stopped here: %s"
            complain(_log, text, execution, error, execution=execution)
            if live is not None:
                live.stop()
            if execution is not None:
                self._on_stop(execution, error)

        self._committer.submit(write, done, refused, joined=joined)

    def perform(self, execution: LiveExecution, action: Perform, item: InFlight) -> None:
        """Begin an effect."""
        self._effects.perform(execution, action, item)
        self._changes.note(execution.id)  # after a replay nothing else tells of it

    def effect_ended(self, item: InFlight, outcome: Outcome) -> None:
        """Count an effect that was performed."""
        took_us = self.clock.now_us() - item.began_us
        self._telemetry.effect_ended(item.kind, took_us, failed=outcome.failed)

    def give_up(self, item: InFlight) -> None:
        """Stop an effect whose outcome nobody wants."""
        self._effects.give_up(item)

    def start_child(
        self, execution: LiveExecution, request: ExecuteRequest, *, joined: bool
    ) -> None:
        """Create a child, if `joined` in the same commit as what was submitted before."""
        parent, births, now_us = execution, self._births, self.clock.now_us()
        deployment = self.children.deployment(parent.deployment, request.workflow)
        assert deployment is not None, "a child that has none is refused, a moment ago at most"
        write = beginnings.child(parent.id, parent.first, parent.depth, request, deployment, now_us)
        births.add(write.id)

        def durable(result: Result) -> None:
            births.discard(write.id)
            self._enqueue(write.id, "begun")
            if isinstance(result, Record):
                self._delivery.notify(execution.id)  # of the refusal, unless it is that very child

        self._committer.submit(write, durable, lambda _: births.discard(write.id), joined=joined)

    def next_run(
        self, execution: LiveExecution, last: NewEntries | None, final: Continued, *, joined: bool
    ) -> None:
        """Record the end of a run and begin the next one, on the newest code."""
        now_us = self.clock.now_us()
        deployment = self._library.latest(execution.workflow) or execution.deployment
        if last is not None and not last.only_entries:  # what it shows or has received
            shown = append(execution.id, last, None, now_us)
            self.submit(shown, lambda: self.responded(execution), joined=joined)
            last, joined = None, True
        write = beginnings.following_run(
            execution.id, last, final, execution.first, execution.digest, deployment, now_us
        )
        self.submit(write, lambda: self._begin_again(execution.id), joined=joined)

    def _begin_again(self, execution: ExecutionId) -> None:
        self._live.pop(execution, None)
        self._enqueue(execution, "begun")

    def responded(self, execution: LiveExecution) -> None:
        """Tell who waits for a response."""
        self._on_response(execution.id)

    def reload(self, execution: LiveExecution) -> None:
        """Queue an evicted execution for replay; while stopping, only record what arrived."""
        if self.stopping:
            self._tasks.spawn(self._record_arrivals(execution), "last outcome")
        else:
            self._enqueue(execution.id, "evicted", "front")

    def suspended(self, execution: LiveExecution) -> None:
        """Forget an execution that waits for a time the store knows."""
        self._telemetry.left(execution.id)
        self._live.pop(execution.id, None)
        self._wakeups.changed.set()

    def ended(self, execution: LiveExecution, final: End) -> None:
        """Forget an execution that has ended, and tell who waits for it."""
        self._live.pop(execution.id, None)
        took_us = self.clock.now_us() - execution.first.own_us
        self._telemetry.execution_ended(execution.id, execution.workflow, status_of(final), took_us)
        self._on_end(execution.id, final)

    def replayed(self, execution: LiveExecution, entries: int) -> None:
        """Note that a guest is where it was."""
        self._changes.note(execution.id)
        self._telemetry.replays.done(execution.id, entries)

    def guest_closed(self) -> None:
        """Count a guest less."""
        self.guests -= 1
        assert self.guests >= 0
        self._crowd.guest_gone()
        self._room.set()

    # --- loading ------------------------------------------------------------------------------

    def _enqueue(self, execution: ExecutionId, reason: Reason, place: Place = "back") -> None:
        if not self.stopping:
            self._queued.put(execution, reason, place)
            self._room.set()

    async def _load_queued(self) -> None:
        while True:
            while self._queued and self._make_room():
                follower = await self._crowd.turn()
                execution, reason = self._queued.take(follower=follower)
                try:
                    await self._load(execution, reason)
                except (StoreError, ToolchainError) as error:
                    text = "execution %s cannot be loaded: %s"
                    complain(_log, text, execution, error, execution=execution)
                    await asyncio.sleep(_PAUSE_S)
                    self._enqueue(execution, reason)
                except Exception:
                    report(_log, "internal error while loading %s", execution)
                await asyncio.sleep(0)  # effects and requests have their turn between two guests
            self._room.clear()
            if not self._queued or not self._make_room():
                await self._room.wait()

    async def _load(self, execution: ExecutionId, reason: Reason) -> None:
        """Read an execution's journal and inbox, and replay its guest."""
        if execution in self._live:  # it may just have written something; others have not
            await self.durable()
        live = self._live.get(execution)
        if live is not None and (live.machine is not None or live.over):
            return
        delivery = self._delivery
        delivery.loading, delivery.missed = execution, False
        self._telemetry.replays.begin(execution, reason, self.clock.now_us())
        try:
            loaded = await load(self._store, self._library, execution)
        except FlawlessError as error:
            if isinstance(error, ToolchainError) or (
                isinstance(error, StoreError) and error.retriable
            ):
                raise  # it may pass, and the execution is not to blame
            await self._give_up(execution, error)
            return
        finally:
            delivery.loading = None
        if loaded is None or self._live.get(execution) is not live or (live and live.over):
            return  # it has ended, or was stopped meanwhile
        if live is None:
            live = self._live[execution] = loaded.come_alive(self)
        self.guests += 1
        self._telemetry.loaded(loaded.record, loaded.entries)
        delayed = loaded.record.is_delayed
        machine = self._machine(live, loaded.entries, loaded.size, delayed=delayed)
        live.begin(machine, loaded.earlier, loaded.messages)
        if delivery.missed:
            delivery.notify(execution)

    async def _record_arrivals(self, live: LiveExecution) -> None:
        """Record outcomes that came for an evicted execution while the engine stops."""
        try:
            await self.durable()
            entries, size = await read_entries(self._store, live.id)
            if live.machine is None and not live.over:
                live.record(self._machine(live, entries, size))
        except FlawlessError as error:
            text = "an outcome of %s cannot be recorded: %s"
            complain(_log, text, live.id, error, execution=live.id)
            live.stop()
        finally:
            self._progress.set()

    async def _give_up(self, execution: ExecutionId, error: FlawlessError) -> None:
        """An execution that cannot be read stops; its journal stays as it is."""
        complain(_log, "%s", error, execution=execution)
        live = self._live.pop(execution, None)
        if live is not None:
            live.stop()
        told = outcome_for_parent(execution, Failed(0, error_of(error)))
        write = Append(execution, None, Status.FAILED, None, self.clock.now_us(), outcome=told)

        def stopped() -> None:
            self._telemetry.execution_ended(execution, OTHERS, Status.FAILED, None)
            self._on_stop(execution, error)

        self.submit(write, stopped)

    def _make_room(self) -> bool:
        """Whether another guest may begin; the one idle for longest makes way if need be."""
        return self.guests < self._settings.guests_max or self._eviction.evict_one()

    def _known(self, execution: ExecutionId) -> bool:
        return execution in self._live or execution in self._queued
