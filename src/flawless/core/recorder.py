"""Writing a journal: positions, bytes, limits, and a clock that never runs backwards."""

from __future__ import annotations

import msgspec

from flawless.core.encoding import encode_entry
from flawless.core.entries import End, Entry
from flawless.core.limits import Limits
from flawless.errors import GuestTrapped


class NewEntries(msgspec.Struct, frozen=True):
    """Entries to append to the store in one go; `data` holds their frames.

    With them go, in the same commit: the messages that leave the inbox, and what becomes visible.
    There may be no entry at all (`count` 0), only these.
    """

    first_seq: int
    count: int
    data: bytes
    received: tuple[int, ...] = ()
    state: bytes | None = None
    response: bytes | None = None

    @property
    def only_entries(self) -> bool:
        """Whether there is nothing but entries."""
        return not self.received and self.state is None and self.response is None


class Recorder:
    """Appends entries to one journal, and keeps the execution's time.

    `at` is the time the guest saw last, in microseconds since the execution began. On replay it
    follows the recorded entries; beyond them it follows the clock, but never falls behind what is
    recorded: a guest that is moved to a machine whose clock is slow sees time stand still, not
    run backwards.
    """

    __slots__ = (
        "_bytes",
        "_frames",
        "_latest",
        "_length",
        "_limits",
        "_received",
        "_response",
        "_state",
        "at",
        "began_us",
    )

    def __init__(
        self, limits: Limits, began_us: int, *, length: int, bytes_recorded: int, latest: int
    ) -> None:
        """Go on behind `length` recorded entries, the last of which was written at `latest`."""
        self.began_us = began_us
        self.at = 0
        self._limits = limits
        self._length = length
        self._bytes = bytes_recorded
        self._latest = latest
        self._frames: list[bytes] = []
        self._received: list[int] = []
        self._state: bytes | None = None
        self._response: bytes | None = None

    @property
    def length(self) -> int:
        """Entries of the journal, those not yet taken included."""
        return self._length

    @property
    def dirty(self) -> bool:
        """Whether something waits to be made durable."""
        return bool(self._frames or self._received)

    @property
    def now_us(self) -> int:
        """The time the guest saw last, in microseconds since the epoch."""
        return self.began_us + self.at

    def present(self, now_us: int) -> int:
        """Return the execution's own time when the clock shows `now_us`; the guest sees nothing."""
        return max(self.at, self._latest, now_us - self.began_us)

    def advance(self, now_us: int) -> int:
        """Let the guest see the present, and return it."""
        self.at = self.present(now_us)
        return self.at

    def reach(self, until: int) -> None:
        """Let the guest see that `until` has come."""
        self.at = max(self.at, until)

    def append(self, entry: Entry) -> None:
        """Add an entry; raises `GuestTrapped` when the journal is full.

        The last place is kept for the execution's end.
        """
        if self._length >= self._limits.journal_entries_max - 1:
            raise GuestTrapped(
                f"the journal reached {self._limits.journal_entries_max:,} entries: let the "
                "workflow do its work in several executions (the limit is `journal_entries_max`)"
            )
        self._add(entry)
        if self._bytes > self._limits.journal_bytes_max:
            raise GuestTrapped(
                f"the journal passed {self._limits.journal_bytes_max:,} bytes: keep large values "
                "elsewhere and pass references (the limit is `journal_bytes_max`)"
            )

    def received(self, number: int) -> None:
        """Note that a message leaves the inbox with the entries added until now."""
        self._received.append(number)

    def publish(self, value: bytes) -> None:
        """Set the visible state; only the latest before a commit is ever seen."""
        self._state = value

    def respond(self, value: bytes) -> None:
        """Set the response."""
        self._response = value

    def end(self, entry: End) -> None:
        """Add the last entry; no limit keeps an execution from ending."""
        self._add(entry)

    def take(self) -> NewEntries | None:
        """Return what was added since the last time, once."""
        if not self._frames and not self._received:
            return None
        frames, self._frames = self._frames, []
        received, self._received = tuple(self._received), []
        new = NewEntries(
            self._length - len(frames),
            len(frames),
            b"".join(frames),
            received,
            self._state,
            self._response,
        )
        self._state = self._response = None
        return new

    def _add(self, entry: Entry) -> None:
        assert entry.at >= self._latest, "the journal's time runs backwards"
        frame = encode_entry(self._length, entry)
        self._latest = entry.at
        self._frames.append(frame)
        self._length += 1
        self._bytes += len(frame)
