"""Brings a guest to a spot of its path, and knows where it stands.

Forwards the guest goes on; backwards a new one begins and runs to the spot at full speed. One whose
variables an expression may have changed is not moved any further: another one takes its place.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, replace

from flawless.core.limits import Limits
from flawless.errors import FlawlessError
from flawless.timetravel.model import Point, Stop, Watch
from flawless.timetravel.problems import ReplayLost
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import SECONDS_MAX, Replayer
from flawless.timetravel.stepping.span import Span, record_span
from flawless.timetravel.stepping.spots import Breakpoints, Course, Spot


@dataclass(frozen=True, slots=True)
class Hit:
    """A breakpoint that was passed: the `number`th one that was after a request."""

    request: int
    number: int
    points: list[Point]
    hits: int
    """How many were passed until then, itself included."""

    def is_behind(self, point: int) -> bool:
        """Whether it was passed after a point."""
        return self.points[point].lines_before < self.hits


class Driver:
    """One guest of a recording at a time, at a spot of the course."""

    def __init__(
        self,
        recording: Recording,
        course: Course,
        *,
        limits: Limits | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self._recording = recording
        self._course = course
        self._limits = limits
        self._seconds_max = seconds_max
        self._replay: Replayer | None = None
        self._busy: Replayer | None = None
        self._span: Span | None = None
        self.spot = Spot()
        self.stop = Stop("begin", [], [], 0, 0, 0)

    def close(self) -> None:
        """Free the guest. It may be used again: then there is a new one."""
        if self._replay is not None:
            self._replay.close()
            self._replay = None

    def put_back(self, spot: Spot, stop: Stop) -> None:
        """Stand again where a move began that could not be made."""
        if self.spot != spot:
            self.close()
            self.spot, self.stop = spot, stop

    def interrupt(self) -> None:
        """Make a move that takes too long end, with `ReplayTooLong`; for signal handlers."""
        if self._busy is not None:
            self._busy.world.interrupt()

    def guest(self) -> Replayer:
        """Return the guest at the spot, to look into. It is a new one if the last one is lost."""
        if self._replay is None:
            self.stand(self.spot)
            assert self._replay is not None
        return self._replay

    def code_lines(self, file: str, text: str) -> list[int]:
        """Return the lines of a source text on which functions execute something."""
        if self._replay is not None and self._replay.stop is not None:
            return self._replay.code_lines(file, text)
        with self._made() as replay:
            replay.begin()
            return replay.code_lines(file, text)

    # --- moves --------------------------------------------------------------------------------

    def stand(self, spot: Spot) -> None:
        """Go to a spot, wherever it is."""
        if self._replay is not None and not self._replay.touched and spot == self.spot:
            return
        replay = self._begun_before(spot)
        watches = spot.watches()
        if replay is None:
            replay = self._new()
            if spot.request >= 0:
                watches.insert(0, Watch(point=spot.request))
        elif spot.request > self.spot.request:
            watches.insert(0, Watch(point=spot.request))
        elif spot.lines is not None and not spot.last:
            watches = [Watch(count=spot.lines - (self.spot.lines or 0))]
        self.stop = self._drive(replay, watches)
        self.spot = spot
        if spot != Spot() and not spot.last and self.stop.reason == "end":
            raise ReplayLost("the replay does not come to this place again")

    def go_on(self, watch: Watch) -> Stop:
        """Let the guest go on, and find out where it stops.

        The lines on the way are to be recorded, or the watch is for breakpoints.
        """
        if watch.record or watch.breakpoints != self.spot.found:
            self.count_lines()
        if self._replay is None or self._replay.touched:
            self.close()
            self.stand(self.spot)
        assert self._replay is not None
        world = self._replay.world
        seen = world.lines_seen
        stop = self._drive(self._replay, [watch])
        self.spot = self._spot_at(stop, watch, world.points, world.lines_seen - seen)
        self.stop = stop
        return stop

    def count_lines(self) -> None:
        """Find out how many lines after its request the spot is, where that is not known."""
        if self.spot.lines is None:
            replay = self._new()
            watches = self.spot.watches(record=True)
            if self.spot.request >= 0:
                watches.insert(0, Watch(point=self.spot.request))
            self.stop = self._drive(replay, watches)
            self.spot = Spot(self.spot.request, replay.world.lines_seen)

    def stand_at_error(self) -> None:
        """Go to the last line before the place where no replay gets any further."""
        request = self._course.request_before(len(self._course.points))
        with self._made() as replay:
            try:
                self._run(replay, [Watch(point=request)] if request >= 0 else [])
                replay.go(Watch(record=True))
            except FlawlessError:
                if replay.error is None:
                    raise
            lines = replay.world.lines_seen
        self.stand(Spot(request, lines))

    def last_hit(self, breakpoints: Breakpoints) -> Hit | None:
        """Return the last of these breakpoints that was passed before the spot."""
        self.count_lines()
        noted = Watch(hits=True, breakpoints=breakpoints, clocks=True)
        watches = [
            replace(one, hits=True, breakpoints=breakpoints, clocks=True)
            for one in self.spot.watches()
        ]
        if self.spot.request >= 0:
            watches.insert(0, replace(noted, point=self.spot.request))
        with self._made() as replay:
            self._run(replay, watches)
            points, hits = replay.world.points, replay.world.lines_seen
        if not hits:
            return None
        passed = [n for n in self._course.requests if n <= self.spot.request]
        before = [points[n].lines_before for n in passed]
        place = bisect_left(before, hits) - 1
        if place < 0:
            return Hit(-1, hits, points, hits)
        return Hit(passed[place], hits - before[place], points, hits)

    def stand_at_hit(self, hit: Hit, breakpoints: Breakpoints) -> None:
        """Go to a breakpoint that was passed."""
        replay = self._new()
        watches = [Watch(record=True, breakpoints=breakpoints, skip=hit.number - 1)]
        if hit.request >= 0:
            watches.insert(0, Watch(point=hit.request))
        self.stop = self._drive(replay, watches)
        self.spot = Spot(hit.request, replay.world.lines_seen)

    def span(self, requests: int) -> Span:
        """Return the lines until the spot, from so many requests before it or more."""
        self.count_lines()
        known = self._course.requests
        place = bisect_left(known, self.spot.request) - requests if self.spot.request >= 0 else -1
        first = known[place] if place >= 0 else -1
        if self._span is None or not self._span.holds(self.spot) or self._span.first > first:
            with self._made() as replay:
                self._span = record_span(replay, self._course, first, self.spot)
        return self._span

    # --- inside -------------------------------------------------------------------------------

    def _begun_before(self, spot: Spot) -> Replayer | None:
        """Return the guest if it only has to go on to come to a spot."""
        replay, here = self._replay, self.spot
        if replay is None or replay.touched or here.last or replay.stop is None:
            return None
        if spot.request > here.request:
            return replay
        if spot.request < here.request:
            return None
        if spot.last:
            return replay
        if here.lines is None or spot.lines is None or here.clock or spot.clock:
            return None
        return replay if spot.lines > here.lines else None

    def _spot_at(self, stop: Stop, watch: Watch, points: list[Point], new_lines: int) -> Spot:
        if stop.reason in ("raised", "end"):
            return Spot(self._course.request_before(stop.points), last=True)
        if stop.reason == "request":
            return Spot(stop.points - 1)
        request = self._course.request_before(stop.points)
        same = request == self.spot.request
        if not watch.record:
            assert stop.reason == "breakpoint"
            if not same:
                return Spot(request, None, found=watch.breakpoints)
            if self.spot.lines is None:
                return replace(self.spot, skip=self.spot.skip + 1)
            return Spot(request, None, since=self.spot.lines, found=watch.breakpoints)
        if same:
            lines = (self.spot.lines or 0) + new_lines
        else:
            assert self._replay is not None
            lines = self._replay.world.lines_seen - points[request].lines_before
        clock = stop.points if stop.reason == "clock" else None
        return Spot(request, lines, clock)

    def _new(self) -> Replayer:
        """Replace the guest by one that has not begun."""
        self.close()
        self._replay = self._made()
        return self._replay

    def _made(self) -> Replayer:
        return Replayer(self._recording, seconds_max=self._seconds_max, limits=self._limits)

    def _drive(self, replay: Replayer, watches: list[Watch]) -> Stop:
        """Let the guest go to one watch after the other. One that breaks or is left is closed."""
        try:
            return self._run(replay, watches)
        except BaseException:
            self.close()
            raise

    def _run(self, replay: Replayer, watches: list[Watch]) -> Stop:
        self._busy = replay
        try:
            stop = replay.begin()
            for watch in watches:
                stop = replay.go(watch)
            return stop
        finally:
            self._busy = None
