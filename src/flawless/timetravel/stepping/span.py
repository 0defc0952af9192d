"""A piece of a path with each of its lines, for moves backwards.

Going back a line means going to the line that was executed before: so the lines until where the
debugger stands are recorded once, from a request that lies a little before, and each of them with
the call it belongs to. The previous line of the same call is then the step over, and the last line
of the caller the step out. Where the piece does not hold the answer, a longer one is recorded.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass

from flawless.timetravel.model import Watch
from flawless.timetravel.problems import NoSuchPlace
from flawless.timetravel.replayer import Replayer
from flawless.timetravel.stepping.spots import Course, Spot
from flawless.timetravel.world import LINES_MAX


@dataclass(slots=True)
class Span:
    """The lines between a request and a spot."""

    first: int
    """The request that it begins at; -1: the beginning."""
    spot: Spot
    """Where it ends."""
    requests: list[int]
    starts: list[int]
    """How many lines of the span come before each of those requests."""
    calls: memoryview
    callers: dict[int, int]
    call: int
    """The innermost call of the user's at its end; 0: none."""

    @property
    def size(self) -> int:
        """How many lines it has."""
        return len(self.calls)

    def line_of(self, spot: Spot) -> int | None:
        """Return the number of the line that a spot stands at, counted from 1; None: not at one."""
        if spot.lines is None or not spot.lines or spot.clock is not None or spot.last:
            return None
        if spot.request not in self.requests:
            return None
        return self.starts[self.requests.index(spot.request)] + spot.lines

    def holds(self, spot: Spot) -> bool:
        """Whether it knows what lies before a spot."""
        line = self.line_of(spot)
        return spot == self.spot or (line is not None and line <= self.size)

    def spot_of(self, line: int) -> Spot:
        """Return the spot at the line with that number."""
        place = bisect_left(self.starts, line) - 1
        return Spot(self.requests[place], line - self.starts[place])

    def line_before(self, spot: Spot) -> int:
        """Return the number of the line executed before; 0: it is not in this span."""
        line = self.line_of(spot)
        return self.size if line is None else line - 1

    def line_before_in_call(self, spot: Spot) -> int:
        """Return the line before of the same call, else the one that it was called from."""
        line = self.line_of(spot)
        call = self.call if line is None else self.calls[line - 1]
        before = self.line_before(spot)
        if not call:
            return before
        return self._last(call, before) or self._last(self.callers.get(call, 0), before)

    def line_of_caller(self, spot: Spot) -> int | None:
        """Return the line that the call was made from; 0: not in this span, None: there is none."""
        line = self.line_of(spot)
        call = self.call if line is None else self.calls[line - 1]
        caller = self.callers.get(call, 0)
        if not caller:
            return None
        begin = self.calls.tolist().index(call) if call in self.calls else self.size
        return self._last(caller, begin)

    def _last(self, call: int, until: int) -> int:
        if not call:
            return 0
        return next((n for n in range(until, 0, -1) if self.calls[n - 1] == call), 0)


def record_span(replay: Replayer, course: Course, first: int, spot: Spot) -> Span:
    """Record the lines from request `first` to a spot, with a replay that has not begun.

    Raises `NoSuchPlace` where there are too many of them.
    """
    stop = replay.begin()
    if first >= 0:
        stop = replay.go(Watch(point=first))
    if spot.request > first:
        stop = replay.go(Watch(point=spot.request, record=True, calls=True))
    for watch in spot.watches(record=True, calls=True):
        stop = replay.go(watch)
    world = replay.world
    if world.lines_seen > LINES_MAX:
        raise NoSuchPlace(
            f"more than {LINES_MAX:,} lines are executed between the effects here: set a "
            "breakpoint and go there from the start"
        )
    known = [first] + [n for n in course.requests if first < n <= spot.request]
    starts = [0] + [world.points[n].lines_before for n in known[1:]]
    calls = memoryview(world.calls).toreadonly()
    return Span(first, spot, known, starts, calls, world.callers, stop.call)


Look = Callable[[Span], int | None]
"""Finds a line in a span: 0 means that a longer one may have it, None that there is none."""
