"""Where a debugger is to stop: at lines, and at effects."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flawless.timetravel.labels import Labels
from flawless.timetravel.problems import NoSuchPlace
from flawless.timetravel.sources import Sources
from flawless.timetravel.stepping.spots import Breakpoints, Course

BREAKPOINTS_MAX: Final = 1_000


@dataclass(frozen=True, slots=True)
class Breakpoint:
    """A line, an effect, or all effects whose label has a text in it."""

    number: int
    file: str = ""
    line: int = 0
    effect: int | None = None
    """The position in the journal of what answers it."""
    label: str = ""
    remark: str = ""
    """What is special about it, for whoever set it."""
    points: frozenset[int] = frozenset()
    """The points it stops at, where it is one of effects."""

    @property
    def what(self) -> str:
        """What it is, in words."""
        if self.file:
            return f"{self.file}:{self.line}"
        if self.effect is not None:
            return f"effect {self.effect}"
        count = len(self.points)
        return f"{count:,} effect{'s' * (count != 1)} named {self.label!r}"


class BreakpointSet:
    """The breakpoints of a debugger, numbered from 1 as they were set."""

    def __init__(self, sources: Sources, course: Course, labels: Labels) -> None:
        self._sources = sources
        self._course = course
        self._labels = labels
        self._all: dict[int, Breakpoint] = {}
        self._set = 0

    def __iter__(self) -> Iterator[Breakpoint]:
        return iter(list(self._all.values()))

    def __len__(self) -> int:
        return len(self._all)

    def at_line(self, file: str, line: int) -> Breakpoint:
        """Set one at a line. Raises `NoSuchPlace`, with the nearest line that can be stopped at."""
        name = self._sources.find(file)
        remark = self._sources.check_line(name, line)
        same = (one for one in self if one.file == name and one.line == line)
        return next(same, None) or self._add(file=name, line=line, remark=remark)

    def at_effect(self, position: int) -> Breakpoint:
        """Set one at the effect that entry `position` answers."""
        number = self._course.number_at(position)
        found = self._course.points[number].position
        remark = "" if found == position else f"entry {position} answers no effect: the next does"
        if number in self._course.unreachable:
            remark = "the guest cannot be stopped there: it will stop at the next effect"
        return self._add(effect=found, remark=remark, points=frozenset([number]))

    def at_label(self, text: str) -> Breakpoint:
        """Set one at all effects whose label has `text` in it, in whatever case."""
        wanted = text.casefold()
        labels = [self._labels.label(point) for point in self._course.points]
        found = frozenset(n for n, one in enumerate(labels) if wanted in one.casefold())
        if not found:
            some = ", ".join(list(dict.fromkeys(labels))[:10])
            raise NoSuchPlace(f"no effect is named {text!r}; there are: {some or 'none'}")
        return self._add(label=text, points=found)

    def remove(self, number: int) -> Breakpoint:
        """Remove one. Raises `NoSuchPlace` when there is none of that number."""
        if number not in self._all:
            raise NoSuchPlace(f"there is no breakpoint {number}")
        return self._all.pop(number)

    def clear(self, file: str | None = None) -> None:
        """Remove all, or those at lines of a file."""
        for one in self:
            if file is None or one.file == file:
                del self._all[one.number]

    def lines(self) -> Breakpoints:
        """Return the lines, by file."""
        found: Breakpoints = {}
        for one in self:
            if one.file:
                found.setdefault(one.file, []).append(one.line)
        return found

    def point_from(self, first: int) -> int | None:
        """Return the next point with a breakpoint, `first` or a later one."""
        points = self._points()
        at = bisect_left(points, first)
        return points[at] if at < len(points) else None

    def point_before(self, end: int) -> int | None:
        """Return the last point with a breakpoint before point `end`."""
        points = self._points()
        at = bisect_left(points, end)
        return points[at - 1] if at else None

    def _points(self) -> list[int]:
        return sorted({n for one in self for n in one.points} - self._course.unreachable)

    def _add(
        self,
        *,
        file: str = "",
        line: int = 0,
        effect: int | None = None,
        label: str = "",
        remark: str = "",
        points: frozenset[int] = frozenset(),
    ) -> Breakpoint:
        if len(self._all) >= BREAKPOINTS_MAX:
            raise NoSuchPlace(f"there are {BREAKPOINTS_MAX:,} breakpoints already: clear some")
        self._set += 1
        made = Breakpoint(self._set, file, line, effect, label, remark, points)
        self._all[made.number] = made
        return made
