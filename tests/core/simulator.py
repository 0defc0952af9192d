"""A simulated engine: one execution, a fake world, crashes and evictions at random moments.

It does what the real engine does with a `Machine`: commits chunks one after the other, some time
after they were taken; performs effects when the chunk they came with is durable; delivers outcomes
whenever they come; evicts waiting guests and replays them later. A crash loses everything but the
durable chunks. All randomness comes from one seed.

While it runs it checks what must hold at every moment: the output-commit rule (see `_perform`), at
most once, that a replay gives the guest the very answers it had before, and that the machine and
the engine agree about what is under way.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, deque
from dataclasses import dataclass
from typing import Any

from flawless.core.encoding import decode_entries
from flawless.core.entries import Arrived, Attempt, Completed, Entered, Entry, Failed, Started
from flawless.core.machine import Cancel, Machine, NewEntries, Perform
from flawless.core.protocol import decode_request

from . import requests
from .program import Ask, Finish, Guest, LookAtClock, Op, Poll, is_load

_TICKS_MAX = 5_000


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often things go wrong, as probabilities per tick."""

    crash: float = 0.0
    evict: float = 0.0
    clock_jump: float = 0.0


CALM = Trouble()


@dataclass(slots=True)
class Outcome:
    """How one effect will end."""

    end_us: int
    failed: bool
    payload: bytes
    attempts: list[Attempt]


class Simulation:
    """Runs one program to its end; `performed` counts what the world saw."""

    def __init__(
        self, program: list[Op], seed: int, trouble: Trouble = CALM, *, pure: bool = False
    ) -> None:
        self.program = program
        self.trouble = trouble
        self.pure = pure
        self.performed: Counter[int] = Counter()
        self.crashes = 0
        self.evictions = 0
        self.final: Completed | Failed | None = None
        self._random = random.Random(seed)
        self._now_us = self._latest_us = requests.BEGAN_US
        self._durable: list[NewEntries] = []
        self._boot()

    @property
    def guest(self) -> Guest:
        """The latest guest."""
        return self._guest

    # --- looking at it ------------------------------------------------------------------------

    @property
    def entries(self) -> list[Entry]:
        """The durable journal."""
        entries: list[Entry] = []
        for chunk in self._durable:
            assert chunk.first_seq == len(entries)
            entries += decode_entries("order-1", chunk.first_seq, chunk.data, chunk.count)
        return entries

    def run(self) -> Simulation:
        """Run to the end, which is durable then."""
        for _ in range(_TICKS_MAX):
            if self.final is not None and not self._queue:
                return self
            self._tick()
        raise AssertionError("the execution does not end")

    # --- the process --------------------------------------------------------------------------

    def _boot(self) -> None:
        """A process starts, with nothing but what is durable."""
        self._queue: deque[tuple[NewEntries | None, list[Perform]]] = deque()
        self._in_flight: set[int] = set()
        self._world: dict[int, Outcome] = {}
        self._early: list[tuple[int, Outcome]] = []
        self._machine: Machine | None = None
        self._load()

    def _load(self) -> None:
        """Give the execution a machine and a guest."""
        known = self._in_flight | {effect for effect, _ in self._early}
        if self._durable:
            self._machine = requests.rebuild(self.entries, in_flight=known)
        else:
            self._machine = requests.create(self._now_us)
        began_us = self._machine.invoked.began_us
        self._guest = Guest(self.program, pure=self.pure, began_us=began_us)
        self._answer: Any = None
        self._runnable = True
        early, self._early = self._early, []
        for effect, outcome in early:
            assert self._arrive(self._machine, effect, outcome) is None

    def _crash(self) -> None:
        self.crashes += 1
        self.final = None
        before = self._guest.asked
        self._now_us += self._random.randrange(5_000_000)
        self._boot()
        self._expect_same_past(before)

    def _expect_same_past(self, before: list[tuple[Any, Any]]) -> None:
        """A guest that replays what is durable asks and sees what the one before it did."""
        machine = requests.rebuild(self.entries) if self._durable else None
        if machine is None:
            return
        asked = _replay(machine, self.program, self.pure)
        recorded = asked[: machine.replayed]
        for (turn, seen), (old_turn, old_seen) in zip(recorded, before, strict=False):
            assert turn == old_turn
            assert old_seen is None or seen is None or seen == old_seen

    # --- one thing happens --------------------------------------------------------------------

    def _tick(self) -> None:
        chance = self._random.random
        self._now_us += self._random.randrange(2_000)
        self._latest_us = max(self._latest_us, self._now_us)
        if chance() < self.trouble.crash:
            self._crash()
            return
        if chance() < self.trouble.clock_jump:
            self._now_us += self._random.randrange(-3_000_000, 3_000_000)
        machine = self._machine
        can = []
        if self._queue:
            can.append(self._commit)
        if any(outcome.end_us <= self._now_us for outcome in self._world.values()):
            can.append(self._deliver)
        if machine is None:
            if not self._queue and (self._early or chance() < 0.3):
                can.append(self._load)
        elif self._runnable:
            can.append(self._turn)
        elif machine.waiting is not None:
            if chance() < self.trouble.evict:
                self._evict(machine)
                return
            if machine.wake_us is not None and machine.wake_us <= self._now_us:
                can.append(self._wake)
        if can:
            self._random.choice(can)()
        elif self.final is None:
            self._pass_time()

    def _pass_time(self) -> None:
        times = [outcome.end_us for outcome in self._world.values()]
        if self._machine is not None and self._machine.wake_us is not None:
            times.append(self._machine.wake_us)
        if times:
            self._now_us = max(self._now_us, min(times))
        else:
            assert self._machine is None, "nothing will ever happen"

    def _turn(self) -> None:
        """Let the guest compute for a while."""
        machine = self._machine
        assert machine is not None
        self._runnable = False
        for _ in range(self._random.randint(1, 6)):
            self._now_us += self._random.randrange(50)
            turn = self._guest.turn(self._answer)
            if isinstance(turn, Finish):
                self.final = machine.finished(turn.output, self._now_us)
                self._carry_out(machine)
                assert not machine.in_flight
                return
            self._answer = answer(machine, turn, self._now_us)
            self._latest_us = max(self._latest_us, self._now_us)
            if self._answer is not None:
                assert machine.now_us <= self._latest_us, "a sleep was cut short"
            if self._answer is None:
                self._carry_out(machine)
                return
        self._runnable = True  # preempted
        if self._random.random() < 0.5:
            self._carry_out(machine)

    def _carry_out(self, machine: Machine) -> None:
        chunk, actions = machine.take_chunk(), machine.take_actions()
        assert not machine.dirty
        performs = []
        for action in actions:
            if isinstance(action, Perform):
                assert action.effect not in self._in_flight
                self._in_flight.add(action.effect)
                performs.append(action)
            else:
                assert isinstance(action, Cancel)
                self._in_flight.discard(action.effect)
                self._world.pop(action.effect, None)
        self._queue.append((chunk, performs))
        assert set(machine.in_flight) == self._in_flight

    def _commit(self) -> None:
        """The oldest chunk becomes durable; what waited for it happens."""
        chunk, performs = self._queue.popleft()
        if chunk is not None:
            self._durable.append(chunk)
        for action in performs:
            if action.effect not in self._in_flight:
                continue  # given up meanwhile
            if self._random.random() < self.trouble.crash:
                self._crash()
                return
            self._perform(action)

    def _perform(self, action: Perform) -> None:
        """The world sees an effect.

        The output-commit rule: who knows only what is durable now must come to this very request,
        having seen the very same answers.
        """
        effect, guest = action.effect, self._guest
        self.performed[effect] += 1
        raw = guest.performable.get(effect)
        if raw is not None:
            assert decode_request(raw) == action.request
            asked = _replay(requests.rebuild(self.entries), self.program, self.pure)
            until = [turn for turn, _ in asked].index(Ask(raw))
            assert asked[:until] == guest.asked[:until]
        if not requests.may_repeat(action.request):
            assert self.performed[effect] == 1, "an effect happened twice"
            assert any(
                isinstance(entry, Entered | Started) and entry.effect == effect
                for entry in self.entries
            )
        self._world[effect] = self._outcome(action)

    def _outcome(self, action: Perform) -> Outcome:
        """How an effect ends depends on nothing but its request; when it ends, on chance."""
        seen = hashlib.sha256(repr(action.request.id).encode()).digest()
        failed = seen[0] < 60
        payload = b'{"type":"ValueError","module":"builtins"}' if failed else b"%d" % seen[1]
        attempts = [Attempt(0, "OSError", "once more")] if seen[2] < 60 else []
        return Outcome(self._now_us + self._random.randrange(900_000), failed, payload, attempts)

    def _deliver(self) -> None:
        due = [effect for effect, out in self._world.items() if out.end_us <= self._now_us]
        effect = self._random.choice(due)
        outcome = self._world.pop(effect)
        self._in_flight.discard(effect)
        machine = self._machine
        if machine is None:
            self._early.append((effect, outcome))
            return
        response = self._arrive(machine, effect, outcome)
        if response is not None:
            self._answer, self._runnable = response, True
        if self._random.random() < 0.5:
            self._carry_out(machine)

    def _arrive(self, machine: Machine, effect: int, outcome: Outcome) -> bytes | None:
        return machine.arrived(
            effect, outcome.failed, outcome.payload, outcome.attempts, self._now_us
        )

    def _wake(self) -> None:
        assert self._machine is not None
        response = self._machine.woke(self._now_us)
        assert response is not None
        self._answer, self._runnable = response, True

    def _evict(self, machine: Machine) -> None:
        self.evictions += 1
        self._carry_out(machine)
        self._machine = None


def answer(machine: Machine, turn: Ask | LookAtClock | Poll, now_us: int) -> Any:
    """Let the machine answer; None while the guest has to wait."""
    match turn:
        case Ask(raw):
            return machine.request(raw, now_us)
        case LookAtClock():
            return machine.clock(now_us)
        case Poll(until_us):
            return b"" if machine.poll(until_us, now_us) else None


def _replay(machine: Machine, program: list[Op], pure: bool) -> list[tuple[Any, Any]]:
    """Run a fresh guest to the end of the journal; return what it asked, the answers beside.

    The clock shows a late time: what the guest sleeps through at the end is over.
    """
    now_us = requests.after(1e9)
    guest = Guest(program, pure=pure, began_us=machine.invoked.began_us)
    response: Any = None
    while True:
        turn = guest.turn(response)
        if isinstance(turn, Finish):
            return guest.asked
        replayed = machine.replayed
        response = answer(machine, turn, now_us)
        beyond = machine.live and machine.replayed == replayed and not is_load(turn)
        if response is None or beyond:
            return guest.asked
        assert machine.live or not machine.take_actions(), "a replay did something"
        assert machine.live or not machine.dirty, "a replay recorded something"


def replay_to_end(simulation: Simulation) -> tuple[Machine, Completed | Failed, Guest]:
    """Replay a finished execution's whole journal with a clock that shows any time."""
    machine = requests.rebuild(simulation.entries)
    guest = Guest(simulation.program, pure=simulation.pure, began_us=machine.invoked.began_us)
    response: Any = None
    while not isinstance(turn := guest.turn(response), Finish):
        response = answer(machine, turn, 0)
        assert response is not None
    return machine, machine.finished(turn.output, 0), guest


def arrivals(entries: list[Entry]) -> int:
    """Return how many outcomes came while the guest could not look."""
    return sum(isinstance(entry, Arrived) for entry in entries)
