"""One execution in memory: a guest, its journal's machine, and the effects it has under way.

Everything here happens on the engine's loop, as reactions to events: the guest suspends, an outcome
or a message arrives, entries become durable, a time comes. No task and no thread waits for
anything. Between events an execution is in one of three shapes:

- with a guest: it computes, or waits for something that should come soon;
- without a guest but with effects under way: it was evicted; when an outcome comes, the journal is
  loaded again and the guest replayed (`Host.reload`);
- not in memory at all: it waits for a time, a message or a person, and the store knows which.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from typing import Literal

from flawless.core.entries import FORMAT, Continued, End, Invoked
from flawless.core.machine import (
    Cancel,
    Machine,
    Message,
    NewEntries,
    Perform,
    StartChild,
)
from flawless.core.protocol import ExecuteRequest
from flawless.core.randomness import RandomStream
from flawless.core.status import Status
from flawless.engine.attempts import SavedAttempts, encode_attempts
from flawless.engine.clock import Timer
from flawless.engine.deployment import Deployment
from flawless.engine.effects import InFlight
from flawless.engine.endings import error_of, outcome_for_parent, status_of
from flawless.engine.host import Host
from flawless.engine.mishaps import report
from flawless.engine.outcome import Outcome
from flawless.engine.printed import RawOutput
from flawless.engine.replay import recorded_input
from flawless.engine.resting import Rest, append, resting
from flawless.errors import FlawlessError
from flawless.ids import ExecutionId
from flawless.stores.base import Append, Parent, SaveAttempts
from flawless.wasm import Component, Finished, Guest, Preempted, State

_log = logging.getLogger("flawless.engine")

_SECOND_US = 1_000_000
_SOON_US = _SECOND_US  # waiting for less is not worth a new status
_TIMER_S_MAX = 86_400.0  # asyncio's timers are not made for years
_UNKNOWN = Invoked(FORMAT, "", "", 0, b"", b"")
_NO_ATTEMPTS = SavedAttempts()


class LiveExecution:
    """See the module's text. Also the `GuestHost` its guest talks to.

    `stored` is the status the store knows, or will know when the queued writes are made.
    """

    def __init__(
        self,
        host: Host,
        execution: ExecutionId,
        *,
        workflow: str,
        deployment: Deployment,
        component: Component,
        stored: Status,
        wake_us: int | None = None,
        digest: bytes,
        parent: Parent | None = None,
        depth: int = 0,
    ) -> None:
        self.id = execution
        self.workflow = workflow
        self.deployment = deployment
        self.digest = digest
        self.parent = parent
        self.depth = depth
        self.machine: Machine | None = None
        self.guest: Guest | None = None
        self.in_flight: dict[int, InFlight] = {}
        self.idle_since_us: int | None = None
        """When the guest began to wait, or None while it computes."""
        self.over = False
        self.first = _UNKNOWN
        """Entry 0 of the journal."""
        self.pulling = False
        """Whether somebody is reading the inbox for it."""
        self._host = host
        self._component = component
        self._rest = Rest(stored, wake_us)
        self._random = RandomStream(b"")
        self._earlier: dict[int, SavedAttempts] = {}
        self._arrivals: list[tuple[int, Outcome]] = []
        self._timer: Timer | None = None
        self.due_us: int | None = None  # when that rings: a clock that jumps does not ring it
        self._replaying = False
        self._printed = RawOutput(past_print=deployment.is_python)

    # --- life ---------------------------------------------------------------------------------

    def begin(
        self,
        machine: Machine,
        earlier: dict[int, SavedAttempts] | None = None,
        messages: Sequence[Message] = (),
    ) -> None:
        """Start (or replay) the guest; `earlier` are failed attempts of steps, by effect."""
        first = self.first = machine.invoked
        self.machine = machine
        self._earlier = earlier or {}
        self._replaying = machine.length > 1
        self._random = RandomStream(first.seed)
        self._printed = RawOutput(past_print=self.deployment.is_python)
        try:
            self._tell_arrivals(machine)
            for message in messages:
                machine.deliver(message, self._now_us())
        except FlawlessError as error:
            self._host.guest_closed()  # the room was kept for it
            self._fail(error)
            return
        if machine.end is not None:
            self._host.guest_closed()
            self._finish(machine.end)
            return
        if not machine.begin(self._now_us()):  # something woke it, but its time has not come
            self._host.guest_closed()
            self.machine = None
            self._arm(first.began_us)
            return
        if machine.dirty:
            self._flush(None)
        preparation = self.deployment.preparation
        guest = Guest(self._component, self, self._host.guest_limits, preparation)
        self.guest = guest
        self.idle_since_us = None

        def start() -> State:
            return guest.start("run", recorded_input(self.id, first, self.deployment))

        self._run(start)

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
        self._disarm()
        machine = self.machine
        if machine is None:
            return
        if machine.in_flight or machine.waiting is None:
            wake_us = machine.wake_us
            self._flush(None)
            self.machine = None
            if wake_us is not None:
                self._arm(wake_us)
        else:
            self._suspend(machine)

    def stop(self) -> None:
        """Let go of everything but the journal; the execution goes on with the next engine."""
        self.over = True
        self._close_guest()
        self._disarm()
        for item in self.in_flight.values():
            self._host.give_up(item)
        self.in_flight.clear()
        self._arrivals.clear()

    def wind_down(self) -> None:
        """Begin nothing more, because the engine stops; effects under way may end.

        A step between two attempts is left to the next engine, which knows how many failed.
        """
        for effect, item in list(self.in_flight.items()):
            if item.pausing:
                self._host.give_up(self.in_flight.pop(effect))
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
        if self.over or (item := self.in_flight.pop(effect, None)) is None:
            return
        self._host.effect_ended(item, outcome)
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

    def attempt_failed(self, effect: int, saved: SavedAttempts) -> None:
        """A step's attempt failed and another follows: keep count across a crash."""
        self._earlier[effect] = saved
        self._host.submit(SaveAttempts(self.id, effect, encode_attempts(saved)), None)
        if self._host.stopping and (item := self.in_flight.pop(effect, None)) is not None:
            self._host.give_up(item)  # the next engine makes the next attempt

    def attempts_of(self, effect: int) -> SavedAttempts:
        """Return the failed attempts of a step that is about to begin."""
        return self._earlier.get(effect, _NO_ATTEMPTS)

    def woke(self) -> None:
        """A time the guest may be waiting for has come."""
        self._disarm()
        if self.over or self._host.stopping:
            return
        machine = self.machine
        if machine is None:
            self._host.reload(self)
            return
        if machine.waiting is not None:
            self._react(machine, lambda: machine.woke(self._now_us()))

    def deliver(self, messages: Sequence[Message]) -> bool:
        """Take what came to the inbox; False when it has to be read again, with the journal."""
        for message in messages:
            machine = self.machine
            if machine is None or self.over or self._host.stopping:
                return False
            self._rest = self._rest.woken()
            self._react(machine, partial(machine.deliver, message, self._now_us()))
        return True

    def _react(self, machine: Machine, event: Callable[[], bytes | None]) -> None:
        """Let the machine know of something, and go on as it says."""
        try:
            response = event()
        except FlawlessError as error:
            self._fail(error)
            return
        if machine.end is not None:
            self._finish(machine.end)
        elif response is not None:
            self._resume(response)
        elif machine.waiting is not None:
            self._wait()
        else:
            self._flush(None)

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
        self._disarm()
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
                self._replaying = False
                self._host.replayed(self, machine.replayed)
            if isinstance(state, Finished):
                for request in self._printed.last_requests():
                    self.call(request)
                self._finish(machine.finished(state.output, self._now_us()))
                return
        except FlawlessError as error:
            self._fail(error)
            return
        except Exception as error:  # a bug of ours must not stop the other executions
            report(_log, "internal error in execution %s", self.id)
            self._fail(error)
            return
        if isinstance(state, Preempted):
            self._carry_out()
            self._host.loop.call_soon(self._proceed)
        else:
            self._wait()

    def _wait(self) -> None:
        """The guest waits: carry out what it asked for, and see when it has to go on."""
        machine = self.machine
        assert machine is not None
        if self.idle_since_us is None:
            self.idle_since_us = self._now_us()
        self._carry_out()
        if self.machine is None:
            return  # the engine stops
        if not machine.in_flight and self._sleeps(machine):
            self._suspend(machine)
        elif (wake_us := machine.wake_us) is not None:
            self._arm(wake_us)

    def _sleeps(self, machine: Machine) -> bool:
        """Whether nothing will happen for so long that the guest is better replayed then."""
        if machine.parked:
            return True
        wake_us = machine.wake_us
        if wake_us is None or wake_us - self._now_us() <= self._host.evict_after_us:
            return False
        return not machine.expecting  # else something may come at any time

    def _carry_out(self) -> None:
        """Make durable what the guest observed, then perform what it asked for."""
        performs, children = self._take_actions()
        if not performs and not children:
            self._flush(None)
        elif self._host.stopping:
            # Nothing of this is recorded or done; the next engine comes here again.
            self.stop()
            self.machine = None
        else:
            self._flush((lambda: self._perform(performs)) if performs else None)
            for child in children:
                self._host.start_child(self, child, joined=True)

    def _take_actions(self) -> tuple[list[Perform], list[ExecuteRequest]]:
        """Give up what the guest gave up, and return what it wants done."""
        assert self.machine is not None
        performs: list[Perform] = []
        children: list[ExecuteRequest] = []
        for action in self.machine.take_actions():
            match action:
                case Perform(effect, request):
                    self.in_flight[effect] = InFlight(request, self._now_us())
                    performs.append(action)
                case StartChild(_, child):
                    children.append(child)
                case Cancel(effect):
                    if (item := self.in_flight.pop(effect, None)) is not None:
                        self._host.give_up(item)
        return performs, children

    def _perform(self, performs: list[Perform]) -> None:
        if self.over:
            return
        for action in performs:
            # It may have been given up while the journal was written.
            if (item := self.in_flight.get(action.effect)) is not None:
                self._host.perform(self, action, item)

    # --- ending -------------------------------------------------------------------------------

    def _fail(self, error: Exception) -> None:
        assert self.machine is not None
        self._finish(self.machine.failed(error_of(error), self._now_us()))

    def _finish(self, final: End) -> None:
        machine = self.machine
        assert machine is not None
        children = [a.request for a in machine.take_actions() if isinstance(a, StartChild)]
        new = machine.take_chunk()
        self.stop()
        for n, child in enumerate(children):  # before the end, which may have to tell them
            self._host.start_child(self, child, joined=n > 0)
        joined = bool(children)
        if isinstance(final, Continued):
            self._host.next_run(self, new, final, joined=joined)
            return
        outcome = outcome_for_parent(self.id, final) if self.parent is not None else b""
        write = self._append(machine, new, Rest(status_of(final)), outcome)
        self._host.submit(write, lambda: self._host.ended(self, final), joined=joined)

    # --- small things -------------------------------------------------------------------------

    def _flush(self, durable: Callable[[], None] | None) -> None:
        """Hand what is new to the store, and how the execution rests if that has changed."""
        machine = self.machine
        new = None if machine is None else machine.take_chunk()
        rest = (
            self._rest
            if machine is None
            else resting(machine, self._now_us() + min(self._host.evict_after_us, _SOON_US))
        )
        if new is None and rest == self._rest:
            if durable is not None:
                self._host.submit(None, durable)
            return
        write = self._append(machine, new, rest)
        if new is None or new.response is None:
            self._host.submit(write, durable)
            return

        def responded() -> None:
            self._host.responded(self)
            if durable is not None:
                durable()

        self._host.submit(write, responded)

    def _append(
        self, machine: Machine | None, new: NewEntries | None, rest: Rest, outcome: bytes = b""
    ) -> Append:
        changed = None if rest == self._rest else rest
        self._rest = rest
        seen = 0 if machine is None else machine.messages_seen
        return append(self.id, new, changed, self._now_us(), outcome=outcome, seen=seen)

    def _suspend(self, machine: Machine) -> None:
        """Leave memory: the store knows what the execution waits for."""
        self._close_guest()
        rest = resting(machine, 0)
        new = machine.take_chunk()
        self.machine = None
        self.over = True
        write = None if new is None and rest == self._rest else self._append(machine, new, rest)
        self._host.submit(write, lambda: self._host.suspended(self))

    def _arm(self, wake_us: int) -> None:
        if self.over:
            return
        self._disarm()
        delay_s = min(max((wake_us - self._now_us()) / _SECOND_US, 0.0), _TIMER_S_MAX)
        self._timer, self.due_us = self._host.clock.call_later(delay_s, self.woke), wake_us

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = self.due_us = None

    def _close_guest(self) -> None:
        if self.guest is not None:
            self.guest.close()
            self.guest = None
            self.idle_since_us = None
            self._host.guest_closed()

    def _now_us(self) -> int:
        return self._host.clock.now_us()
