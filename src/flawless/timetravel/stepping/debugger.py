"""A debugger that goes forwards and backwards over what an execution did.

    debugger = Debugger(recording)
    debugger.end()                       # the failing line, if it failed
    debugger.back_over()                 # the line that was executed before in this function
    debugger.variables(), debugger.evaluate("order.total")

Nothing is performed and nothing is recorded. The path is fixed: an expression may change what the
guest knows for as long as it stands there, and never what happens next.

A move that cannot be made leaves the debugger where it is. What there is to say about where it
stands beyond that is in `note`.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, Literal

from flawless.core.limits import Limits
from flawless.errors import FlawlessError, UsageError
from flawless.timetravel.labels import Labels, ending
from flawless.timetravel.model import Frame, Point, Stop, Variable, Watch
from flawless.timetravel.path import trace
from flawless.timetravel.problems import NoSuchFrame, ReplayTooLong
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import SECONDS_MAX, Replayer
from flawless.timetravel.sources import Sources
from flawless.timetravel.stepping.breakpoints import BreakpointSet
from flawless.timetravel.stepping.driver import Driver
from flawless.timetravel.stepping.span import Span
from flawless.timetravel.stepping.spots import Course, Spot
from flawless.timetravel.world import Told

SPAN_REQUESTS: Final = 16
"""How many requests before the spot the search for an earlier line begins; then it widens."""


@dataclass(frozen=True, slots=True)
class Thread:
    """A task of the workflow, or all of it where it has none."""

    name: str
    frames: list[Frame]
    runs: bool
    """Whether it is the one that runs; the others wait."""


class Debugger:
    """Stands at a place of a recorded execution, and moves.

    `opening.open_debugger` makes the one that fits a recording.

    Raises `UsageError` where the code is not Python, or is not in the recording.
    """

    has_lines = True
    """Whether lines and variables are seen, or effects only."""

    def __init__(
        self,
        recording: Recording,
        *,
        limits: Limits | None = None,
        seconds_max: float = SECONDS_MAX,
    ) -> None:
        self.recording = recording
        self.course = self._found_course(seconds_max)
        self.labels = Labels(recording.entries, recording.invoked.began_us)
        self._driver = self._made_driver(limits, seconds_max)
        self.sources = Sources(recording.deployment, self._driver.code_lines)
        self.breakpoints = self._made_breakpoints()
        self.note = ""
        """What is to be said about where it stands."""
        self._threads: list[Thread] | None = None
        self._thread = 0
        self._frame = 0
        self.start()

    def _found_course(self, seconds_max: float) -> Course:
        deployment = self.recording.deployment
        if not deployment.manifest.modules or not deployment.is_python:
            raise UsageError(
                f"{self.recording.execution} ran on a component that is not Python: no replay of "
                "it can be stopped at a line. `flawless replay --trace effects` shows its effects"
            )
        return Course(trace(self.recording, stacks=False, seconds_max=seconds_max))

    def _made_driver(self, limits: Limits | None, seconds_max: float) -> Driver:
        return Driver(self.recording, self.course, limits=limits, seconds_max=seconds_max)

    def _made_breakpoints(self) -> BreakpointSet:
        return BreakpointSet(self.sources, self.course, self.labels)

    def close(self) -> None:
        """Free the guest."""
        self._driver.close()

    def interrupt(self) -> None:
        """Give up a move that takes too long, from a signal handler or another thread."""
        self._driver.interrupt()

    # --- where it stands ----------------------------------------------------------------------

    @property
    def stop(self) -> Stop:
        """Where the guest stands."""
        return self._driver.stop

    @property
    def spot(self) -> Spot:
        """The same, told from the beginning."""
        return self._driver.spot

    @property
    def ended(self) -> bool:
        """Whether it stands behind everything the workflow did."""
        return self.spot.last

    @property
    def ending(self) -> str:
        """How the workflow ended; empty when the recording does not say."""
        return "" if self.course.end is None else ending(self.course.end)

    @property
    def at(self) -> int | None:
        """The number of the point that it stands at; None between points."""
        if self.ended:
            return None
        if self.stop.reason == "request":
            return self.stop.points - 1
        return self.stop.points if self.stop.reason == "clock" else None

    @property
    def point(self) -> Point | None:
        """The effect that it stands at, with what the journal is about to answer."""
        return None if self.at is None else self.course.points[self.at]

    @property
    def passed(self) -> int:
        """How many points have been answered."""
        return self.stop.points if self.at is None else self.at

    @property
    def elapsed_us(self) -> int:
        """How much time had passed since the beginning, as far as the journal tells."""
        if self.ended and self.course.end is not None:
            return self.course.end.at
        last = self.course.points[self.passed - 1].entry if self.passed else None
        return 0 if last is None else last.at

    @property
    def threads(self) -> list[Thread]:
        """What runs or waits here: the running code first, if any, then the tasks that wait."""
        if self._threads is None:
            stop = self.stop
            tasks = stop.tasks
            if stop.task and not tasks and stop.reason != "raised":
                tasks = self._driver.guest().tasks()
            runs = [Thread(stop.task or "main", stop.frames, runs=True)] if stop.frames else []
            self._threads = [*runs, *(Thread(one.name, one.frames, runs=False) for one in tasks)]
        return self._threads

    @property
    def thread(self) -> Thread | None:
        """The chosen one of them; None where nothing stands anywhere."""
        return self.threads[self._thread] if self.threads else None

    @property
    def frames(self) -> list[Frame]:
        """The stack of the chosen thread, innermost frame first."""
        return self.thread.frames if self.thread is not None else []

    @property
    def frame(self) -> int:
        """The number of the chosen frame."""
        return self._frame

    def choose(self, frame: int, thread: int | None = None) -> None:
        """Choose what variables and expressions are about. Raises `NoSuchFrame`."""
        number = self._thread if thread is None else thread
        if not 0 <= number < len(self.threads):
            raise NoSuchFrame(f"there is no task {number} here")
        if not 0 <= frame < len(self.threads[number].frames):
            raise NoSuchFrame(f"there is no frame {frame} here")
        self._thread, self._frame = number, frame

    # --- looking ------------------------------------------------------------------------------

    def variables(self, frame: int | None = None, thread: int | None = None) -> list[Variable]:
        """Return the local variables of a frame; of the chosen one unless told otherwise."""
        number, task = self._chosen(frame, thread)
        with self._looking() as guest:
            return guest.variables(number, task=task)

    def module_variables(
        self, frame: int | None = None, thread: int | None = None
    ) -> list[Variable]:
        """Return the variables of the module that a frame's code is of."""
        number, task = self._chosen(frame, thread)
        with self._looking() as guest:
            return guest.module_variables(number, task=task)

    def children(self, ref: int) -> list[Variable]:
        """Return what a value holds that was shown here."""
        with self._looking() as guest:
            return guest.children(ref)

    def evaluate(self, text: str, frame: int | None = None, thread: int | None = None) -> Told:
        """Evaluate an expression: `value`, or `raised` with type and message.

        Names are looked up, all else is executed: it may change what the guest knows while it
        stands here. Raises `ReplayLost` when it did not end, `NoSuchFrame`.
        """
        number, task = self._chosen(frame, thread)
        with self._looking() as guest:
            if text.strip().isidentifier() and self.frames:
                known = guest.variables(number, task=task)
                found = [one for one in known if one.name == text.strip()]
                if found:
                    return Told("did", value=found[0])
            return guest.evaluate(text, number, task=task)

    @contextmanager
    def _looking(self) -> Iterator[Replayer]:
        """Give the guest. One that is lost by a look is closed: the next stands at its place."""
        guest = self._driver.guest()
        try:
            yield guest
        except FlawlessError:
            if guest.stop is None:
                self._driver.close()
            raise

    def _chosen(self, frame: int | None, thread: int | None) -> tuple[int, str | None]:
        if self.ended and not self.stop.frames:
            raise NoSuchFrame(
                "the workflow has ended, and nothing of it is left to look at: go back first"
            )
        number = self._thread if thread is None else thread
        if self.threads and not 0 <= number < len(self.threads):
            raise NoSuchFrame(f"there is no task {number} here")
        task = None
        if self.threads and not self.threads[number].runs:
            task = self.threads[number].name
        return self._frame if frame is None else frame, task

    # --- forwards -----------------------------------------------------------------------------

    def next_effect(self) -> None:
        """Go to the next effect, or the end."""
        with _Move(self):
            target = self.passed if self.at is None else self.at + 1
            while target in self.course.unreachable:
                target += 1
            if self.ended or target >= len(self.course.points):
                self._go_to_end()
            else:
                self._go_to_point(target)

    def step_into(self) -> None:
        """Go to the next line, wherever it is."""
        self._step("lines")

    def step_over(self) -> None:
        """Go to the next line of this function, or of its caller when it returns."""
        self._step("over")

    def step_out(self) -> None:
        """Go on until this function has returned."""
        self._step("out")

    def resume(self) -> None:
        """Go on to the next breakpoint, or the end."""
        with _Move(self):
            first = self.passed if self.at is None else self.at + 1
            point = self.breakpoints.point_from(first)
            lines = self.breakpoints.lines()
            clock = point is not None and self.course.is_clock(point)
            if self.ended or (point is None and not lines):
                self._go_to_end()
            else:
                watch = Watch(point=point, breakpoints=lines, clocks=clock, record=clock)
                self._after(self._driver.go_on(watch))

    def end(self) -> None:
        """Go to the end: where it failed, where it returned, or where it waits."""
        with _Move(self):
            self._go_to_end()

    def _step(self, kind: Literal["lines", "over", "out"]) -> None:
        with _Move(self):
            if self.ended or self._waits:
                self._go_to_end()
            else:
                self._after(self._driver.go_on(Watch(stop=kind, record=True)))

    def _after(self, stop: Stop) -> None:
        """See to it that it stands somewhere where the guest has come to the journal's end."""
        if stop.reason == "end":
            self._go_to_end()

    @property
    def _waits(self) -> bool:
        return self.course.open and self.at == len(self.course.points) - 1

    def _go_to_end(self) -> None:
        course = self.course
        last = len(course.points) - 1
        if course.end is not None and course.error is None and not course.open:
            self._driver.stand(Spot(course.request_before(last + 1), last=True))
            self.note = f"the workflow {self.ending}"
            return
        if course.error is not None:
            self._driver.stand_at_error()
            self.note = f"nothing further can be replayed: {course.error}"
            return
        if last < 0:
            self._driver.stand(Spot())
        else:
            self._go_to_point(last)
        if course.end is not None:
            self.note = f"the workflow {self.ending}"
        else:
            self.note = "nothing further is recorded: here the execution waits"

    # --- backwards ----------------------------------------------------------------------------

    def previous_effect(self) -> None:
        """Go back to the effect before, or the start."""
        with _Move(self):
            for target in range(self.passed - 1, -1, -1):
                if target not in self.course.unreachable and self._go_to_point(target):
                    return
            self._go_to_start()
            self.note = "the start"

    def back_into(self) -> None:
        """Go back to the line that was executed before, wherever it is."""
        with _Move(self):
            self._back(lambda span: span.line_before(self.spot))

    def back_over(self) -> None:
        """Go back to the line before of this function, or to where it was called."""
        with _Move(self):
            self._back(lambda span: span.line_before_in_call(self.spot))

    def back_out(self) -> None:
        """Go back to where this function was called."""
        with _Move(self):
            self._back(lambda span: span.line_of_caller(self.spot))

    def reverse(self) -> None:
        """Go back to the breakpoint that was passed last, or the start."""
        with _Move(self):
            lines = self.breakpoints.lines()
            point = self.breakpoints.point_before(self.passed)
            hit = self._driver.last_hit(lines) if lines else None
            if hit is not None and (point is None or hit.is_behind(point)):
                self._driver.stand_at_hit(hit, lines)
            elif point is not None:
                self._go_to_point(point)
            else:
                self._go_to_start()
                self.note = "the start: no breakpoint lies before"

    def start(self) -> None:
        """Go to the first line of the workflow."""
        with _Move(self):
            self._go_to_start()

    def go_to(self, position: int) -> None:
        """Go to the effect that entry `position` of the journal answers. Raises `NoSuchPlace`."""
        with _Move(self):
            if position == 0:
                self._go_to_start()
                return
            number = self.course.number_at(position)
            found = self.course.points[number].position
            if found != position:
                self.note = f"entry {position} answers no effect; this is the next that does"
            if not self._go_to_point(number):
                self.note = (
                    f"at effect {found} the guest runs no Python code and cannot be stopped: this "
                    "is the next place"
                )

    def _back(self, look: Callable[[Span], int | None]) -> None:
        requests = SPAN_REQUESTS
        while True:
            span = self._driver.span(requests)
            line = look(span)
            if line is None:
                self.note = "no function of yours has called this one"
                return
            if line > 0:
                self._driver.stand(span.spot_of(line))
                return
            if span.first < 0:
                self._go_to_start()
                self.note = "the start: there is nothing before"
                return
            requests *= 4

    # --- places -------------------------------------------------------------------------------

    def _go_to_start(self) -> None:
        if self.spot != Spot() or self.stop.reason != "begin":
            self._driver.stand(Spot())
        if self._driver.go_on(Watch(stop="lines", record=True)).reason == "end":
            self._driver.stand(Spot())

    def _go_to_point(self, number: int) -> bool:
        """Go to a point; where no guest can be stopped there, to the next place after it."""
        driver = self._driver
        if not self.course.is_clock(number):
            driver.stand(Spot(number))
            return True
        request = self.course.request_before(number)
        spot = driver.spot
        if spot.request != request or spot.last or self.passed > number or self.at == number:
            driver.stand(Spot(request))
        stop = driver.go_on(Watch(point=number, clocks=True, record=True))
        if stop.reason == "clock" and stop.points == number:
            return True
        self.course.unreachable.add(number)
        if stop.reason == "end":
            known = self.course.requests
            place = bisect_left(known, number) - 1
            driver.stand(Spot(known[place] if place >= 0 else -1))
        return False

    def _moved(self) -> None:
        """Choose the innermost frame that is the user's."""
        self._threads = None
        self._thread = self._frame = 0
        for number, thread in enumerate(self.threads):
            mine = next((n for n, one in enumerate(thread.frames) if one.user), None)
            if mine is not None:
                self._thread, self._frame = number, mine
                return


class _Move:
    """A move: one that the path itself ends leaves the debugger at the last place it can show."""

    def __init__(self, debugger: Debugger) -> None:
        self._debugger = debugger
        self._before = debugger.spot, debugger.stop

    def __enter__(self) -> None:
        self._debugger.note = ""

    def __exit__(self, kind: type[BaseException] | None, error: object, _: object) -> bool:
        debugger = self._debugger
        if kind is None:
            debugger._moved()
            return False
        if (
            not isinstance(error, FlawlessError)
            or isinstance(error, UsageError | ReplayTooLong)
            or debugger.course.error is None
        ):
            debugger._driver.put_back(*self._before)
            return False
        debugger._go_to_end()
        debugger._moved()
        return True
