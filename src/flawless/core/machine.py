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

from collections.abc import Callable, Collection, Sequence

from flawless.core import responses
from flawless.core.encoding import encode_entry
from flawless.core.entries import (
    FORMAT,
    Arrived,
    Attempt,
    ClockRead,
    Completed,
    Entry,
    Failed,
    Invoked,
    Polled,
    Slept,
)
from flawless.core.frontier import Frontier
from flawless.core.limits import Limits
from flawless.core.output import read_output
from flawless.core.outstanding import Action, Cancel, Outstanding, Perform
from flawless.core.protocol import (
    EffectRequest,
    LoadRequest,
    SourceRequest,
    WhereRequest,
    decode_request,
    fingerprint,
)
from flawless.core.recorder import NewEntries, Recorder
from flawless.core.replay import Replay
from flawless.core.waiting import ForPoll, ForSleep, Waiting
from flawless.errors import GuestTrapped

__all__ = ["Action", "Cancel", "Machine", "ModuleAnswer", "NewEntries", "Perform"]

ModuleAnswer = Callable[[LoadRequest | SourceRequest], bytes]


class Machine:
    """One execution between its guest and its journal. See the module's text.

    `entries` is the recorded journal, entry 0 first, and `bytes_recorded` its size in the store
    (for the limit `journal_bytes_max`). `may_repeat` tells whether an effect may be performed a
    second time when nobody knows if the first happened. `modules` answers the guest's questions
    for code. `in_flight` are effects that this process is performing already (the guest was
    evicted meanwhile).

    Methods raise `Divergence` when the guest leaves its recorded path, and `GuestTrapped` when it
    breaks the protocol or a limit of its journal; the engine then stops the guest for good.
    """

    __slots__ = (
        "_ended",
        "_frontier",
        "_limits",
        "_live",
        "_modules",
        "_outstanding",
        "_recorder",
        "_replay",
        "execution",
        "invoked",
    )

    def __init__(
        self,
        execution: str,
        entries: Sequence[Entry],
        *,
        limits: Limits,
        may_repeat: Callable[[EffectRequest], bool],
        modules: ModuleAnswer,
        in_flight: Collection[int] = (),
        bytes_recorded: int = 0,
    ) -> None:
        first = entries[0]
        assert isinstance(first, Invoked)
        self.execution = execution
        self.invoked = first
        self._limits = limits
        self._modules = modules
        self._recorder = Recorder(
            limits,
            first.began_us,
            length=len(entries),
            bytes_recorded=bytes_recorded,
            latest=entries[-1].at,
        )
        self._outstanding = Outstanding(in_flight)
        self._replay = Replay(execution, entries, self._recorder, self._outstanding)
        self._frontier = Frontier(
            self._recorder, self._outstanding, limits=limits, may_repeat=may_repeat
        )
        self._live = False
        self._ended = False

    @classmethod
    def create(
        cls,
        execution: str,
        *,
        workflow: str,
        deployment: str,
        input: bytes,  # noqa: A002 (the word of the vocabulary)
        seed: bytes,
        now_us: int,
        limits: Limits,
        may_repeat: Callable[[EffectRequest], bool],
        modules: ModuleAnswer,
    ) -> Machine:
        """Return the machine of a new execution; its entry 0 waits to be made durable."""
        first = Invoked(FORMAT, workflow, deployment, now_us, seed, input)
        machine = cls(execution, [first], limits=limits, may_repeat=may_repeat, modules=modules)
        machine._recorder.begin(encode_entry(0, first))
        return machine

    # --- what the engine asks -----------------------------------------------------------------

    @property
    def waiting(self) -> Waiting | None:
        """What the guest waits for; None while it computes and when it has ended."""
        return self._frontier.waiting

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
        wake = self._frontier.wake
        return None if wake is None else self.invoked.began_us + wake

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

    # --- what the guest does ------------------------------------------------------------------

    def request(self, raw: bytes, now_us: int) -> bytes | None:
        """Answer the guest's request, or return None: the guest waits."""
        replay = self._replay
        if replay.mismatch is not None:
            raise replay.mismatch.error(self.execution, raw)
        mark = fingerprint(raw)
        entry = replay.take(mark)
        if entry is not None:
            if type(entry) is Slept:
                self._outstanding.last_effect = entry.effect
                return self._sleep(ForSleep(entry.until), now_us)
            return replay.answer(entry, raw)
        request = decode_request(raw)
        if isinstance(request, LoadRequest | SourceRequest):
            return self._modules(request)
        if isinstance(request, WhereRequest):
            raise GuestTrapped("the guest told where it stands without being asked")
        if replay.cursor.next is not None:
            return replay.other_request(request, replay.cursor.next)
        self._go_live(now_us)
        return self._frontier.answer(request, raw, mark, now_us)

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

    def finished(self, output: bytes, now_us: int) -> Completed | Failed:
        """Record the guest's end and return the final entry.

        Effects still under way are cancelled: nobody is left to look at their outcome.
        """
        entry = self._replay.observation()
        end = read_output(output, self._recorder.present(now_us), self._limits.value_bytes_max)
        if entry is None:
            self._go_live(now_us)
            self._end(end)
            return end
        if isinstance(entry, Failed) or (
            isinstance(entry, Completed)
            and isinstance(end, Completed)
            and end.payload == entry.payload
        ):
            self._replay.step_over(entry)
            self._close()
            return entry
        requested = "to end otherwise" if isinstance(entry, Completed) else "to end"
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
            return self._frontier.arrived(effect, failed, payload, attempts, now_us)
        entry = Arrived(self._recorder.present(now_us), effect, failed, payload, attempts)
        self._recorder.append(entry)
        self._replay.cursor.extend(entry)
        return None

    def woke(self, now_us: int) -> bytes | None:
        """Tell the guest that a time it waits for has come; None if it has not."""
        return self._frontier.woke(now_us)

    # --- small things -------------------------------------------------------------------------

    def _sleep(self, waiting: ForSleep | ForPoll, now_us: int) -> bytes | None:
        """Sleep; the journal says whether that is over, or, at its end, the clock does."""
        if self._replay.slept_through():
            return self._frontier.woken(waiting)
        self._replay.observation()
        self._go_live(now_us)
        return self._frontier.wait_until(waiting, now_us)

    def _go_live(self, now_us: int) -> None:
        if not self._live:
            self._live = True
            self._frontier.reach(now_us)

    def _end(self, end: Completed | Failed) -> None:
        assert not self._ended, "an execution ends once"
        self._recorder.at = end.at
        self._recorder.end(end)
        self._close()

    def _close(self) -> None:
        self._ended = True
        self._frontier.waiting = None
        self._outstanding.drop_all()
