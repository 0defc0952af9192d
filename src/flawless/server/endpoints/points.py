"""The points of a path as documents: what was asked there, and the stack, each stack once."""

from __future__ import annotations

from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from flawless import api
from flawless.core.entries import Called, Dropped, Observed
from flawless.core.protocol import (
    ClockRequest,
    DropRequest,
    LogRequest,
    NextRequest,
    PublishRequest,
    RespondRequest,
    decode_request,
    label,
)
from flawless.errors import FlawlessError
from flawless.server.endpoints import journals
from flawless.timetravel.model import Frame, Point
from flawless.timetravel.path import ExecutionPath
from flawless.timetravel.recording import Recording

_PLAIN = (
    (PublishRequest, "publish"),
    (RespondRequest, "respond"),
    (LogRequest, "log"),
    (ClockRequest, "clock"),
    (DropRequest, "give up"),
)


@dataclass(slots=True)
class PointsPage:
    """Points, with the tables they refer to."""

    points: list[api.PathPoint] = field(default_factory=list)
    stacks: list[list[int]] = field(default_factory=list)
    frames: list[api.PathFrame] = field(default_factory=list)
    raised: api.PathRaised | None = None


def points_page(path: ExecutionPath, first: int, limit: int) -> PointsPage:
    """Return the points from number `first` on, `limit` at most.

    Of a long journal the first page takes a moment, so this is for a thread.
    """
    tables = _Tables()
    page = PointsPage(stacks=tables.stacks, frames=tables.frames)
    labels = _labels(path.recording)
    began_us = path.recording.invoked.began_us
    for point in path.points[first : first + limit]:
        frames, task = _stack(point)
        entry = point.entry
        page.points.append(
            api.PathPoint(
                point.number,
                point.position,
                _label(point, labels),
                None if entry is None else journals.kind_of(entry),
                None if entry is None else api.timestamp(began_us + entry.at),
                tables.stack(frames) if frames else None,
                len(point.tasks),
                task,
                point.lines_before,
            )
        )
    if path.raised is not None:
        page.raised = api.PathRaised(tables.stack(path.raised.frames), path.raised.points)
    return page


def _stack(point: Point) -> tuple[list[Frame], str | None]:
    """Return the stack that stands for a point, and the task whose it is if no code runs."""
    if point.frames:
        return point.frames, None
    for task in point.tasks:
        if any(frame.user for frame in task.frames):
            return task.frames, task.name
    return [], None


@dataclass(frozen=True, slots=True)
class _Labels:
    """What the effects are called, by number (outcomes do not say it), and which are open."""

    known: dict[int, str]
    open: list[str]


_LABELS: WeakKeyDictionary[Recording, _Labels] = WeakKeyDictionary()
"""Those of the recordings that are looked at: pages are many, and a journal does not change."""


def _labels(recording: Recording) -> _Labels:
    found = _LABELS.get(recording)
    if found is None:
        found = _LABELS[recording] = _read_labels(recording)
    return found


def _read_labels(recording: Recording) -> _Labels:
    known: dict[int, str] = {}
    seen: set[int] = set()
    for entry in recording.entries:
        effect, name = getattr(entry, "effect", 0), getattr(entry, "label", "")
        if effect and name:
            known[effect] = name
        if isinstance(entry, Observed | Dropped | Called):
            seen.add(effect)
    return _Labels(known, [name for effect, name in known.items() if effect not in seen])


def _label(point: Point, labels: _Labels) -> str:
    entry = point.entry
    if entry is not None:
        known = getattr(entry, "label", "") or labels.known.get(getattr(entry, "effect", 0))
        if known:
            return known
    if point.request[:1] != b"{":
        return point.request.decode().partition(" ")[0]
    try:
        request = decode_request(point.request)
    except FlawlessError:
        return "?"
    if isinstance(request, NextRequest):
        return _waits(labels)
    for kind, name in _PLAIN:
        if isinstance(request, kind):
            return name
    try:
        return label(request)  # type: ignore[arg-type]  # what it does not know is caught
    except AssertionError:
        return str(type(request).__name__)


def _waits(labels: _Labels) -> str:
    """Return what a workflow waits for that waits for the next thing to end."""
    if not labels.open:
        return "wait"
    more = f" and {len(labels.open) - 1:,} more" if len(labels.open) > 1 else ""
    return f"wait for {labels.open[0]}{more}"


class _Tables:
    """Frames and stacks, each once."""

    def __init__(self) -> None:
        self.stacks: list[list[int]] = []
        self.frames: list[api.PathFrame] = []
        self._stacks: dict[tuple[int, ...], int] = {}
        self._frames: dict[Frame, int] = {}

    def stack(self, frames: list[Frame]) -> int:
        key = tuple(self._frame(frame) for frame in frames)
        known = self._stacks.get(key)
        if known is None:
            known = self._stacks[key] = len(self.stacks)
            self.stacks.append(list(key))
        return known

    def _frame(self, frame: Frame) -> int:
        known = self._frames.get(frame)
        if known is None:
            known = self._frames[frame] = len(self.frames)
            self.frames.append(api.PathFrame(frame.file, frame.line, frame.function, frame.user))
        return known
