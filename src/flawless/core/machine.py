"""The state machine of one execution: what its guest asked, what that means, what is recorded.

A `Machine` owns one journal. The engine feeds it events: the guest asks (`request`, `clock`,
`poll`), an outcome comes (`arrived`), a time is reached (`woke`), the guest ends (`finished`). It
answers with the response to hand to the guest, or None while the guest must wait, and collects two
things for the engine to carry out: `take_actions`, the effects to perform now, and `take_chunk`,
the entries to make durable *before* those effects (the output-commit rule).

Replay and first run are one code path. A request is first held against the journal: if an entry is
left, it answers; if none is left, the execution is live and its `Frontier` answers. On replay a
request is not even parsed: its bytes are hashed, compared, and answered with the recorded bytes.

What may be open when a process dies, and what becomes of it when the journal is used up:

- an effect that may be repeated, without an outcome: it is performed again;
- one that may not: it has an `Entered` or `Started` entry, so the guest gets `Interrupted`;
- an outcome the guest had not looked at: an `Arrived` entry keeps it, in the order of arrival;
- a sleep or timer: its entry has the deadline.

Nothing the guest sees may depend on when an outcome arrived, only on when the guest looked: that
`Arrived` entries stand between others tells the order of arrival, but not whether a guest that
computed or slept meanwhile was before or behind a line of its program.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from flawless.core import responses
from flawless.core.cancellation import DEADLINE_GRACE_S, DEADLINE_REASON, Cancellation
from flawless.core.entries import (
    Arrived,
    Attempt,
    Cancelled,
    ClockRead,
    Completed,
    Continued,
    End,
    Entry,
    Failed,
    Invoked,
    Polled,
    Resolved,
    Responded,
    Slept,
)
from flawless.core.frontier import Frontier, Refuses
from flawless.core.history import end_of, history
from flawless.core.inbox import Message
from flawless.core.interruption import WhenInterrupted
from flawless.core.limits import Limits
from flawless.core.names import translator
from flawless.core.output import read_output
from flawless.core.outstanding import Action, Begun, Cancel, Outstanding, Perform, StartChild
from flawless.core.protocol import (
    EffectRequest,
    ExecuteRequest,
    Question,
    WhereRequest,
    decode_request,
    fingerprint,
    is_question,
)
from flawless.core.recorder import NewEntries, Recorder
from flawless.core.replay import Replay
from flawless.core.signals import (
    CancelSignal,
    ChildEnded,
    ResolveSignal,
    TerminateSignal,
    read_signal,
)
from flawless.core.waiting import ForPoll, ForSleep, Waiting
from flawless.errors import GuestTrapped

__all__ = [
    "Action",
    "Answers",
    "Cancel",
    "Machine",
    "Message",
    "NewEntries",
    "Perform",
    "StartChild",
]

Answers = Callable[[Question], bytes]

_NO_EFFECTS: frozenset[int] = frozenset()
_NO_NEXT_RUN = "it was cancelled, so the next run was not begun"


class Machine:
    """One execution between its guest and its journal. See the module's text.

    `entries` is the recorded journal, entry 0 first, and `bytes_recorded` its size in the store
    (for the limit `journal_bytes_max`). `when_interrupted` tells what to do about an effect when
    nobody knows if it happened. `answers` answers the guest's questions for code and secrets.
    `in_flight` are effects that this process is performing already (the guest was evicted
    meanwhile). `depth` is the number of the execution's ancestors, `refuses` may refuse children.
    `delayed` says that it was to begin later and has not begun: see `begin`.

    When `end` is set, the execution is over, and the engine stops its guest.

    Methods raise `Divergence` when the guest leaves its recorded path, and `GuestTrapped` when it
    breaks the protocol or a limit of its journal; the engine then stops the guest for good.
    """

    __slots__ = (
        "_answers",
        "_cancellation",
        "_children",
        "_delayed",
        "_early",
        "_frontier",
        "_limits",
        "_live",
        "_outstanding",
        "_parked",
        "_recorder",
        "_replay",
        "_translate",
        "_undone",
        "_waits",
        "end",
        "execution",
        "invoked",
        "messages_seen",
    )

    def __init__(
        self,
        execution: str,
        entries: Sequence[Entry],
        *,
        limits: Limits,
        when_interrupted: Callable[[EffectRequest], WhenInterrupted],
        answers: Answers,
        in_flight: Collection[int] = (),
        bytes_recorded: int = 0,
        depth: int = 0,
        refuses: Refuses | None = None,
        delayed: bool = False,
    ) -> None:
        first = entries[0]
        assert isinstance(first, Invoked)
        self.execution, self.invoked = execution, first
        self.end: End | None = None
        self.messages_seen = 0
        """The number of the last message taken from the inbox."""
        self._limits, self._answers = limits, answers
        self._recorder = Recorder(
            limits,
            first.began_us,
            length=len(entries),
            bytes_recorded=bytes_recorded,
            latest=entries[-1].at,
        )
        past = history(entries)
        # After a retry, and in a fork, it has its time again.
        deadline = None if first.deadline is None else first.deadline + past.resumed
        self._cancellation = Cancellation(deadline, past.cancelled)
        self._outstanding = Outstanding(in_flight)
        self._replay = Replay(execution, past, self._recorder, self._outstanding)
        self._translate = translator(execution, first)
        self._frontier = Frontier(
            self._recorder,
            self._outstanding,
            self._cancellation,
            limits=limits,
            when_interrupted=when_interrupted,
            responded=any(type(e) is Responded and e.refused is None for e in past.entries),
            retried=_NO_EFFECTS if past.retried is None else past.retried.effects,
            shared=past.shared,
            depth=depth,
            refuses=refuses,
            translate=self._translate,
        )
        self._waits = self._frontier.waits
        self._parked, self._undone = past.parked, past.undone
        self._children: list[tuple[int, ChildEnded]] = []
        self._early: dict[int, tuple[int, ChildEnded]] = {}
        self._delayed, self._live = delayed, False

    # --- what the engine asks -----------------------------------------------------------------

    @property
    def waiting(self) -> Waiting | None:
        """What the guest waits for; None while it computes and when it has ended."""
        return self._waits.waiting

    @property
    def length(self) -> int:
        """Entries of the journal, those not yet durable included."""
        return self._recorder.length

    @property
    def live(self) -> bool:
        """Whether the guest has used up the recorded entries."""
        return self._live

    @property
    def replayed(self) -> int:
        """Requests answered from the journal so far."""
        return self._replay.count

    @property
    def position(self) -> int:
        """Recorded entries that the guest has passed."""
        return self._replay.cursor.position

    @property
    def in_flight(self) -> Collection[int]:
        """Effects that are being performed."""
        return self._outstanding.in_flight

    @property
    def now_us(self) -> int:
        """The time the guest saw last, in microseconds since the epoch."""
        return self._recorder.now_us

    @property
    def wake_us(self) -> int | None:
        """When `woke` will have something to tell the guest, or None if only an outcome will."""
        wake = self._waits.wake
        return None if wake is None else self.invoked.began_us + wake

    @property
    def listening(self) -> bool:
        """Whether the guest waits for messages."""
        return self._outstanding.inbox.listening

    @property
    def expecting(self) -> bool:
        """Whether an effect was begun that may end at any time."""
        return any(begun.until is None for begun in self._outstanding.begun.values())

    @property
    def begun(self) -> Mapping[int, Begun]:
        """Effects that were started and whose end the guest has not seen, in order of start."""
        return self._outstanding.begun

    @property
    def parked(self) -> Collection[int]:
        """Effects that a person has to decide about."""
        return self._outstanding.parked.keys()

    @property
    def dirty(self) -> bool:
        """Whether entries wait to be made durable."""
        return self._recorder.dirty

    def take_actions(self) -> list[Action]:
        """Return the effects to perform, once.

        Take them in the same moment as `take_chunk`, and carry them out when that chunk (and every
        one before it) is durable: actions taken later may belong to later entries.
        """
        return self._outstanding.take_actions()

    def take_chunk(self) -> NewEntries | None:
        """Return the entries to append to the store, once."""
        return self._recorder.take()

    def begin(self, now_us: int) -> bool:
        """Whether the guest may be started; False before the time of a delayed execution.

        Who asks a delayed execution to end before this ends it, without its guest.
        """
        if self._delayed and now_us >= self.invoked.began_us:
            self._delayed = False
        return not self._delayed

    # --- what the guest does ------------------------------------------------------------------

    def request(self, raw: bytes, now_us: int) -> bytes | None:
        """Answer the guest's request, or return None: the guest waits."""
        replay = self._replay
        if replay.mismatch is not None:
            raise replay.mismatch.error(self.execution, raw)
        mark = fingerprint(raw)
        entry = None if replay.cursor.next is None else replay.take(mark)
        if entry is not None:
            if type(entry) is Slept:
                self._outstanding.last_effect = entry.effect
                if (told := replay.cancelled(mark)) is not None:
                    return told
                return self._sleep(ForSleep(entry.until, entry.effect, mark), now_us)
            return replay.answer(entry, raw)
        request = decode_request(raw)
        if is_question(request):
            return self._answers(request)
        if type(request) is WhereRequest:
            raise GuestTrapped("the guest told where it stands without being asked")
        if replay.cursor.next is not None:
            return replay.other_request(request, replay.cursor.next)
        self._go_live(now_us)
        response = self._frontier.answer(self._translate(request), raw, mark, now_us)
        if self._early and isinstance(request, ExecuteRequest):
            known = self._early.pop(request.id, None)
            if known is not None and self._undone.get(request.id) == mark:
                self._child_ended(*known, now_us)
            elif known is not None:  # of another child, on a path that the guest has left
                self._recorder.received(known[0])
        return response

    def clock(self, now_us: int) -> int:
        """Answer a look at the clock, in microseconds since the epoch; never goes backwards."""
        if not self._replay.clock():
            self._go_live(now_us)
            self._recorder.append(ClockRead(self._recorder.advance(now_us)))
        return self._recorder.now_us

    def poll(self, until_us: int, now_us: int) -> bool:
        """Block in a WASI poll; True when the time is reached already, else the guest waits."""
        until = max(0, until_us - self.invoked.began_us)
        if not self._replay.poll(until):
            self._go_live(now_us)
            self._recorder.append(Polled(self._recorder.advance(now_us), until))
        return self._sleep(ForPoll(until), now_us) is not None

    def finished(self, output: bytes, now_us: int) -> End:
        """Record the guest's end and return the final entry.

        Effects still under way are cancelled: nobody is left to look at their outcome.
        """
        entry = self._replay.observation()
        end = read_output(output, self._recorder.present(now_us), self._limits.value_bytes_max)
        if isinstance(end, Cancelled) and not self._cancellation.told:
            raise GuestTrapped("the guest says that it was cancelled, and nobody told it so")
        if isinstance(end, Continued) and self._cancellation.told:
            end = Cancelled(end.at, responses.cancelled_error(_NO_NEXT_RUN))
        if entry is None:
            self._go_live(now_us)
            self._end(end)
            return end
        if isinstance(entry, Failed | Cancelled) or (
            isinstance(entry, Completed | Continued)
            and type(end) is type(entry)
            and end.payload == entry.payload
        ):
            self._replay.step_over(entry)
            self._close(entry)
            return entry
        requested = "to end otherwise" if end_of([entry]) is not None else "to end"
        raise self._replay.diverged(entry, requested)

    def failed(self, error: bytes, now_us: int) -> Failed:
        """Record that the execution was stopped from outside the guest: a trap, a limit."""
        end = Failed(self._recorder.present(now_us), error)
        self._end(end)
        return end

    # --- what the world does ------------------------------------------------------------------

    def arrived(
        self, effect: int, failed: bool, payload: bytes, attempts: list[Attempt], now_us: int
    ) -> bytes | None:
        """Take an effect's outcome; return the response if the guest waits for just this."""
        if not self._outstanding.settle(effect):
            return None  # given up meanwhile
        size = len(payload)
        if size > self._limits.value_bytes_max:
            what = "the outcome of an effect"
            failed, payload = True, responses.too_large(what, size, self._limits.value_bytes_max)
        if self._live:
            return self._waits.arrived(effect, failed, payload, attempts, now_us)
        entry = Arrived(self._recorder.present(now_us), effect, failed, payload, attempts)
        self._record_behind(entry)
        return None

    def woke(self, now_us: int) -> bytes | None:
        """Tell the guest that a time it waits for has come; None if it has not."""
        if self.end is not None:
            return None
        present = self._recorder.present(now_us)
        if self._cancellation.expired(present):
            self._stop("the time for cleaning up is over", now_us)
            return None
        if self._cancellation.overdue(present):
            self._cancellation.ask(CancelSignal(DEADLINE_REASON, "deadline", DEADLINE_GRACE_S))
            if (told := self._waits.tell_cancel(now_us)) is not None:
                return told
        return self._waits.woke(now_us)

    def deliver(self, message: Message, now_us: int) -> bytes | None:
        """Take a message from the inbox; return the response if the guest waits for just this.

        Messages come in the order of their numbers; one that was delivered before is ignored. It
        leaves the inbox (`NewEntries.received`) when the guest has seen it, or when what it means
        is recorded.
        """
        if self.end is not None or message.number <= self.messages_seen:
            return None
        self.messages_seen = message.number
        signal = read_signal(message.name, message.payload)
        match signal:
            case None:
                self._outstanding.deliver(message)
                return self._waits.look(now_us) if self._live else None
            case ChildEnded():
                if not self._live:
                    self._children.append((message.number, signal))
                    return None
                return self._child_ended(message.number, signal, now_us)
            case CancelSignal():
                return self._cancel(message.number, signal, now_us)
            case TerminateSignal():
                self._recorder.received(message.number)
                self._stop(signal.reason or "it was terminated", now_us, signal.by)
                return None
            case ResolveSignal():
                self._recorder.received(message.number)
                return self._resolve(signal, now_us)

    def _child_ended(self, number: int, signal: ChildEnded, now_us: int) -> bytes | None:
        early = signal.run == self.invoked.run and signal.effect > self._outstanding.last_effect
        if early and signal.effect not in self._early:
            self._early[signal.effect] = (number, signal)  # a retry has taken back its start
            return None
        self._recorder.received(number)
        wanted = signal.run == self.invoked.run and signal.effect in self._outstanding.begun
        if not wanted:
            return None  # the parent gave the child up, or is another run by now
        return self._waits.arrived(signal.effect, signal.failed, signal.payload, [], now_us)

    def _cancel(self, number: int, signal: CancelSignal, now_us: int) -> bytes | None:
        if self._delayed:
            self._recorder.received(number)
            self._stop(signal.reason or "it was cancelled before it began", now_us, signal.by)
            return None
        if not self._cancellation.begun:
            self._cancellation.ask(signal, number)
            return self._waits.tell_cancel(now_us) if self._live else None
        self._recorder.received(number)
        if self._cancellation.insist(signal):
            self._stop(signal.reason or "it was cancelled twice", now_us, signal.by)
        return None

    def _resolve(self, signal: ResolveSignal, now_us: int) -> bytes | None:
        parked = self._outstanding.parked if self._live else self._parked
        asked = parked.get(signal.effect)
        if asked is None:
            return None  # somebody else decided first
        value = bytes(signal.value)
        if asked and not signal.failed:
            value = b'{"retry":true}' if signal.retry else b'{"ok":%b}' % value
        payload = None if signal.retry and not asked else value
        at = self._recorder.present(now_us)
        entry = Resolved(at, signal.effect, signal.failed, payload, signal.by)
        if not self._live:
            del self._parked[signal.effect]
            if payload is None:
                self._outstanding.decided.add(signal.effect)
            self._record_behind(entry)
            return None
        self._recorder.append(entry)
        self._outstanding.keep(entry)
        return self._waits.resolve(signal, entry, now_us)

    # --- small things -------------------------------------------------------------------------

    def _sleep(self, waiting: ForSleep | ForPoll, now_us: int) -> bytes | None:
        """Sleep; the journal says whether that is over, or, at its end, the clock does."""
        if self._replay.slept_through():
            return self._waits.woken(waiting)
        self._replay.observation()
        self._go_live(now_us)
        return self._waits.wait_until(waiting, now_us)

    def _record_behind(self, entry: Arrived | Resolved) -> None:
        """Record what came while the guest replays: it meets it in the order of the journal."""
        self._recorder.append(entry)
        self._replay.cursor.extend(entry)

    def _go_live(self, now_us: int) -> None:
        if self._live:
            return
        self._live = True
        self._frontier.reach(now_us)
        children, self._children = self._children, []
        for number, signal in children:
            self._child_ended(number, signal, now_us)

    def _stop(self, reason: str, now_us: int, by: str = "") -> None:
        """End for good, whatever the guest is doing."""
        error = responses.cancelled_error(reason)
        self._end(Cancelled(self._recorder.present(now_us), error, by))

    def _end(self, end: End) -> None:
        assert self.end is None, "an execution ends once"
        self._recorder.at = end.at
        self._recorder.end(end)
        self._close(end)

    def _close(self, end: End) -> None:
        self.end = end
        self._waits.waiting = None
        self._outstanding.drop_all()
