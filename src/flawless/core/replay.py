"""Answering a guest from what is recorded."""

from __future__ import annotations

from flawless.core import responses
from flawless.core.cursor import ReplayCursor
from flawless.core.divergence import Mismatch
from flawless.core.entries import (
    Called,
    CancelObserved,
    ClockRead,
    Dropped,
    Elapsed,
    Entered,
    Entry,
    Logged,
    Observed,
    Polled,
    Published,
    Responded,
    Started,
    is_aside,
)
from flawless.core.history import History
from flawless.core.outstanding import Outstanding
from flawless.core.protocol import ClockRequest, Request
from flawless.core.recorder import Recorder
from flawless.errors import Divergence


class Replay:
    """Holds requests against the recorded entries, in their order.

    `count` is the number of requests answered so far. Once a request has not fitted (`mismatch`),
    nothing more is answered.
    """

    __slots__ = ("_outstanding", "_recorder", "count", "cursor", "execution", "mismatch")

    def __init__(
        self,
        execution: str,
        past: History,
        recorder: Recorder,
        outstanding: Outstanding,
    ) -> None:
        self.execution = execution
        self.cursor = ReplayCursor(past.entries[1:], 1)
        self.count = 0
        self.mismatch: Mismatch | None = None
        self._recorder = recorder
        self._outstanding = outstanding

    def take(self, mark: int) -> Entry | None:
        """Step over the entry of the request with this fingerprint, if it comes next.

        Outcomes that arrived before it are noted, and so is that it was `Entered`.
        """
        cursor = self.cursor
        while (entry := cursor.next) is not None:
            if entry.fingerprint == mark:
                cursor.advance()
                if type(entry) is Entered:
                    self._outstanding.entered = entry.effect
                    continue
                self.count += 1
                self._recorder.at = entry.at
                return entry
            if not is_aside(entry):
                return None
            cursor.advance()
            self._outstanding.keep(entry)
        return None

    def answer(self, entry: Entry, raw: bytes) -> bytes:
        """Return the response that `entry` holds for the request `raw`. Common kinds come first."""
        recorder, outstanding = self._recorder, self._outstanding
        if isinstance(entry, Called):
            outstanding.last_effect = entry.effect
            failed, payload = self._outcome(entry)
            return responses.outcome(recorder.now_us, failed, payload)
        if isinstance(entry, Observed):
            failed, payload = self._outcome(entry)
            outstanding.observe(entry.effect)
            return responses.completion(recorder.now_us, entry.effect, failed, payload)
        if isinstance(entry, Started):
            outstanding.last_effect = entry.effect
            outstanding.begin(entry.effect, raw, entry.label, entry.until)
            return responses.EMPTY
        if isinstance(entry, Logged):
            return responses.EMPTY
        if isinstance(entry, Published | Responded):
            refused = entry.refused
            return responses.EMPTY if refused is None else responses.problem(refused)
        if isinstance(entry, CancelObserved):
            if entry.effect:
                outstanding.last_effect = entry.effect
                outstanding.drop(entry.effect)
            return responses.cancelled(recorder.now_us, entry.reason)
        if isinstance(entry, Elapsed):
            return responses.time_only(recorder.now_us)
        assert isinstance(entry, Dropped), f"{entry!r} answers no request"
        outstanding.drop(entry.effect)
        return responses.EMPTY

    def observation(self) -> Entry | None:
        """Return the next entry that tells what the guest saw; arrivals before it are noted."""
        if self.mismatch is not None:
            raise self.mismatch.error(self.execution)
        cursor = self.cursor
        while (entry := cursor.next) is not None and is_aside(entry):
            cursor.advance()
            self._outstanding.keep(entry)
        return entry

    def step_over(self, entry: Entry) -> None:
        """Take `observation`'s entry, which answers no request of the protocol."""
        assert entry is self.cursor.next
        self.cursor.advance()
        self.count += 1
        self._recorder.at = entry.at

    def clock(self) -> bool:
        """Answer a look at the clock; False when nothing recorded is left."""
        entry = self.observation()
        if entry is None:
            return False
        if type(entry) is not ClockRead:
            raise self.diverged(entry, "a look at the clock")
        self.step_over(entry)
        return True

    def poll(self, until: int) -> bool:
        """Answer a WASI poll; False when nothing recorded is left."""
        entry = self.observation()
        if entry is None:
            return False
        if type(entry) is not Polled or entry.until != until:
            raise self.diverged(entry, f"a sleep until {until / 1e6:.6f} s after the beginning")
        self.step_over(entry)
        return True

    def other_request(self, request: Request, entry: Entry) -> bytes:
        """Answer a request whose fingerprint is not that of the next entry."""
        if isinstance(request, ClockRequest) and type(entry) is ClockRead:
            self.step_over(entry)
            return responses.time_only(self._recorder.now_us)
        self.mismatch = Mismatch.asked(self.cursor.position, entry, request)
        return responses.WHERE

    def diverged(self, entry: Entry, requested: str) -> Divergence:
        """Return the error for a guest that cannot be asked where it stands."""
        self.mismatch = Mismatch.of(self.cursor.position, entry, requested)
        return self.mismatch.error(self.execution)

    def slept_through(self) -> bool:
        """Whether the journal tells that the guest woke from the sleep just replayed."""
        return not self.cursor.only_asides_left()

    def cancelled(self, mark: int) -> bytes | None:
        """Answer a sleep that ended because the execution was cancelled; None if it did not."""
        if self.cursor.only_asides_left():
            return None
        entry = self.observation()
        if not isinstance(entry, CancelObserved) or entry.fingerprint != mark:
            return None
        self.step_over(entry)
        self.count -= 1  # it is the same request
        return self.answer(entry, b"")

    def _outcome(self, entry: Called | Observed) -> tuple[bool, bytes]:
        if entry.payload is not None:
            return entry.failed, entry.payload
        kept = self._outstanding.take_outcome(entry.effect)
        assert kept is not None, f"{entry!r} has no outcome"
        return kept
