"""Effects that a guest asked for and has not seen the outcome of."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Collection

import msgspec

from flawless.core.entries import Aside, Parked, Repeated, Resolved
from flawless.core.inbox import Inbox, Message
from flawless.core.protocol import ExecuteRequest, Performable
from flawless.errors import GuestTrapped


class Perform(msgspec.Struct, frozen=True):
    """Perform an effect, after the journal is durable."""

    effect: int
    request: Performable


class StartChild(msgspec.Struct, frozen=True):
    """Create a child execution in the same commit as the journal's entries."""

    effect: int
    request: ExecuteRequest


class Cancel(msgspec.Struct, frozen=True):
    """Nobody will look at this effect's outcome; stop it if it can be stopped."""

    effect: int


Action = Perform | StartChild | Cancel


class Begun(msgspec.Struct, frozen=True):
    """A started effect: the guest's request, its name for people, and a timer's deadline."""

    raw: bytes
    label: str
    until: int | None


class Ready(msgspec.Struct, frozen=True):
    """A started effect with an outcome that a journal entry holds."""

    effect: int
    failed: bool
    payload: bytes


class Outstanding:
    """The books on one execution's effects.

    `begun` holds the started effects whose outcome the guest has not observed, in order of start;
    `in_flight` the effects that are being performed, whether the guest waits for them or started
    them. An outcome that came before the guest could look is kept until it does; outcomes of
    started effects queue up in the order of their arrival.

    `entered` is the effect of the last `Entered` entry, `last_effect` the highest effect id the
    guest has used: ids rise, since an outcome and an idempotency key belong to one effect alone.

    `parked` are the effects that a person has to decide about (and whether the guest asked for
    that), `decided` those to be performed again because a person said so while the guest replayed,
    `repeated` those that were performed again after a retry of the execution. `inbox` holds the
    messages that nobody has received.
    """

    __slots__ = (
        "_actions",
        "_outcomes",
        "_ready",
        "_timers",
        "begun",
        "decided",
        "entered",
        "in_flight",
        "inbox",
        "last_effect",
        "parked",
        "repeated",
    )

    def __init__(self, in_flight: Collection[int]) -> None:
        self.begun: dict[int, Begun] = {}
        self.in_flight = set(in_flight)
        self.entered: int | None = None
        self.last_effect = 0
        self.parked: dict[int, bool] = {}
        self.decided: set[int] = set()
        self.repeated: set[int] = set()
        self.inbox = Inbox()
        self._outcomes: dict[int, tuple[bool, bytes]] = {}
        self._ready: deque[int | str] = deque()
        self._timers: list[tuple[int, int]] = []
        self._actions: dict[int, Action] = {}

    # --- what the guest asks for --------------------------------------------------------------

    def use(self, effect: int) -> None:
        """Check the id of a new effect."""
        if effect <= self.last_effect:
            raise GuestTrapped(
                f"the guest used the effect id {effect} after {self.last_effect}: ids must rise"
            )
        self.last_effect = effect

    def begin(self, effect: int, raw: bytes, label: str, until: int | None) -> None:
        """Note that the guest started an effect; a timer if `until` is given."""
        self.begun[effect] = Begun(raw, label, until)
        if until is not None:
            heapq.heappush(self._timers, (until, effect))

    def perform(self, effect: int, request: Performable) -> None:
        """Ask the engine to perform an effect."""
        self.in_flight.add(effect)
        self._actions[effect] = Perform(effect, request)

    def start_child(self, effect: int, request: ExecuteRequest) -> None:
        """Ask the engine to create a child."""
        self._actions[effect] = StartChild(effect, request)

    def listen(self, effect: int, names: list[str]) -> None:
        """Wait for a message for the sake of a started effect."""
        self._ready.extend(self.inbox.wait(effect, names))

    def deliver(self, message: Message) -> None:
        """Take in a message."""
        self._ready.append(self.inbox.add(message))

    def drop(self, effect: int) -> None:
        """Forget an effect; stop it if it is under way, or do not begin it at all."""
        self.begun.pop(effect, None)
        self._outcomes.pop(effect, None)
        self.parked.pop(effect, None)
        self.inbox.drop(effect)
        if effect in self.in_flight:
            self.in_flight.discard(effect)
            if self._actions.pop(effect, None) is None:
                self._actions[effect] = Cancel(effect)

    def drop_all(self) -> None:
        """Forget everything: the execution has ended."""
        for effect in list(self.in_flight):
            self.drop(effect)
        self.begun.clear()
        self._outcomes.clear()
        self._ready.clear()
        self._timers.clear()
        self.parked.clear()
        self.inbox = Inbox()

    def take_actions(self) -> list[Action]:
        """Return what the engine shall do, once."""
        if not self._actions:
            return []
        actions, self._actions = self._actions, {}
        return list(actions.values())

    # --- what the world answers ---------------------------------------------------------------

    def settle(self, effect: int) -> bool:
        """Note that an effect is over; False when nobody wants its outcome any more."""
        if effect not in self.in_flight:
            return False
        self.in_flight.discard(effect)
        return True

    def keep(self, entry: Aside) -> None:
        """Note what happened to an effect that the guest has not looked at."""
        effect = entry.effect
        if isinstance(entry, Parked):
            self.parked[effect] = entry.asked
            return
        if isinstance(entry, Repeated):
            self.repeated.add(effect)
            return
        if isinstance(entry, Resolved):
            self.parked.pop(effect, None)
            if entry.payload is None:
                if self.entered == effect:
                    self.entered = None
                return
        assert entry.payload is not None
        self._outcomes[effect] = (entry.failed, entry.payload)
        if effect in self.begun:
            self._ready.append(effect)

    def take_outcome(self, effect: int) -> tuple[bool, bytes] | None:
        """Return and forget the kept outcome of an effect, if there is one."""
        return self._outcomes.pop(effect, None)

    # --- what the guest observes --------------------------------------------------------------

    def observe(self, effect: int) -> None:
        """Note that the guest has seen how a started effect ended."""
        self.begun.pop(effect, None)

    def next_timer(self) -> int | None:
        """Return the deadline of the timer that fires first, if any is set."""
        while self._timers:
            until, effect = self._timers[0]
            if effect in self.begun:
                return until
            heapq.heappop(self._timers)
        return None

    def take_timer(self) -> int:
        """Return and forget the effect of `next_timer`."""
        _, effect = heapq.heappop(self._timers)
        del self.begun[effect]
        return effect

    def take_ready(self) -> Ready | tuple[int, Message] | None:
        """Return and forget what came first for a started effect: an outcome, or a message."""
        while self._ready:
            effect = self._ready.popleft()
            if isinstance(effect, str):
                received = self.inbox.match(effect)
                if received is not None:
                    if received[1].name != effect:
                        self._ready.appendleft(effect)  # it may lead to more
                    del self.begun[received[0]]
                    return received
            elif effect in self.begun:
                del self.begun[effect]
                return Ready(effect, *self._outcomes.pop(effect))
        return None

    def abandoned(self) -> list[tuple[int, Begun]]:
        """Return the started effects that nobody performs and that have no outcome.

        Timers are not among them. Receivers and children are: nobody performs those.
        """
        return [
            (effect, begun)
            for effect, begun in self.begun.items()
            if begun.until is None and effect not in self._outcomes and effect not in self.in_flight
        ]
