"""A simulated engine: one execution, a fake world, crashes and evictions at random moments.

It does what the real engine does with a `Machine`: commits chunks one after the other, some time
after they were taken; performs effects when the chunk they came with is durable; delivers outcomes
whenever they come; evicts waiting guests and replays them later. A crash loses everything but the
durable chunks. All randomness comes from one seed.

Around it is a world that no crash touches: an inbox, into which others put messages and from which
rows leave in the commit of the chunk that says so; children, which end some time after they were
created; and a person, who decides about parked effects and may cancel the execution.

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

from flawless.core.encoding import decode_entries, encode_entry
from flawless.core.entries import Arrived, Attempt, End, Entered, Entry, Retried, Started
from flawless.core.history import resume_point
from flawless.core.inbox import Message
from flawless.core.machine import Cancel, Machine, NewEntries, Perform, StartChild
from flawless.core.protocol import decode_request

from . import requests
from .program import NAMES, Ask, Finish, Guest, LookAtClock, Op, Poll, is_load

_TICKS_MAX = 5_000
_MESSAGES_BY_CHANCE = 6
_CRASHES_MAX = 50


@dataclass(frozen=True, slots=True)
class Trouble:
    """How often things go wrong, as probabilities per tick."""

    crash: float = 0.0
    evict: float = 0.0
    clock_jump: float = 0.0
    cancel: float = 0.0


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
        self.final: End | None = None
        self.stopped = False
        """Whether the guest was stopped, and did not come to an end of its own."""
        self.sent: dict[int, str] = {}
        """The names of all messages for the workflow, by number."""
        self.inbox: dict[int, Message] = {}
        self.state: bytes | None = None
        self.response: bytes | None = None
        self.retries: Counter[int] = Counter()
        """How often a person wanted an effect to be performed again."""
        self.performable: dict[int, bytes] = {}
        """The bytes of each request for an effect, by effect, of all guests."""
        self._put_count = 0
        self._children: dict[int, int] = {}
        self._created: set[int] = set()
        self._random = random.Random(seed)
        self._now_us = self._latest_us = requests.BEGAN_US
        self._durable: list[NewEntries] = []
        soon = self.trouble.cancel > 0 and self._random.random() < 0.3
        self._deadline = self._random.randrange(5_000_000) if soon else None
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

    def go_on(self, effect: int) -> None:
        """Somebody retries the failed execution from this effect on."""
        entries = self.entries
        point = resume_point(entries, effect)
        entry = Retried(entries[-1].at, point.effect, point.resume)
        self._durable.append(NewEntries(len(entries), 1, encode_entry(len(entries), entry)))
        self.retries.update(self.performed.keys())
        self.final = None
        self._boot()

    # --- the process --------------------------------------------------------------------------

    def _boot(self) -> None:
        """A process starts, with nothing but what is durable."""
        self._queue: deque[tuple[NewEntries | None, list[Perform], list[int]]] = deque()
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
            self._machine = requests.create(self._now_us, deadline=self._deadline)
        began_us = self._machine.invoked.began_us
        self._guest = Guest(self.program, pure=self.pure, began_us=began_us)
        self._answer: Any = None
        self._runnable = True
        early, self._early = self._early, []
        for effect, outcome in early:
            assert self._arrive(self._machine, effect, outcome) is None

    def _bad_luck(self) -> bool:
        """Whether the process dies now."""
        return self._random.random() < self.trouble.crash and self.crashes < _CRASHES_MAX

    def _crash(self) -> None:
        self.crashes += 1
        self.final, self.stopped = None, False
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
        if recorded and b'"op":"sleep"' in getattr(recorded[-1][0], "raw", b""):
            del recorded[-1]  # how it ended may not be durable: it may have been cancelled
        for (turn, seen), (old_turn, old_seen) in zip(recorded, before, strict=False):
            assert turn == old_turn
            assert old_seen is None or seen is None or seen == old_seen

    # --- one thing happens --------------------------------------------------------------------

    def _tick(self) -> None:
        chance = self._random.random
        self._now_us += self._random.randrange(2_000)
        self._latest_us = max(self._latest_us, self._now_us)
        if self._bad_luck():
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
        if any(end_us <= self._now_us for end_us in self._children.values()):
            can.append(self._end_child)
        if chance() < 0.02 and len(self.sent) < _MESSAGES_BY_CHANCE:
            self._write()
        if chance() < self.trouble.cancel:
            self._ask_to_end()
        if machine is not None and self._undelivered(machine) is not None:
            can.append(self._read_mail)
        if machine is not None and machine.parked and chance() < 0.2:
            can.append(self._decide)
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
        times += self._children.values()
        if self._machine is not None and self._machine.wake_us is not None:
            times.append(self._machine.wake_us)
        if times:
            self._now_us = max(self._now_us, min(times))
        elif self._machine is not None and self._machine.parked:
            self._decide()
        elif self._machine is not None:
            assert self._machine.listening, "nothing will ever happen"
            self._write()

    def _turn(self) -> None:
        """Let the guest compute for a while."""
        machine = self._machine
        assert machine is not None
        self._runnable = False
        assert machine.end is None
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
        self.performable.update(self._guest.performable)
        chunk, actions = machine.take_chunk(), machine.take_actions()
        assert not machine.dirty
        performs, children = [], []
        for action in actions:
            if isinstance(action, Perform):
                assert action.effect not in self._in_flight
                self._in_flight.add(action.effect)
                performs.append(action)
            elif isinstance(action, StartChild):
                assert chunk is not None, "a child without the entry that tells of it"
                children.append(action.effect)
            else:
                assert isinstance(action, Cancel)
                self._in_flight.discard(action.effect)
                self._world.pop(action.effect, None)
        self._queue.append((chunk, performs, children))
        assert set(machine.in_flight) == self._in_flight

    def _commit(self) -> None:
        """The oldest chunk becomes durable; what waited for it happens."""
        chunk, performs, children = self._queue.popleft()
        if chunk is not None:
            self._durable.append(chunk)
            for number in chunk.received:
                del self.inbox[number]  # there, and never a second time
            self.state = chunk.state or self.state
            self.response = self.response or chunk.response
        for effect in children:
            assert effect not in self._created, "a child was created twice"
            self._created.add(effect)
            self._children[effect] = self._now_us + self._random.randrange(900_000)
        for action in performs:
            if action.effect not in self._in_flight:
                continue  # given up meanwhile
            if self._bad_luck():
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
            assert self.performed[effect] <= 1 + self.retries[effect], "an effect happened twice"
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
        machine = self._machine
        response = machine.woke(self._now_us)
        if response is not None:
            self._answer, self._runnable = response, True
        elif machine.end is None:
            assert machine.wake_us is None or machine.wake_us > self._now_us, "woken for nothing"
        self._see_end(machine)

    # --- the world around it ------------------------------------------------------------------

    def _put(self, name: str, payload: dict[str, Any] | int) -> None:
        """Put something into the inbox; it stays there until it is received."""
        self._put_count += 1
        self.inbox[self._put_count] = requests.message(self._put_count, name, payload)

    def _write(self) -> None:
        """Somebody sends a message for the workflow."""
        name = self._random.choice(NAMES)
        self._put(name, self._put_count + 1)
        self.sent[self._put_count] = name

    def _end_child(self) -> None:
        due = [effect for effect, end_us in self._children.items() if end_us <= self._now_us]
        effect = self._random.choice(due)
        del self._children[effect]
        self._put(f":child:1:{effect}", {"error": {"type": "E"}} if effect % 3 else {"ok": effect})

    def _decide(self) -> None:
        """A person decides about a parked effect; some decide twice, or about another one."""
        assert self._machine is not None
        effect = self._random.choice([*self._machine.parked, self._random.randint(1, 9)])
        decisions: list[dict[str, Any]] = [
            {"retry": True},
            {"value": 1},
            {"failed": True, "value": {"type": "E"}},
        ]
        fields = self._random.choice(decisions)
        for _ in range(self._random.randint(1, 2)):
            self.retries[effect] += "retry" in fields
            self._put(":resolve", {"effect": effect, **fields})

    def _ask_to_end(self) -> None:
        """Somebody cancels the execution, or more than that."""
        kind = self._random.choice([":cancel"] * 5 + [":terminate"])
        fields: dict[str, Any] = {"by": self._random.choice(["ann", ":parent", ":parent"])}
        if kind == ":cancel" and self._random.random() < 0.5:
            fields["grace_s"] = self._random.random()
        self._put(kind, fields)

    def _undelivered(self, machine: Machine) -> Message | None:
        """The next message that the machine does not know of."""
        if machine.end is not None or (self.inbox and max(self.inbox) <= machine.messages_seen):
            return None
        left = (one for number, one in self.inbox.items() if number > machine.messages_seen)
        return next(left, None)

    def _read_mail(self) -> None:
        machine = self._machine
        assert machine is not None
        for _ in range(self._random.randint(1, 6)):
            message = self._undelivered(machine)
            if message is None:
                break
            response = machine.deliver(message, self._now_us)
            if response is not None:
                assert not self._runnable
                self._answer, self._runnable = response, True
        self._see_end(machine)
        if machine.end is None and (not self._runnable or self._random.random() < 0.5):
            self._carry_out(machine)

    def _see_end(self, machine: Machine) -> None:
        """Stop a guest whose execution has been ended from outside."""
        if machine.end is not None:
            self.final, self.stopped, self._runnable = machine.end, True, False
            self._carry_out(machine)
            assert not machine.in_flight

    # --- evictions ----------------------------------------------------------------------------

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


def replay_to_end(simulation: Simulation) -> tuple[Machine, End, Guest]:
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
