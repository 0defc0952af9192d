"""A debugger for guests in Rust: it goes from effect to effect, forwards and backwards.

Such a guest tells where each of its effects was asked for, and between two of them it is machine
code. So the path with its places, found by one replay, is all that there is to see, and a move
needs no guest. What is asked of lines is answered by the effects on them.
"""

from __future__ import annotations

from flawless.core.limits import Limits
from flawless.timetravel.labels import users_line
from flawless.timetravel.model import Stop, Watch
from flawless.timetravel.path import ExecutionPath, trace
from flawless.timetravel.problems import NoSuchFrame, NoSuchPlace
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import Replayer
from flawless.timetravel.stepping.breakpoints import Breakpoint, BreakpointSet
from flawless.timetravel.stepping.debugger import Debugger
from flawless.timetravel.stepping.driver import Driver
from flawless.timetravel.stepping.spots import Breakpoints, Course, Spot
from flawless.timetravel.whereabouts import BY_EFFECT, NO_VARIABLES, beginning


class EffectDebugger(Debugger):
    """Stands at an effect of a recorded execution, and moves to others. See `Debugger`."""

    has_lines = False

    def next_effect(self) -> None:
        """Go to the next effect, or the end."""
        super().next_effect()
        self._say_if_nowhere()

    def previous_effect(self) -> None:
        """Go back to the effect before, or the start."""
        super().previous_effect()
        self._say_if_nowhere()

    def go_to(self, position: int) -> None:
        """Go to the effect that entry `position` of the journal answers. Raises `NoSuchPlace`."""
        super().go_to(position)
        self._say_if_nowhere()

    def step_into(self) -> None:
        """Go to the next effect: there are no lines."""
        self.next_effect()
        self.note = self.note or BY_EFFECT

    step_over = step_out = step_into

    def back_into(self) -> None:
        """Go back to the effect before: there are no lines."""
        self.previous_effect()
        self.note = self.note or BY_EFFECT

    back_over = back_out = back_into

    def _say_if_nowhere(self) -> None:
        if self.at is None or self.frames:
            return
        self.note = self.note or "the standard library asked for this, and nobody knows where"
        points = self.course.points
        before = next((one for one in reversed(points[: self.at]) if one.frames), None)
        after = next((one for one in points[self.at :] if one.frames), None)
        if before is not None:
            self.note += f", behind {users_line(before.frames)}"
        if after is not None:
            self.note += f", before {users_line(after.frames)}"

    def _go_to_start(self) -> None:
        self._driver.stand(Spot())

    def _found_course(self, seconds_max: float) -> Course:
        self._path = trace(self.recording, seconds_max=seconds_max)
        return _Course(self._path)

    def _made_driver(self, limits: Limits | None, seconds_max: float) -> Driver:
        return _Driver(self.recording, self.course, self._path)

    def _made_breakpoints(self) -> BreakpointSet:
        return _Breakpoints(self.sources, self.course, self.labels)


class _Course(Course):
    """All points are places to stand at."""

    def __init__(self, path: ExecutionPath) -> None:
        super().__init__(path)
        self.requests = [point.number for point in self.points]
        self.unreachable = set()

    def is_clock(self, number: int) -> bool:
        """None of them is passed by."""
        return False


class _Driver(Driver):
    """Stands at points of a path that is known, without a guest."""

    def __init__(self, recording: Recording, course: Course, path: ExecutionPath) -> None:
        super().__init__(recording, course)
        self._path = path
        self._begin = beginning(recording)

    def guest(self) -> Replayer:
        """There is none."""
        raise NoSuchFrame(NO_VARIABLES)

    def code_lines(self, file: str, text: str) -> list[int]:
        """Return the lines of a file on which the execution has asked for something."""
        frames = (frame for point in self._path.points for frame in point.frames)
        return sorted({frame.line for frame in frames if frame.file == file})

    def stand(self, spot: Spot) -> None:
        """Go to a spot, wherever it is."""
        points = self._path.points
        if spot.last:
            raised = self._path.raised
            frames = [] if raised is None else raised.frames
            reason = "end" if raised is None else "raised"
            position = len(self._recording.entries) - 1
            self.stop = Stop(reason, frames, [], len(points), position, 0)
        elif spot.request < 0:
            self.stop = Stop("begin", self._begin, [], 0, 0, 0)
        else:
            point = points[spot.request]
            self.stop = Stop("request", point.frames, [], point.number + 1, point.position, 0)
        self.spot = spot

    def go_on(self, watch: Watch) -> Stop:
        """Go to the point of a watch, which has one here."""
        assert watch.point is not None
        self.stand(Spot(watch.point))
        return self.stop

    def stand_at_error(self) -> None:
        """Go to the last place that can be shown."""
        self.stand(Spot(len(self._path.points) - 1))


class _Breakpoints(BreakpointSet):
    """Those at lines are at the effects that were asked for there."""

    def at_line(self, file: str, line: int) -> Breakpoint:
        """Set one at a line. Raises `NoSuchPlace`, with the nearest lines that have effects."""
        name = self._sources.find(file)
        points = frozenset(
            point.number
            for point in self._course.points
            if any((frame.file, frame.line) == (name, line) for frame in point.frames)
        )
        if not points:
            raise NoSuchPlace(self._no_effect(name, line))
        same = (one for one in self if one.file == name and one.line == line)
        return next(same, None) or self._add(file=name, line=line, points=points)

    def lines(self) -> Breakpoints:
        """Return none: they are at points."""
        return {}

    def _no_effect(self, file: str, line: int) -> str:
        lines = self._sources.code_lines(file)
        if not lines:
            return f"this execution has asked for nothing in {file}, so there is no place to stop"
        nearest = sorted(lines, key=lambda one: (abs(one - line), one))[:3]
        told = " and ".join(str(one) for one in sorted(nearest))
        return (
            f"this execution has asked for nothing on line {line} of {file}, and Rust guests can "
            f"be stopped where their effects are; near are those of line {told}"
        )
