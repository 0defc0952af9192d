"""A recording that somebody looks at, place after place: what a slider needs.

A replay that stands before the wanted place goes on to it; for a place that lies behind it, a new
one begins. What was seen is kept for a while, so that going to and fro costs nothing.

Not for a replay's driver alone: all calls may come from any thread, and wait for each other.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from flawless.core.limits import Limits
from flawless.errors import FlawlessError
from flawless.timetravel.model import Frame, Point, Stop, Variable, Watch
from flawless.timetravel.path import LAYOUTS_MAX, ExecutionPath, follow
from flawless.timetravel.problems import (
    NoSuchPlace,
    ReplayLost,
    ReplayTooLong,
    TracingChangesPath,
)
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer
from flawless.timetravel.whereabouts import beginning

SIGHTS_MAX: Final = 64
"""Places whose variables are kept."""
FRAMES_MAX: Final = 20
"""Frames of a stack whose variables are shown, from the innermost one on."""
TASKS_MAX: Final = 20
"""Tasks whose variables are shown."""
VALUES_MAX: Final = 4_000
"""Values shown at one place, parts of values included; frames further out then have none."""
ENTRY_BYTES: Final = 220
POINT_BYTES: Final = 400
FRAME_BYTES: Final = 200
VARIABLE_BYTES: Final = 500
"""What these take in memory, about, as measured: see `Study.memory_bytes`."""
_END: Final = 1 << 62
_STANDS: Final = ("request", "clock", "count", "raised")


class Place(NamedTuple):
    """A place on the path: so many points passed, so many lines executed since; they compare."""

    point: int
    """The number of the point; -1 is the beginning of the workflow, before all points."""
    lines: int = 0


RAISED: Final = Place(_END)
"""Where the error that ended the workflow was raised."""


@dataclass(frozen=True, slots=True)
class Level:
    """A frame, and its variables; None where they are not shown."""

    frame: Frame
    variables: list[Variable] | None = None


@dataclass(frozen=True, slots=True)
class Sight:
    """What is to be seen at a place: the stack, innermost frame first, and those of other tasks."""

    stack: list[Level] = field(default_factory=list)
    tasks: dict[str, list[Level]] = field(default_factory=dict)


NOTHING: Final = Sight()


class Study:
    """A recording, its path once that was wanted, and a replay that stands on it."""

    def __init__(self, recording: Recording, *, limits: Limits, seconds_max: float) -> None:
        self.recording = recording
        self._limits = limits
        self._seconds_max = seconds_max
        self._lock = threading.Lock()
        self._paths: dict[bool, ExecutionPath] = {}
        self._sights: OrderedDict[tuple[Place, int], Sight] = OrderedDict()
        self._replay: Replayer | None = None
        self._stands: Place | None = None
        self._given_up = False
        self._dropped = False
        self._abandoned = False
        self._until_s = 0.0
        self._padding = 0
        self._path_bytes: dict[bool, int] = {}
        self._sight_bytes: dict[tuple[Place, int], int] = {}

    @property
    def memory_bytes(self) -> int:
        """What recording, paths and sights take in memory, estimated; not the replay's guest."""
        seen = (*self._path_bytes.copy().values(), *self._sight_bytes.copy().values())
        return len(self.recording.entries) * ENTRY_BYTES + sum(seen)

    @property
    def paths(self) -> list[ExecutionPath]:
        """What of the path is known, with lines or without."""
        return list(self._paths.values())

    def known_path(self, *, lines: bool) -> ExecutionPath | None:
        """Return the path if a replay has told it already; one with lines serves as one without."""
        return self._paths.get(True) or (None if lines else self._paths.get(False))

    def path(self, *, lines: bool) -> ExecutionPath:
        """Return the path; it blocks for the time of a replay the first time. See `trace`."""
        with self._at_work():
            return self._path(lines=lines)

    def line(self, number: int) -> Place:
        """Return the place before the executed line of that number, 0 for the first one.

        Raises `NoSuchPlace`. Blocks like `path`, with lines.
        """
        with self._at_work():
            path = self._path(lines=True)
            if not 0 <= number < path.line_count:
                raise NoSuchPlace(
                    f"there is no executed line {number}: the path has {path.line_count:,}, "
                    "counted from 0"
                )
            return self._before(path.points, number)

    def look(self, place: Place, *, depth: int = 1) -> Sight:
        """Return what is to be seen at a place; it blocks for as long as the replay there takes.

        Nothing is, where the guest asked below any Python code, or cannot be traced at all. Raises
        `NoSuchPlace`, and what a replay raises.
        """
        with self._at_work():
            path = self._path(lines=False)
            if place is not RAISED and not -1 <= place.point < len(path.points):
                raise NoSuchPlace(
                    f"there is no point {place.point}: the path has {len(path.points):,}, "
                    "counted from 0"
                )
            if place is RAISED and path.raised is None:
                raise NoSuchPlace(
                    "the workflow has not raised an error that ended it: name a point"
                )
            return self._look(path, place, depth)

    def earlier(self, place: Place) -> Place | None:
        """Return the place before this one, of the same kind; None at the first one."""
        if place is RAISED or place.lines == 0:
            return self._earlier_point(place)
        if place.lines > 1:
            return Place(place.point, place.lines - 1)
        path = self.known_path(lines=True)
        if path is None or place.point < 0:
            return None
        before = path.points[place.point].lines_before
        return self._before(path.points, before - 1) if before > 0 else None

    def rest(self) -> None:
        """Free the replay that stands here, unless it is at work."""
        if self._lock.acquire(blocking=False):
            try:
                self._close()
            finally:
                self._lock.release()

    def drop(self) -> None:
        """Free the replay that stands here, now or when it has done its work, and keep no other."""
        self._dropped = True
        self.rest()

    def give_up(self) -> None:
        """Let a replay that is at work end soon, with `ReplayTooLong`, and begin no others."""
        self._given_up = True
        replay = self._replay
        if replay is not None:
            replay.world.allow(0)
        self.rest()

    def abandon(self) -> None:
        """Let work end soon, with `ReplayTooLong`: nobody waits for it. See `wanted`."""
        self._abandoned = True
        replay = self._replay
        if replay is not None:
            replay.world.allow(0)

    def wanted(self) -> None:
        """Somebody waits again for what is to come."""
        self._abandoned = False

    # --- inside: with the lock held ----------------------------------------------------------

    @contextlib.contextmanager
    def _at_work(self) -> Iterator[None]:
        try:
            with self._lock:
                if self._given_up or self._abandoned:
                    raise ReplayTooLong(self.recording.execution, self._seconds_max)
                self._until_s = time.monotonic() + self._seconds_max
                yield
        finally:
            # Who drops or gives up while the lock is held cannot free the replay, so it is done
            # here, after the release: before it, they could still come too late to be seen.
            if self._dropped or self._given_up:
                self.rest()

    def _path(self, *, lines: bool) -> ExecutionPath:
        known = self.known_path(lines=lines)
        if known is not None:
            return known
        for _ in range(LAYOUTS_MAX):
            self._close()
            with self._begun() as replay:
                path = follow(replay, lines=lines)
            self._close()
            if not isinstance(path.error, TracingChangesPath):
                break
            self._try_another_layout()
        self._paths[lines], self._path_bytes[lines] = path, _path_bytes(path)
        if lines:
            self._paths.pop(False, None)
            self._path_bytes.pop(False, None)
        return path

    def _before(self, points: list[Point], number: int) -> Place:
        """Return the place of a line as seen from the last point before it one can stop at."""
        for point in reversed(points):
            if point.lines_before <= number and _can_stop(point):
                return Place(point.number, number + 1 - point.lines_before)
        return Place(-1, number + 1)

    def _earlier_point(self, place: Place) -> Place | None:
        path = self.known_path(lines=False)
        if path is None:
            return None
        points = path.points if place is RAISED else path.points[: max(0, place.point)]
        for point in reversed(points):
            if _can_stop(point):
                return Place(point.number)
        return None

    def _look(self, path: ExecutionPath, place: Place, depth: int) -> Sight:
        known = self._sights.get((place, depth))
        if known is not None:
            self._sights.move_to_end((place, depth))
            return known
        shown = place is RAISED or place.point < 0 or _can_stop(path.points[place.point])
        if path.placed:
            return Sight([Level(frame) for frame in self._frames(path, place)])
        sight = self._sight(path, place, depth) if path.traced and shown else NOTHING
        self._sights[(place, depth)] = sight
        self._sight_bytes[(place, depth)] = _sight_bytes(sight)
        if len(self._sights) > SIGHTS_MAX:
            oldest, _ = self._sights.popitem(last=False)
            del self._sight_bytes[oldest]
        return sight

    def _frames(self, path: ExecutionPath, place: Place) -> list[Frame]:
        """Return what is known of a guest's place that cannot be looked into."""
        if place is RAISED:
            return [] if path.raised is None else path.raised.frames
        return beginning(self.recording) if place.point < 0 else path.points[place.point].frames

    def _sight(self, path: ExecutionPath, place: Place, depth: int) -> Sight:
        for _ in range(LAYOUTS_MAX):
            try:
                with self._begun() as replay:
                    replay = self._at_or_before(place, replay)
                    stop = self._go(replay, path, place)
                    return _seen(replay, stop, depth) if stop.reason in _STANDS else NOTHING
            except TracingChangesPath:
                self._try_another_layout()
        return NOTHING

    def _try_another_layout(self) -> None:
        """Let objects lie elsewhere in the next replays: see `TracingChangesPath`."""
        self._padding = (self._padding + 1) % LAYOUTS_MAX

    def _at_or_before(self, place: Place, replay: Replayer) -> Replayer:
        if self._stands is None or self._stands > place:
            self._close()
            replay = self._made()
            replay.begin()
            self._stands = Place(-1)
        return replay

    def _go(self, replay: Replayer, path: ExecutionPath, place: Place) -> Stop:
        """Go on to a place."""
        assert self._stands is not None
        stop = replay.stop
        if place is RAISED:
            if self._stands is not RAISED:
                stop = replay.go()
        else:
            if self._stands.point < place.point:
                stop = self._go_to_point(replay, path, place.point)
            if self._stands.lines < place.lines:
                stop = replay.go(Watch(count=place.lines - self._stands.lines))
        if stop is None:
            raise ReplayLost("the replay has ended before the place that it was to go to")
        self._stands = place if stop.reason in _STANDS else None
        return stop

    def _go_to_point(self, replay: Replayer, path: ExecutionPath, number: int) -> Stop:
        assert self._stands is not None
        points = path.points
        if points[number].request[:1] != b"{":
            # A look at the clock: the tracer watches for them from the last question on.
            last = number
            while last > self._stands.point and points[last].request[:1] != b"{":
                last -= 1
            if last > self._stands.point:
                replay.go(Watch(point=last))
            stop = replay.go(Watch(point=number, clocks=True))
        else:
            stop = replay.go(Watch(point=number))
        self._stands = Place(number)
        return stop

    @contextlib.contextmanager
    def _begun(self) -> Iterator[Replayer]:
        """Give the replay there is, or one that has not begun, and all its time."""
        replay = self._replay or self._made()
        replay.world.allow(self._left_s())
        try:
            yield replay
        except FlawlessError:
            self._close()
            raise

    def _made(self) -> Replayer:
        self._replay = Replayer(
            self.recording,
            seconds_max=self._seconds_max,
            limits=self._limits,
            padding=self._padding,
        )
        self._replay.world.allow(self._left_s())
        self._stands = None
        return self._replay

    def _left_s(self) -> float:
        return 0.0 if self._given_up or self._abandoned else self._until_s - time.monotonic()

    def _close(self) -> None:
        replay, self._replay, self._stands = self._replay, None, None
        if replay is not None:
            replay.close()


def _can_stop(point: Point) -> bool:
    """Whether a replay can stop there: not where the guest asks below any Python code."""
    return bool(point.frames) or any(task.frames for task in point.tasks)


def _seen(replay: Replayer, stop: Stop, depth: int) -> Sight:
    room = VALUES_MAX

    def levels(frames: list[Frame], task: str | None) -> list[Level]:
        nonlocal room
        found = []
        for number, frame in enumerate(frames):
            shown = None
            if frame.user and number < FRAMES_MAX and room > 0:
                shown = replay.variables(number, depth=depth, task=task)
                room -= sum(_size(one) for one in shown)
            found.append(Level(frame, shown))
        return found

    stack = levels(stop.frames, None)
    tasks = {}
    for number, task in enumerate(stop.tasks):
        named = task.name if number < TASKS_MAX else None
        tasks[task.name] = (
            levels(task.frames, named) if named is not None else [Level(f) for f in task.frames]
        )
    return Sight(stack, tasks)


def _size(variable: Variable) -> int:
    return 1 + sum(_size(part) for part in variable.children)


def _path_bytes(path: ExecutionPath) -> int:
    lines = 0 if path.line_pairs is None else path.line_pairs.nbytes
    points = sum(
        POINT_BYTES + len(point.request) + _frames(point) * FRAME_BYTES for point in path.points
    )
    return lines + points


def _frames(point: Point) -> int:
    return len(point.frames) + sum(len(task.frames) for task in point.tasks)


def _sight_bytes(sight: Sight) -> int:
    levels = [*sight.stack, *(level for stack in sight.tasks.values() for level in stack)]
    variables = sum(_size(one) for level in levels for one in level.variables or ())
    return len(levels) * FRAME_BYTES + variables * VARIABLE_BYTES
