"""One execution in memory: a guest, its journal's machine, and the effects it has under way.

Everything here happens on the engine's loop, as reactions to events: the guest suspends, an outcome
arrives, entries become durable, a time comes. No task and no thread waits for anything. Between
events an execution is in one of three shapes:

- with a guest: it computes, or waits for something that should come soon;
- without a guest but with effects under way: it was evicted; when an outcome comes, the journal is
  loaded again and the guest replayed (`Host.reload`);
- not in memory at all: it waits for a time, and the store knows which.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

import msgspec

from flawless.core.entries import Attempt, Completed, Failed
from flawless.core.machine import Cancel, Machine, NewEntries, Perform
from flawless.core.protocol import HttpRequest, StepRequest, error_object, label
from flawless.core.randomness import RandomStream
from flawless.core.status import Status
from flawless.engine.clock import Clock
from flawless.engine.deployment import Deployment
from flawless.engine.outcome import Outcome
from flawless.engine.printed import RawOutput
from flawless.engine.steps import StepRun
from flawless.errors import FlawlessError
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Chunk, SaveAttempts, Write
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted, State

_log = logging.getLogger("flawless.engine")

_SECOND_US = 1_000_000
_TIMER_S_MAX = 86_400.0  # asyncio's timers are not made for years


class Host(Protocol):
    """What an execution needs of its engine."""

    clock: Clock
    loop: asyncio.AbstractEventLoop
    evict_after_us: int
    guest_limits: GuestLimits
    stopping: bool

    def submit(self, write: Write | None, durable: Callable[[], None] | None) -> None:
        """Queue a write; `durable` is called when it and all writes before it are durable."""
        ...

    def perform_step(
        self, execution: LiveExecution, request: StepRequest, earlier: list[Attempt]
    ) -> StepRun | None:
        """Begin a step; its outcome comes to `execution.arrived`."""
        ...

    def perform_http(self, execution: LiveExecution, request: HttpRequest) -> asyncio.Task[None]:
        """Begin a request; its outcome comes to `execution.arrived`."""
        ...

    def cancel_step(self, run: StepRun) -> None:
        """Stop a step whose outcome nobody wants."""
        ...

    def reload(self, execution: LiveExecution) -> None:
        """Give an evicted execution its machine and guest again, then call `outcome_waits`."""
        ...

    def suspended(self, execution: LiveExecution) -> None:
        """The execution waits only for a time that the store knows: forget it."""
        ...

    def ended(self, execution: LiveExecution, final: Completed | Failed) -> None:
        """The execution's end is durable."""
        ...

    def guest_closed(self) -> None:
        """There is room for another guest."""
        ...


@dataclass(slots=True)
class InFlight:
    """An effect under way, for performing, cancelling, and showing it."""

    label: str
    began_us: int
    run: StepRun | asyncio.Task[None] | None


class LiveExecution:
    """See the module's text. Also the `GuestHost` its guest talks to."""

    def __init__(
        self,
        host: Host,
        execution: ExecutionId,
        *,
        workflow: str,
        deployment: Deployment,
        component: Component,
        stored: Status,
    ) -> None:
        self.id = execution
        self.workflow = workflow
        self.deployment = deployment
        self.stored = stored
        """The status the store knows, or will know when the queued writes are made."""
        self.machine: Machine | None = None
        self.guest: Guest | None = None
        self.in_flight: dict[int, InFlight] = {}
        self.idle_since_us: int | None = None
        """When the guest began to wait, or None while it computes."""
        self.over = False
        self.began_us = 0
        self._host = host
        self._component = component
        self._random = RandomStream(b"")
        self._earlier: dict[int, list[Attempt]] = {}
        self._arrivals: list[tuple[int, Outcome]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._replaying = False
        self._printed = RawOutput()

    # --- life ---------------------------------------------------------------------------------

    def begin(self, machine: Machine, earlier: dict[int, list[Attempt]]) -> None:
        """Start (or replay) the guest. `earlier` are failed attempts of steps, by effect."""
        self.machine = machine
        self._earlier = earlier
        self._replaying = machine.length > 1
        self.began_us = machine.invoked.began_us
        self._random = RandomStream(machine.invoked.seed)
        self._printed = RawOutput()
        try:
            self._tell_arrivals(machine)
        except FlawlessError as error:
            self._host.guest_closed()  # the room was kept for it
            self._fail(error)
            return
        self._flush(None)
        first = machine.invoked
        guest = Guest(self._component, self, self._host.guest_limits)
        self.guest = guest
        self.idle_since_us = None

        def start() -> State:
            text = self.deployment.run_input(self.id, first.workflow, first.input, first.began_us)
            return guest.start("run", text)

        self._run(start)
        if self.stored is Status.WAITING and not self.over:
            # Nothing new is in the journal, but the store must not take it for a sleeper.
            self.stored = Status.RUNNING
            write = Append(self.id, None, Status.RUNNING, None, self._now_us())
            self._host.submit(write, None)

    def record(self, machine: Machine) -> None:
        """Record what arrived while the guest was away, without the guest: the engine stops."""
        self.machine = machine
        self._tell_arrivals(machine)
        self._flush(None)

    @property
    def known_effects(self) -> set[int]:
        """Effects under way, and those whose outcomes wait for the guest to be back."""
        return set(self.in_flight) | {effect for effect, _ in self._arrivals}

    def evict(self) -> None:
        """Give the guest's memory back; it is replayed when something happens."""
        self._close_guest()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        machine = self.machine
        if machine is None:
            return
        self._flush(None)
        wake_us = machine.wake_us
        self.machine = None
        if not self.in_flight and wake_us is not None:
            self._suspend_until(wake_us, None)
        elif wake_us is not None:
            self._arm(wake_us)

    def stop(self) -> None:
        """Let go of everything but the journal; the execution goes on with the next engine."""
        self.over = True
        self._close_guest()
        if self._timer is not None:
            self._timer.cancel()
        for item in self.in_flight.values():
            self._cancel(item)
        self.in_flight.clear()
        self._arrivals.clear()

    def wind_down(self) -> None:
        """Begin nothing more, because the engine stops; effects under way may end.

        A step between two attempts is left to the next engine, which knows how many failed.
        """
        for effect, item in list(self.in_flight.items()):
            if isinstance(item.run, StepRun) and item.run.pausing:
                self._cancel(self.in_flight.pop(effect))
        self._flush(None)
        if self.machine is None and self._arrivals:
            self._host.reload(self)

    def flush(self) -> None:
        """Hand what is not yet durable to the store."""
        self._flush(None)

    # --- the guest's host ---------------------------------------------------------------------

    def call(self, request: bytes) -> bytes | None:
        """Answer the guest, or let it wait."""
        assert self.machine is not None
        return self.machine.request(request, self._now_us())

    def clock_ns(self) -> int:
        """The time, as an effect."""
        assert self.machine is not None
        return self.machine.clock(self._now_us()) * 1_000

    def random(self, size: int) -> bytes:
        """Bytes from the execution's seed."""
        return self._random.read(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """What the guest wrote without its `print`: log effects, line by line."""
        for request in self._printed.requests(stream, data):
            self.call(request)

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """A blocking poll of WASI: a durable sleep."""
        assert self.machine is not None
        return self.machine.poll(-(-deadline_ns // 1_000), self._now_us())

    # --- events -------------------------------------------------------------------------------

    def arrived(self, effect: int, outcome: Outcome) -> None:
        """An effect has ended."""
        if self.over or self.in_flight.pop(effect, None) is None:
            return
        machine = self.machine
        if machine is None:
            self._arrivals.append((effect, outcome))
            self._host.reload(self)
            return
        try:
            response = self._tell(machine, effect, outcome)
        except FlawlessError as error:
            self._fail(error)
            return
        if response is None or self._host.stopping:
            self._flush(None)
        else:
            self._resume(response)

    def attempt_failed(self, effect: int, attempts: list[Attempt]) -> None:
        """A step's attempt failed and another follows: keep count across a crash."""
        self._earlier[effect] = attempts
        self._host.submit(SaveAttempts(self.id, effect, msgspec.msgpack.encode(attempts)), None)
        if self._host.stopping and (item := self.in_flight.pop(effect, None)) is not None:
            self._cancel(item)  # the next engine makes the next attempt

    def woke(self) -> None:
        """A time the guest may be waiting for has come."""
        self._timer = None
        if self.over or self._host.stopping:
            return
        machine = self.machine
        if machine is None:
            self._host.reload(self)
            return
        if machine.waiting is None:
            return
        try:
            response = machine.woke(self._now_us())
        except FlawlessError as error:
            self._fail(error)
            return
        if response is not None:
            self._resume(response)
        elif (wake_us := machine.wake_us) is not None:
            self._arm(wake_us)

    def _tell_arrivals(self, machine: Machine) -> None:
        arrivals, self._arrivals = self._arrivals, []
        for effect, outcome in arrivals:
            self._tell(machine, effect, outcome)

    def _tell(self, machine: Machine, effect: int, outcome: Outcome) -> bytes | None:
        if self._earlier.pop(effect, None) is not None or outcome.attempts:
            self._host.submit(SaveAttempts(self.id, effect, None), None)
        return machine.arrived(
            effect, outcome.failed, outcome.payload, outcome.attempts, self._now_us()
        )

    # --- driving the guest --------------------------------------------------------------------

    def _resume(self, response: bytes) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        guest = self.guest
        assert guest is not None, "a machine lives as long as its guest"
        self.idle_since_us = None
        self._run(lambda: guest.resume(response))

    def _proceed(self) -> None:
        guest = self.guest
        if guest is not None and not self.over and not self._host.stopping:
            self._run(guest.proceed)

    def _run(self, turn: Callable[[], State]) -> None:
        """Let the guest compute until it waits, has had its share of time, or ends."""
        machine = self.machine
        assert machine is not None
        try:
            state = turn()
            if self._replaying and machine.live:
                self._tell_replay(machine.replayed)
            if isinstance(state, Finished):
                for request in self._printed.last_requests():
                    self.call(request)
                self._finish(machine.finished(state.output, self._now_us()))
                return
        except FlawlessError as error:
            self._fail(error)
            return
        except Exception as error:  # a bug of ours must not stop the other executions
            _log.exception("internal error in execution %s", self.id)
            self._fail(error)
            return
        if isinstance(state, Preempted):
            self._carry_out()
            self._host.loop.call_soon(self._proceed)
        else:
            self._wait()

    def _wait(self) -> None:
        machine = self.machine
        assert machine is not None
        now_us = self._now_us()
        self.idle_since_us = now_us
        wake_us = machine.wake_us
        if wake_us is None:
            self._carry_out()
            return
        if wake_us - now_us > self._host.evict_after_us and not machine.in_flight:
            self._take_actions()  # there may be something to cancel; there is nothing to perform
            self._close_guest()
            self.machine = None
            self._suspend_until(wake_us, machine.take_chunk())
            return
        self._carry_out()
        self._arm(wake_us)

    def _carry_out(self) -> None:
        """Make durable what the guest observed, then perform what it asked for."""
        performs = self._take_actions()
        if not performs:
            self._flush(None)
        elif self._host.stopping:
            # Nothing of this is recorded or done; the next engine comes here again.
            self.stop()
            self.machine = None
        else:
            self._flush(lambda: self._perform(performs))

    def _take_actions(self) -> list[Perform]:
        """Cancel what the guest gave up, and return what it wants performed."""
        assert self.machine is not None
        performs: list[Perform] = []
        for action in self.machine.take_actions():
            match action:
                case Perform(effect, request):
                    self.in_flight[effect] = InFlight(label(request), self._now_us(), None)
                    performs.append(action)
                case Cancel(effect):
                    item = self.in_flight.pop(effect, None)
                    if item is not None:
                        self._cancel(item)
        return performs

    def _perform(self, performs: list[Perform]) -> None:
        if self.over:
            return
        for action in performs:
            item = self.in_flight.get(action.effect)
            if item is None:
                continue  # given up while the journal was written
            if isinstance(action.request, StepRequest):
                earlier = self._earlier.get(action.effect, [])
                item.run = self._host.perform_step(self, action.request, earlier)
            else:
                item.run = self._host.perform_http(self, action.request)

    # --- ending -------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        assert self.machine is not None
        self._finish(self.machine.failed(_error_json(error), self._now_us()))

    def _finish(self, final: Completed | Failed) -> None:
        machine = self.machine
        assert machine is not None
        chunk = machine.take_chunk()
        self.stop()
        self.stored = Status.COMPLETED if isinstance(final, Completed) else Status.FAILED
        write = Append(self.id, _chunk(chunk), self.stored, None, self._now_us())
        self._host.submit(write, lambda: self._host.ended(self, final))

    # --- small things -------------------------------------------------------------------------

    def _tell_replay(self, count: int) -> None:
        self._replaying = False
        _log.debug(
            "execution %s is back where it was: %d effects replayed",
            self.id,
            count,
            extra={"execution": self.id, "replayed": count},
        )

    def _flush(self, durable: Callable[[], None] | None) -> None:
        chunk = self.machine.take_chunk() if self.machine is not None else None
        if chunk is None:
            if durable is not None:
                self._host.submit(None, durable)
            return
        status = None
        if self.stored is not Status.RUNNING:
            self.stored = Status.RUNNING
            status = Status.RUNNING
        append = Append(self.id, _chunk(chunk), status, None, self._now_us())
        self._host.submit(append, durable)

    def _suspend_until(self, wake_us: int, chunk: NewEntries | None) -> None:
        self.over = True
        self.stored = Status.WAITING
        append = Append(self.id, _chunk(chunk), Status.WAITING, wake_us, self._now_us())
        self._host.submit(append, lambda: self._host.suspended(self))

    def _arm(self, wake_us: int) -> None:
        if self.over:
            return
        if self._timer is not None:
            self._timer.cancel()
        delay_s = (wake_us - self._now_us()) / _SECOND_US
        delay_s = min(max(delay_s, 0.0), _TIMER_S_MAX)
        self._timer = self._host.loop.call_later(delay_s, self.woke)

    def _cancel(self, item: InFlight) -> None:
        if isinstance(item.run, StepRun):
            self._host.cancel_step(item.run)
        elif item.run is not None:
            item.run.cancel()

    def _close_guest(self) -> None:
        if self.guest is not None:
            self.guest.close()
            self.guest = None
            self.idle_since_us = None
            self._host.guest_closed()

    def _now_us(self) -> int:
        return self._host.clock.now_us()


def _chunk(chunk: NewEntries | None) -> Chunk | None:
    return None if chunk is None else Chunk(chunk.first_seq, chunk.count, chunk.data)


def _error_json(error: Exception) -> bytes:
    type_ = type(error)
    if isinstance(error, FlawlessError):
        return error_object(type_.__name__, str(error))
    return error_object("EngineError", f"internal error: {type_.__name__}: {error}")
