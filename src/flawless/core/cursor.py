"""The place in a journal that a replay has reached."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from flawless.core.entries import ASIDES, Entry


class ReplayCursor:
    """Walks over recorded entries once, from the first to the last, and lets go of each.

    `next` is the entry that comes next, or None at the end; `position` is its number among those
    that count. Both are plain attributes because a replay looks at them for every request.

    Outcomes may still arrive while an execution replays; `extend` puts them behind what is
    recorded, so that the guest meets them in the order of the journal.
    """

    __slots__ = ("_left", "next", "position")

    def __init__(self, entries: Iterable[Entry], position: int = 0) -> None:
        """Stand before the first of `entries`, which has the number `position`."""
        self._left = deque(entries)
        self.position = position
        self.next: Entry | None = self._left.popleft() if self._left else None

    def advance(self) -> None:
        """Step over the next entry."""
        assert self.next is not None
        self.position += 1
        self.next = self._left.popleft() if self._left else None

    def extend(self, entry: Entry) -> None:
        """Add an entry behind the last."""
        if self.next is None:
            self.next = entry
        else:
            self._left.append(entry)

    def only_asides_left(self) -> bool:
        """Whether the guest observed nothing further: it is where it was when the process died."""
        if self.next is None:
            return True
        return type(self.next) in ASIDES and all(type(entry) in ASIDES for entry in self._left)
