"""Whether an execution is to end before its time, and how far that has come.

Asked to cancel, an execution is told once, at the next point where its guest waits; it may then
clean up. It ends for good when somebody asks a second time, or when the time for cleaning up is
over. A deadline is a cancellation that nobody has to ask for.
"""

from __future__ import annotations

from flawless.core.entries import CancelObserved
from flawless.core.signals import PARENT, CancelSignal

DEADLINE_GRACE_S = 60.0
"""Time for cleaning up when an execution is cancelled because its deadline has passed."""

DEADLINE_REASON = "its deadline has passed"


class Cancellation:
    """The state of one execution's cancellation. Times are microseconds since its beginning."""

    __slots__ = ("_by", "asked", "deadline", "number", "told", "until")

    def __init__(self, deadline: int | None, told: CancelObserved | None) -> None:
        self.deadline = deadline
        self.asked: CancelSignal | None = None
        """What the guest is still to be told."""
        self.number: int | None = None
        """The place in the inbox of that signal."""
        self.told = told is not None
        self.until = None if told is None else told.until
        self._by = "" if told is None else told.by

    @property
    def begun(self) -> bool:
        """Whether somebody has asked."""
        return self.told or self.asked is not None

    @property
    def wake(self) -> int | None:
        """When something happens by itself."""
        return self.until if self.begun else self.deadline

    def ask(self, signal: CancelSignal, number: int | None = None) -> None:
        """Remember to tell the guest."""
        assert not self.begun
        self.asked, self.number, self._by = signal, number, signal.by

    def insist(self, signal: CancelSignal) -> bool:
        """Take a further request; whether the execution shall end for good."""
        assert self.begun
        if signal.by == PARENT:
            return False
        first, self._by = self._by, signal.by
        return first != PARENT

    def expired(self, at: int) -> bool:
        """Whether the time for cleaning up is over."""
        return self.told and self.until is not None and at >= self.until

    def overdue(self, at: int) -> bool:
        """Whether the deadline has passed and nobody has asked."""
        return not self.begun and self.deadline is not None and at >= self.deadline

    def tell(self, at: int) -> CancelSignal:
        """Note that the guest is told now, and its grace begins; return what it is told."""
        assert self.asked is not None
        signal, self.asked = self.asked, None
        self.told = True
        if signal.grace_s is not None:
            self.until = at + round(signal.grace_s * 1_000_000)
        return signal
