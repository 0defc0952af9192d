"""The host of a traced replay: it answers from the journal, and talks with the tracer in the guest.

The tracer is a module of ours that the guest imports before the user's (guests/tracer). Its
requests begin with `{"trace":` and are answered here; the guest's own go to the journal, as in any
replay, and are the same with and without tracer.

A guest that is not Python has no tracer, and is asked at each effect where it stands, as the
protocol has it (see `whereabouts`).
"""

from __future__ import annotations

import re
import time
from array import array
from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal

import msgspec

from flawless.core.entries import Entry
from flawless.core.history import history
from flawless.core.limits import Limits
from flawless.core.protocol import SecretRequest, decode_request
from flawless.core.randomness import RandomStream
from flawless.core.responses import WHERE
from flawless.engine.deployment import Deployment
from flawless.engine.replay import RecordedWorld
from flawless.engine.secrets import PREFIX, placeholder
from flawless.timetravel.model import CodeBlock, Frame, Point, Stop, Task, Variable, Watch
from flawless.timetravel.problems import ReplayTooLong
from flawless.timetravel.whereabouts import Whereabouts

TRACER: Final = "_flawless_tracer"
"""The name of the tracer as the guest imports it."""
LINES_MAX: Final = 4_000_000
"""Executed lines that are kept in order, eight bytes each; all are counted."""

_LOAD = b'{"op":"load","name":"%s' % TRACER.encode()
_TALK = b'{"trace":"talk"}'
_GO = b'{"do":"go"}'
_MINE = b'{"trace":'
_SECRET = b'{"op":"secret"'
_PLACEHOLDER = re.compile(PREFIX + "[0-9a-f]{32}")


class Told(msgspec.Struct):
    """What the tracer reports, or answers to a command."""

    trace: str
    frames: list[Frame] = []
    tasks: list[Task] = []
    variables: list[Variable] = []
    value: Variable | None = None
    raised: dict[str, str] | None = None
    failed: str = ""
    size: int = 0
    number: int = 0
    file: str = ""
    function: str = ""
    line: int = 0
    lines: list[int] = []
    calls: list[int] = []
    callers: list[int] = []
    task: str = ""
    call: int = 0


_told = msgspec.json.Decoder(Told)


class TracedWorld(RecordedWorld):
    """Answers a traced guest. `stop` is set while the guest waits for a command of the driver."""

    def __init__(
        self,
        execution: str,
        entries: Sequence[Entry],
        deployment: Deployment,
        limits: Limits,
        seconds_max: float,
    ) -> None:
        super().__init__(execution, entries, deployment, limits)
        self.watch = Watch()
        self.stop: Stop | None = None
        self.reply: Told | None = None
        self.points: list[Point] = []
        self.blocks: dict[int, CodeBlock] = {}
        self.lines = array("I")
        self.counts: Counter[tuple[int, int]] = Counter()
        self.lines_seen = 0
        self.calls = array("I")
        """The numbers of the calls that the lines belong to, where they were asked for."""
        self.callers: dict[int, int] = {}
        """The call that a call was made from; 0: none of the user's."""
        self.traced = False
        """Whether the tracer is there; a guest that is not Python has none."""
        self.whereabouts = None if deployment.is_python else Whereabouts(deployment)
        """What a guest tells of itself that has no tracer."""
        self.evaluating = False
        """Whether an expression of the reader's is at work: what it asks is no part of the path."""
        self.padding = 0
        """How much memory the tracer takes beside its own, so that objects lie elsewhere."""
        self._execution = execution
        self._entries = entries
        self._seed = self.machine.invoked.seed
        self._positions = history(entries).positions
        self._deployment = deployment
        self._asked: bytes | None = None
        self._answer: bytes | None = None
        self.clock_variables: list[list[Variable]] = []
        """Of the frames at a look at the clock, which is a point a moment later."""
        self._clock_stack: tuple[list[Frame], list[Task]] | None = None
        self._names: dict[str, str] = {}
        self._aside = RandomStream(self._seed)
        self._seconds_max = seconds_max
        self.allow_time()

    # --- what the guest asks ------------------------------------------------------------------

    def call(self, request: bytes) -> bytes | None:
        """Answer the tracer, or the guest from the journal."""
        if request.startswith(_MINE):
            return self._listen(request)
        if self.evaluating:
            return None  # past the tracer, which refuses effects: nothing answers that
        if request.startswith(_LOAD):
            self.traced = True
            return tracer_answer(msgspec.json.decode(request)["name"], self.padding)
        if request == self._asked:  # again, after the talk
            answer, self._asked, self._answer = self._answer, None, None
            return answer
        if self.whereabouts is not None and self.whereabouts.asked:
            return self._told_where(request, self.whereabouts)
        if request.startswith(_SECRET):
            self._learn_name(request)
        before = self.machine.position
        was_over = self.over
        answer = super().call(request)
        if was_over or not self._is_point(request, before, answer):
            return answer
        self._passed(request)
        if self.traced and self._wanted:
            self._asked, self._answer = request, answer
            return _TALK
        if self.whereabouts is not None and self._wanted:
            return self.whereabouts.ask(answer)
        return answer

    def _told_where(self, request: bytes, known: Whereabouts) -> bytes | None:
        """Note where the guest stands, which is at the last point, and answer what it had asked."""
        frames, answer = known.told(request)
        self.points[-1].frames = frames
        if answer == WHERE:  # it has left the path, and its journal wants to know as well
            return super().call(request)
        if self._reached and answer is not None:
            known.answer = answer
            self._stopped(Told("request", frames=frames))
            return None
        return answer

    def clock_ns(self) -> int:
        """Answer a look at the clock, which is a point of the path; an expression's is none."""
        if self.evaluating:
            return self.machine.now_us * 1_000
        was_over = self.over
        now_ns = super().clock_ns()
        if not was_over:
            self._passed_silently(b"clock")
        return now_ns

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Answer a blocking poll, which is a point of the path; an expression's is over at once."""
        if self.evaluating:
            return True
        was_over = self.over
        over = super().sleep_until_ns(deadline_ns)
        if not was_over:
            self._passed_silently(b"sleep %d" % deadline_ns)
        return over

    def random(self, size: int) -> bytes:
        """Answer from the recorded seed; an expression with other bytes than the workflow."""
        return self._aside.read(size) if self.evaluating else super().random(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Note each line that was printed past the guest's own `print`, unless by an expression."""
        if self.evaluating:
            return
        was_over = self.over
        before = self.machine.position
        super().write(stream, data)
        if not was_over and (self.over or self.machine.position != before):
            self._passed_silently(stream.encode())

    # --- points -------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        """The number of the entry that the guest passed last; beyond the last one when live."""
        if self.over:
            return len(self._entries)
        return self._positions[self.machine.position - 1]

    def _is_point(self, request: bytes, before: int, answer: bytes | None) -> bool:
        """Whether this request, made when the machine's position was `before`, is a point."""
        return self.machine.position != before or self.over

    @property
    def _wanted(self) -> bool:
        watch = self.watch
        return watch.stacks or watch.variables or self._reached

    @property
    def _reached(self) -> bool:
        until = self.watch.point
        return until is not None and len(self.points) > until

    def _passed(self, request: bytes) -> None:
        self.check_time()
        position = self.position
        entry = self._entries[position] if position < len(self._entries) else None
        number = len(self.points)
        self.points.append(Point(number, position, entry, request, self.lines_seen))

    def _passed_silently(self, question: bytes) -> None:
        """Add a point at which the guest cannot talk; the tracer may have told where it is."""
        self._passed(question)
        if self._clock_stack is not None:
            self.points[-1].frames, self.points[-1].tasks = self._clock_stack
            self.points[-1].variables = self.clock_variables
            self._clock_stack, self.clock_variables = None, []

    def allow(self, seconds: float) -> None:
        """Say how long it may take from now on; 0 ends it soon. Another thread may call this."""
        self._seconds_max = max(0.0, round(seconds, 1))
        self.allow_time()

    def allow_time(self) -> None:
        """Begin to count the time that may be taken."""
        self._until_s = time.monotonic() + self._seconds_max

    def interrupt(self) -> None:
        """Take the time away, from another thread or a signal handler: the replay ends soon."""
        self._until_s = 0.0

    def check_time(self) -> None:
        """Raise `ReplayTooLong` when this has taken too long."""
        if time.monotonic() > self._until_s:
            raise ReplayTooLong(self._execution, self._seconds_max)

    # --- the talk -----------------------------------------------------------------------------

    def _listen(self, request: bytes) -> bytes | None:
        told = _told.decode(self.masked(request))
        match told.trace:
            case "lines":
                self._count(told)
            case "code":
                block = CodeBlock(told.number, told.file, told.function, told.line)
                self.blocks[told.number] = block
            case "did":
                self.reply = told
                return None
            case "request":
                return self._at_point(told)
            case "clock":
                return self._at_clock(told)
            case _:
                self._stopped(told)
                return None
        return b"{}"

    def _at_point(self, told: Told) -> bytes | None:
        if self.points:
            self.points[-1].frames, self.points[-1].tasks = told.frames, told.tasks
        if self._reached or self.watch.variables:
            self._stopped(told)
            return None
        return _GO

    def _at_clock(self, told: Told) -> bytes | None:
        self._clock_stack = told.frames, told.tasks
        until = self.watch.point
        if self.watch.variables or (until is not None and len(self.points) >= until):
            self._stopped(told)
            return None
        return _GO

    def _stopped(self, told: Told) -> None:
        self.stop = Stop(
            told.trace,
            told.frames,
            told.tasks,
            len(self.points),
            self.position,
            self.lines_seen,
            told.task,
            told.call,
        )

    def _count(self, told: Told) -> None:
        self.check_time()
        lines = told.lines
        self.callers.update(zip(told.callers[::2], told.callers[1::2], strict=True))
        self.counts.update(zip(lines[::2], lines[1::2], strict=True))
        self.lines_seen += len(lines) // 2
        if len(self.lines) < 2 * LINES_MAX:
            self.lines.extend(lines)
            self.calls.extend(told.calls)

    # --- secrets ------------------------------------------------------------------------------

    def _learn_name(self, request: bytes) -> None:
        question = decode_request(request)
        if isinstance(question, SecretRequest):
            self._names[placeholder(question.name, self._seed)] = question.name

    def masked(self, request: bytes) -> bytes:
        """Return a report with the names of secrets where it has placeholders."""
        if PREFIX.encode() not in request:
            return request
        return _PLACEHOLDER.sub(self._mask, request.decode()).encode()

    def _mask(self, found: re.Match[str]) -> str:
        name = self._names.get(found[0])
        return "<a secret>" if name is None else f"<secret {name}>"


def tracer_answer(name: str = TRACER, padding: int = 0) -> bytes:
    """Return the answer to the guest's `load` request for the tracer, or for a part of it."""
    part = name.removeprefix(f"{TRACER}.") if name != TRACER else "__init__"
    source = _tracer_sources().get(part)
    if source is None:
        return b'{"kind":"missing"}'
    if padding and name == TRACER:
        source += f"\npadding = [bytes(8 * n) for n in range(60) for _ in range({padding})]\n"
    file = f"/{TRACER}/{part}.py"
    answer = {"kind": "source", "file": file, "package": name == TRACER, "user": False}
    return msgspec.json.encode(answer | {"source": source})


_PACKAGE: Final = Path(__file__).resolve().parent.parent


@cache
def _tracer_sources() -> dict[str, str]:
    folder = _PACKAGE / "_guest" / "tracer" / TRACER
    if not folder.is_dir():
        folder = _PACKAGE.parent.parent / "guests" / "tracer" / TRACER
    return {path.stem: path.read_text("utf-8") for path in sorted(folder.glob("*.py"))}


def traced_input(text: bytes) -> bytes:
    """Return the input of the guest's `run` export, with the tracer as the first module."""
    given: dict[str, Any] = msgspec.json.decode(text)
    # The arguments are kept as they are: text in, text out.
    _head, mark, args = text.partition(b',"args":')
    assert mark, "the arguments come last"
    del given["args"]
    given["modules"] = [TRACER, *given["modules"]]
    return msgspec.json.encode(given)[:-1] + mark + args
