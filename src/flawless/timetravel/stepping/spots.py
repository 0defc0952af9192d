"""Where a debugger can stand, so that it can come back: what to pass from the beginning on.

A spot is told from the last *request* before it, a point at which the guest talks with its host.
There every replay can be stopped at full speed; what follows is counted in executed lines. Looks at
the clock are points too, but happen below any Python code.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field, replace

from flawless.timetravel.model import Point, Watch
from flawless.timetravel.path import ExecutionPath
from flawless.timetravel.problems import NoSuchPlace

Breakpoints = dict[str, list[int]]
"""Lines by file."""
_SILENT = ("clock", "sleep", "stdout", "stderr")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place of the path, and how to get there."""

    request: int = -1
    """The number of the last request that was made, or is about to be; -1: none yet."""
    lines: int | None = 0
    """Lines since, the one that it stands at included; None: not counted yet, see `found`."""
    clock: int | None = None
    """The look at the clock that it stands at."""
    last: bool = False
    """Whether it is behind all lines and points: where the workflow ended."""
    since: int = 0
    found: Breakpoints = field(default_factory=dict)
    """Uncounted, it is where these breakpoints stop, looked for from so many lines on."""
    skip: int = 0
    """How many stops come before, from there on."""

    def watches(self, *, record: bool = False, calls: bool = False) -> list[Watch]:
        """Return what to go to after the request, one after the other."""
        go = Watch(record=record, calls=calls)
        if self.last:
            return [go]
        if self.clock is not None:
            return [replace(go, point=self.clock, clocks=True)]
        counted = self.since if self.lines is None else self.lines
        wanted = [replace(go, count=counted)] if counted else []
        if self.lines is None:
            wanted.append(replace(go, breakpoints=self.found, skip=self.skip))
        return wanted


class Course:
    """The points of a path, as a debugger goes along them."""

    def __init__(self, path: ExecutionPath) -> None:
        self.points = path.points
        self.end = path.end
        self.error = path.error
        self.raised = path.raised is not None
        self.requests = [point.number for point in self.points if not is_silent(point)]
        self._positions = [point.position for point in self.points]
        self.unreachable = {
            point.number for point in self.points if point.request in (b"stdout", b"stderr")
        }
        """Points at which no guest can be stopped."""

    @property
    def open(self) -> bool:
        """Whether the execution waits at the last point: nothing is recorded there."""
        return bool(self.points) and self.points[-1].entry is None

    def request_before(self, points: int) -> int:
        """Return the last request among the first `points` points; -1: there is none."""
        place = bisect_left(self.requests, points)
        return self.requests[place - 1] if place else -1

    def is_clock(self, number: int) -> bool:
        """Whether a point is one at which the guest cannot talk."""
        return is_silent(self.points[number])

    def number_at(self, position: int) -> int:
        """Return the point that entry `position` answers, or the next one. Raises `NoSuchPlace`."""
        number = bisect_left(self._positions, position)
        if position < 0 or number == len(self.points):
            last = self._positions[-1] if self._positions else 0
            raise NoSuchPlace(
                f"there is no effect {position}: this execution has effects 1 to {last}"
                if last
                else f"there is no effect {position}: this execution has none"
            )
        return number


def is_silent(point: Point) -> bool:
    """Whether the guest asked below any Python code."""
    return point.request.partition(b" ")[0].decode("utf-8", "replace") in _SILENT
