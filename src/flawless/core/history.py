"""Journals of executions that failed and were retried: what still counts.

A journal only grows. When a failed execution goes on, a `Retried` entry says which of the earlier
entries its guest will be shown again: those before the outcome that made it fail. The rest stays
for whoever analyses the execution, and is no longer part of its path.

Outcomes are an exception: an effect that was started before that place may have ended behind it. It
is not repeated, and what came through the inbox (the end of a child, a message) comes only once. So
its outcome still counts, as one that the guest has not looked at yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from flawless.core.entries import (
    Arrived,
    Called,
    Cancelled,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Dropped,
    Elapsed,
    End,
    Entered,
    Entry,
    Failed,
    Invoked,
    Logged,
    Observed,
    Origin,
    Parked,
    Published,
    Repeated,
    Resolved,
    Retried,
    Started,
    describe,
)

_NO_EFFECTS: frozenset[int] = frozenset()
_ENDS_OF_PARKING = (Resolved, CancelObserved, Dropped, Called, Observed)


class History(msgspec.Struct, frozen=True):
    """The entries that count, each with its position in the journal, and the last retry."""

    entries: list[Entry]
    positions: list[int]
    retried: Retried | None
    retried_at: int = 0
    """Its position."""
    undone: dict[int, int] = {}
    """Effects whose start no longer counts, with the fingerprints of the requests."""
    origin: Origin | None = None
    """Where the first entries come from, if it is a fork."""
    shared: frozenset[int] = _NO_EFFECTS
    """Effects that were begun in entries of the origin, and not again by the fork itself."""

    @property
    def resumed(self) -> int:
        """When it was last retried or forked, and has its time again; 0 if it was not."""
        return self._resumed_after(0)

    @property
    def cancelled(self) -> CancelObserved | None:
        """How the guest heard that the execution is cancelled, if it did.

        The time for cleaning up begins again with a retry, and in a fork.
        """
        for position, entry in zip(self.positions, self.entries, strict=True):
            if type(entry) is CancelObserved:
                resumed = self._resumed_after(position)
                if entry.until is None or not resumed:
                    return entry
                until = entry.until + resumed - entry.at
                return msgspec.structs.replace(entry, until=until)
        return None

    @property
    def parked(self) -> dict[int, bool]:
        """Effects that wait for a decision, and whether the guest asked for it."""
        waiting: dict[int, bool] = {}
        for entry in self.entries:
            if type(entry) is Parked:
                waiting[entry.effect] = entry.asked
            elif waiting and isinstance(entry, _ENDS_OF_PARKING):
                waiting.pop(entry.effect, None)
        return waiting

    def _resumed_after(self, position: int) -> int:
        resumed = 0
        if self.retried is not None and position < self.retried_at:
            resumed = self.retried.at
        if self.origin is not None and position < self.origin.entries:
            resumed = max(resumed, self.origin.at)
        return resumed


@dataclass(frozen=True, slots=True)
class ResumePoint:
    """Where a failed execution can go on.

    `effect` is performed again (0: none is); entries from position `resume` on no longer count.
    `outcomes` is what the guest had seen of it, and of further effects that had failed by then:
    they are performed again with it.
    """

    effect: int
    resume: int
    label: str = ""
    outcomes: Sequence[Called | Observed] = ()


class NoResumePoint(ValueError):
    """There is no effect that a retry could begin with; the text says why and what to do."""


def history(entries: Sequence[Entry]) -> History:
    """Return what counts of a journal."""
    if len(entries) == 1:  # it begins
        return History([entries[0]], [0], None)
    last = None
    for position, entry in enumerate(entries):
        if type(entry) is Retried:
            last = position
    origin = entries[0].origin if entries and isinstance(entries[0], Invoked) else None
    shared = _NO_EFFECTS if origin is None else _shared(entries, origin)
    if last is None:
        positions = list(range(len(entries)))
        return History(list(entries), positions, None, origin=origin, shared=shared)
    kept: list[tuple[int, Entry]] = []
    retried = None
    undone: dict[int, int] = {}
    for position, entry in enumerate(entries):
        if isinstance(entry, Retried):
            retried = entry
            for before, one in kept:
                if before >= entry.resume and isinstance(one, Started):
                    undone[one.effect] = one.fingerprint
            kept = _kept(kept, entry)
        else:
            kept.append((position, entry))
    positions = [position for position, _ in kept]
    left = [entry for _, entry in kept]
    return History(left, positions, retried, last, undone, origin, shared)


def end_of(entries: Sequence[Entry]) -> End | None:
    """Return how the run ended, or None."""
    last = entries[-1]
    return last if isinstance(last, Completed | Failed | Cancelled | Continued) else None


def stopped(end: Entry) -> bool:
    """Whether the engine stopped the guest so; an error of the workflow's own has a traceback."""
    if not isinstance(end, Failed | Cancelled):
        return False
    error = msgspec.json.decode(end.payload)
    return "traceback" not in error or error.get("stopped") is True


def resume_point(entries: Sequence[Entry], effect: int | None = None) -> ResumePoint:
    """Return where the failed execution with this journal goes on.

    That is the effect whose error ended it, or `effect` if the caller names one; an execution that
    the engine stopped (a limit, a trap) goes on from its end. Raises `NoResumePoint`.
    """
    past = history(entries)
    end = past.entries[-1]
    if not isinstance(end, Failed):
        raise NoResumePoint("it has not failed")
    if effect is None and stopped(end):
        return ResumePoint(0, past.positions[-1])
    later: list[str] = []
    failed: list[tuple[int, Called | Observed]] = []
    for position, entry in zip(reversed(past.positions), reversed(past.entries), strict=True):
        if effect is not None:
            if isinstance(entry, Called | Observed) and entry.effect == effect:
                return ResumePoint(effect, position, _label(entry, past.entries), [entry])
            continue
        if isinstance(entry, Called | Observed) and entry.failed:
            if later and not failed:
                raise NoResumePoint(
                    f"after effect {entry.effect} had failed the workflow did more "
                    f"({', '.join(reversed(later[:5]))}): name the effect to go on from "
                    f"(`--effect {entry.effect}` repeats what came after it), or begin again "
                    "with --from-start"
                )
            if not later:
                failed.append((position, entry))
        if not isinstance(entry, _HARMLESS):
            effect_id = getattr(entry, "effect", None)
            later.append(describe(entry) if effect_id is None else f"effect {effect_id}")
    if effect is not None:
        raise NoResumePoint(f"the workflow has seen no outcome of an effect {effect}")
    if not failed:
        raise NoResumePoint(
            "no effect failed, the workflow's own code raised: mend the code and begin again with "
            "--from-start, or name an effect to go on from with --effect"
        )
    position, first = failed[-1]
    outcomes = [entry for _, entry in reversed(failed)]
    return ResumePoint(first.effect, position, _label(first, past.entries), outcomes)


_HARMLESS = (
    Logged,
    ClockRead,
    Published,
    Arrived,
    Failed,
    Entered,
    CancelObserved,
    Parked,
    Resolved,
    Observed,
    Elapsed,
    Dropped,
)
"""What may come after a failed effect that a retry begins with: nothing is done by it.

A look at what was started before (`Observed`) is harmless, for its outcome is kept; what was
started later stands there with its own entry.
"""


def _shared(entries: Sequence[Entry], origin: Origin) -> frozenset[int]:
    begun = {one.effect for one in entries[: origin.entries] if isinstance(one, Started)}
    later = entries[origin.entries :]
    return frozenset(begun - {one.effect for one in later if isinstance(one, Started | Repeated)})


def _kept(entries: list[tuple[int, Entry]], retried: Retried) -> list[tuple[int, Entry]]:
    """Return those of the entries, each with its position, that still count."""
    kept = [one for one in entries if one[0] < retried.resume and not _undone(one[1], retried)]
    open_: set[int] = set()
    for _, entry in kept:
        if isinstance(entry, Started) and entry.until is None:
            open_.add(entry.effect)
        elif isinstance(entry, Observed | Dropped | CancelObserved):
            open_.discard(entry.effect)
    open_ -= retried.effects
    for position, entry in entries:
        if position < retried.resume:
            continue
        if isinstance(entry, Observed) and entry.payload is not None:
            at, failed, payload = entry.at, entry.failed, entry.payload
            entry = Arrived(at, entry.effect, failed, payload, entry.attempts)
        if not isinstance(entry, Arrived | Resolved) or entry.payload is None:
            continue
        if entry.effect in open_:
            kept.append((position, entry))
    return kept


def _undone(entry: Entry, retried: Retried) -> bool:
    """Whether an entry tells of an earlier try of the effect that is performed again."""
    return (
        isinstance(entry, Arrived | Entered | Parked | Resolved | Repeated)
        and entry.effect in retried.effects
    )


def _label(entry: Called | Observed, entries: Iterable[Entry]) -> str:
    if isinstance(entry, Called):
        return entry.label
    started = (e.label for e in entries if isinstance(e, Started) and e.effect == entry.effect)
    return next(started, "")


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What comes again after a retry, because the guest has not seen it any more.

    `messages` are names and payloads of what it received, `children` the effects that started some.
    """

    messages: list[tuple[str, bytes]]
    children: set[int]


def taken_back(entries: Sequence[Entry], point: ResumePoint) -> TakenBack:
    """Return what a retry from `point` takes back of messages and children.

    Only that which was begun behind the point, and a message that was received just there: the rest
    is still known (see `history`).
    """
    past = history(entries)
    labels: dict[int, str] = {}
    behind = {point.effect}
    messages: list[tuple[str, bytes]] = []
    for position, entry in zip(past.positions, past.entries, strict=True):
        if isinstance(entry, Started):
            labels[entry.effect] = entry.label
            if position >= point.resume:
                behind.add(entry.effect)
        elif (
            isinstance(entry, Observed)
            and position >= point.resume
            and entry.effect in behind
            and entry.payload is not None
            and not entry.failed
            and labels.get(entry.effect, "").startswith("receive ")
        ):
            received = msgspec.json.decode(entry.payload, type=_Received)
            messages.append((received.name, bytes(received.payload)))
    behind.discard(point.effect)
    children = {effect for effect in behind if labels[effect].startswith("start ")}
    return TakenBack(messages, children)


class _Received(msgspec.Struct):
    name: str
    payload: msgspec.Raw
