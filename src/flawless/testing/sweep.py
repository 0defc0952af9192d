"""Running a workflow with a crash at each entry of its journal, and comparing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from flawless.core.entries import (
    Arrived,
    Called,
    CancelObserved,
    ClockRead,
    Completed,
    Continued,
    Elapsed,
    Entry,
    Failed,
    Logged,
    Observed,
    Resolved,
    describe,
)
from flawless.core.entries import Cancelled as CancelledEntry
from flawless.core.status import Status
from flawless.engine.handle import Execution
from flawless.functions import Workflow
from flawless.testing.crashes import Side

if TYPE_CHECKING:
    from flawless.testing.lab import Lab

Sight: TypeAlias = tuple[Any, ...]
"""Something a workflow saw: its kind first."""

_SHOWN_CHARS_MAX = 300


@dataclass(slots=True)
class _Run:
    """One execution (or an earlier run of it) as it was left behind."""

    name: str
    status: str
    sights: list[Sight]
    end: Any


@dataclass(slots=True)
class _Story:
    """What became of everything in one lab."""

    entries: list[str]
    """The journal of the workflow itself, over all its runs, in words."""
    runs: dict[str, _Run]
    effects: dict[str, tuple[str, str]]
    """What fakes were asked for, by idempotency key: the step, and its arguments."""
    crashed: bool

    @property
    def interrupted(self) -> bool:
        """Whether an effect was interrupted, or is parked."""
        return any(_was_interrupted(run) for run in self.runs.values())


@dataclass(frozen=True, slots=True)
class CrashReport:
    """What a sweep has found to be the same: `crashes` is how often the engine died."""

    entries: list[str]
    """The entries of the undisturbed journal, in words."""
    crashes: int
    interrupted: list[str] = field(default_factory=list)
    """The crashes after which an effect that must not be repeated was interrupted, or parked."""

    def __str__(self) -> str:
        return (
            f"{len(self.entries)} entries, {self.crashes} crashes, "
            f"{len(self.interrupted)} with an interrupted effect"
        )


class Sweep:
    """Runs one workflow in many labs."""

    def __init__(
        self,
        make: Callable[[], Lab],
        workflow: Workflow[..., Any] | str,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        *,
        during: Callable[[Lab, Execution[Any]], object] | None,
        setup: Callable[[Lab], object] | None,
    ) -> None:
        self._make = make
        self._workflow = workflow
        self._args = args
        self._kwargs = kwargs
        self._during = during
        self._setup = setup
        self._id = ""

    def run(self, sides: Sequence[Side]) -> CrashReport:
        """Run it undisturbed, and then with each crash; raise `AssertionError` on a difference."""
        calm = self._story(None)
        crashes, interrupted = 0, []
        for number, what in enumerate(calm.entries, 1):
            for side in sides:
                if number == 1 and side == "before":
                    continue  # it has not begun: the caller starts it again, and that is all
                place = f"a crash {side} entry {number} ({what})"
                try:
                    story = self._story((number, side))
                except Exception as error:
                    raise AssertionError(
                        f"{place}: {type(error).__name__}: {error}, and not without it"
                    ) from error
                if not story.crashed:
                    raise AssertionError(
                        f"{place} never came: the journal of {self._id!r} was shorter this time. "
                        "Is its length left to chance, or does `setup` not set everything back?"
                    )
                crashes += 1
                problem = _difference(calm, story)
                if problem is INTERRUPTED:
                    interrupted.append(place)
                elif problem:
                    raise AssertionError(f"{place} makes a difference: {problem}")
        return CrashReport(calm.entries, crashes, interrupted)

    def _story(self, crash: tuple[int, Side] | None) -> _Story:
        lab = self._make()
        if self._setup is not None:
            self._setup(lab)
        with lab:
            if crash is not None:
                number, side = crash
                lab.crash_at(number, side=side, execution=self._id)
            run = lab.start(self._workflow, *self._args, **self._kwargs)
            self._id = run.id
            try:
                if self._during is not None:
                    self._during(lab, run)
                self._await_end(lab, run)
            except Exception:
                story = _told(lab, run.id)
                if crash is None or not story.interrupted:
                    raise
                return story  # it took another way, which `during` does not know
            return _told(lab, run.id)

    def _await_end(self, lab: Lab, run: Execution[Any]) -> None:
        """Let everything happen that does so by itself; `LabStuck` if that is not enough."""
        lab.run_until_idle()
        status = run.status
        if not status.final and status is not Status.PARKED:
            run.result()


INTERRUPTED = "an effect that must not be repeated was interrupted"


def _told(lab: Lab, name: str) -> _Story:
    runs: dict[str, _Run] = {}
    entries: list[str] = []
    for record in lab.list(runs=True, limit=1_000):
        journal = lab.get(record.id).journal()
        runs[record.id] = _run(record.id, str(record.status), journal)
    number = 1
    while f"{name}~{number}" in runs:
        entries += map(describe, lab.get(f"{name}~{number}").journal())
        number += 1
    entries += map(describe, lab.get(name).journal())
    effects = {
        call.key: (step, repr(sorted(call.arguments.items()))) for step, call in lab.fake_calls()
    }
    return _Story(entries, runs, effects, bool(lab.crashes))


def _run(name: str, status: str, journal: list[Entry]) -> _Run:
    aside: dict[int, tuple[bool, Any]] = {}
    labels: dict[int, str] = {}
    sights: list[Sight] = []
    end: Any = None
    for entry in journal:
        if (label := getattr(entry, "label", None)) is not None:
            labels[entry.effect] = label  # type: ignore[union-attr]  # what has a label has one
        match entry:
            case Arrived() | Resolved():
                aside[entry.effect] = entry.failed, entry.payload
            case Called() | Observed():
                failed, payload = entry.failed, entry.payload
                if payload is None:
                    failed, payload = aside.get(entry.effect, (failed, payload))
                sights.append((labels.get(entry.effect, ""), failed, _plain(payload)))
            case ClockRead():
                sights.append(("the clock", entry.at))
            case Logged():
                sights.append(("log", entry.level, entry.logger, entry.message))
            case Elapsed():
                sights.append(("the end of a wait", entry.at))
            case CancelObserved():
                sights.append(("cancel", entry.reason))
            case Completed() | Failed() | CancelledEntry() | Continued():
                end = _plain(entry.payload)
    return _Run(name, status, sights, end)


def _plain(payload: Any) -> Any:
    """Return JSON as values, errors without their tracebacks."""
    value = None if payload is None else msgspec.json.decode(payload)
    if isinstance(value, dict) and "traceback" in value:
        value = {name: part for name, part in value.items() if name != "traceback"}
    return value


def _difference(calm: _Story, story: _Story) -> str:
    """Return what differs, in words, or nothing."""
    gone = calm.runs.keys() - story.runs.keys()
    more = story.runs.keys() - calm.runs.keys()
    if story.interrupted and not calm.interrupted:
        return INTERRUPTED  # what follows from that is another story
    for name, run in calm.runs.items():
        if name not in story.runs:
            continue
        other = story.runs[name]
        for n, sight in enumerate(run.sights):
            seen = other.sights[n] if n < len(other.sights) else None
            if seen != sight:
                return f"{name} saw {_short(seen)} instead of {_short(sight)}"
        if len(other.sights) > len(run.sights):
            return f"{name} saw {_short(other.sights[len(run.sights)])} besides"
        if (other.status, other.end) != (run.status, run.end):
            return (
                f"{name} ended {other.status} with {_short(other.end)} instead of {run.status} "
                f"with {_short(run.end)}"
            )
    if gone or more:
        return f"executions are missing ({sorted(gone)}) or too many ({sorted(more)})"
    if calm.effects != story.effects:
        both = calm.effects | story.effects
        key = next(k for k in both if calm.effects.get(k) != story.effects.get(k))
        return (
            f"the outside was asked for {_short(story.effects.get(key))} instead of "
            f"{_short(calm.effects.get(key))}"
        )
    return ""


def _was_interrupted(run: _Run) -> bool:
    return run.status == Status.PARKED or any(
        sight[1] is True and isinstance(sight[2], dict) and sight[2].get("type") == "Interrupted"
        for sight in run.sights
        if len(sight) == 3
    )


def _short(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= _SHOWN_CHARS_MAX else text[:_SHOWN_CHARS_MAX] + "..."
