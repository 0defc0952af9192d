"""What if: changed code on the journal of an execution that ran on other code.

    told = what_if(recording, code)
    told.verdict                     # "fits", "ends otherwise", "fails", "diverges", "goes on"
    told.divergence.recorded.frames  # where the old code asked for what the journal holds

The new code is answered from the journal for as long as it asks for what was asked then. Nothing is
performed. How the recorded run ended is no part of what it is held against: it may end otherwise,
or go on, and then `beyond` tells what it did there (see `beyond`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

import msgspec

from flawless.core.entries import Cancelled, Completed, Continued, End, Entry, Failed, describe
from flawless.core.history import end_of, stopped
from flawless.core.limits import Limits
from flawless.core.output import read_output
from flawless.errors import Divergence, FlawlessError, UsageError
from flawless.timetravel.code import Code
from flawless.timetravel.labels import value
from flawless.timetravel.model import Frame, Task, Watch
from flawless.timetravel.problems import ReplayTooLong, TracingChangesPath
from flawless.timetravel.recording import Recording
from flawless.timetravel.replayer import SECONDS_MAX, Replayer
from flawless.timetravel.whatif.answers import Answers
from flawless.timetravel.whatif.beyond import Beyond, WhatIfWorld
from flawless.timetravel.whatif.differences import Difference, compare, describe_question
from flawless.wasm import Finished, State

Verdict: TypeAlias = Literal["fits", "ends otherwise", "fails", "diverges", "goes on"]
"""What the new code does with the journal.

- `fits`: all that was recorded, and the same end, if there is one.
- `ends otherwise`: all that was recorded, and another end: another result, say.
- `fails`: it raises an error, or breaks, where the recorded run did not.
- `diverges`: it asks for something else than was recorded, or ends too early.
- `goes on`: all that was recorded, and more than that: where the recorded run ended, or beyond the
  place that an execution has reached which has not ended.
"""

VALUE_BYTES_MAX: Final = Limits().value_bytes_max


class WorkflowGone(UsageError):
    """The new code has no workflow of the name that the execution runs."""

    def __init__(self, recording: Recording, known: Sequence[str]) -> None:
        self.workflow = recording.workflow
        self.known = sorted(known)
        module = recording.workflow.rpartition(".")[0]
        file = f"{module.replace('.', '/')}.py" if module else "its module"
        hint = f"the changed code has to be {file} again, in another folder if you like"
        if not recording.journal_only and not recording.deployment.is_python:
            crate = module.partition(".")[0]
            hint = f"the changed crate has to be {crate} again, or say so with module!"
        super().__init__(
            f"the new code has no workflow {recording.workflow!r}, which execution "
            f"{recording.execution!r} runs; it has {', '.join(self.known)}. Names begin with the "
            f"module's: {hint}"
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """What one of the two codes did at a place: in words, where, and the request."""

    what: str
    frames: list[Frame] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    """The other tasks of the loop, where no frame of the user's asked."""
    request: bytes | None = None
    """As the guest asked; None where it is not known, or the workflow ended there."""


@dataclass(frozen=True, slots=True)
class Diverged:
    """The first place at which the new code did something else."""

    position: int
    """The number of the journal's entry."""
    recorded: Asked
    requested: Asked
    differences: list[Difference]
    """Where the two requests differ; empty when they are of different kinds."""
    where: str = ""
    """The line that asked, as far as the guest told without stacks: `app.py:12 (charge(order))`."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error that ended the new code's run, and where it came from."""

    end: Failed | None
    """None when the guest broke: then `error` tells."""
    error: FlawlessError | None
    frames: list[Frame]
    position: int
    """Entries that the guest had passed."""


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What changed code does on the journal of an execution."""

    recording: Recording
    code: Code
    verdict: Verdict
    passed: int
    """The number of the first entry that the new code did not pass; all, when it passed all."""
    recorded_end: End | None
    end: End | None
    """How the new code ended, if it did."""
    divergence: Diverged | None = None
    failure: Failure | None = None
    beyond: list[Beyond] = field(default_factory=list)
    cut: bool = False
    """Whether the guest was left because it went on and on beyond the journal."""

    @property
    def refused(self) -> list[Beyond]:
        """What the new code waits for, and nothing answers."""
        return [one for one in self.beyond if one.came == "refused"]


def what_if(
    recording: Recording,
    code: Code,
    *,
    answers: Answers | None = None,
    original: bool = True,
    seconds_max: float = SECONDS_MAX,
    limits: Limits | None = None,
) -> WhatIf:
    """Replay a recording on changed code, and beyond its end with `answers`.

    With `original`, and if the recording has its code, that is replayed too where they diverge, to
    show its line and its request. Raises `WorkflowGone`, `AnswersInvalid`, `ReplayTooLong`.
    """
    given = answers or Answers()
    with _Patched(recording, code, given, seconds_max, limits) as replay:
        replay.follow()
        if not isinstance(replay.error, TracingChangesPath):
            return _told(recording, code, replay, original=original)
    given.reset()
    with _Patched(recording, code, given, seconds_max, limits, traced=False) as replay:
        replay.follow()
        return _told(recording, code, replay, original=original)


def hold_against(
    recording: Recording,
    code: Code,
    *,
    traced: bool,
    original: bool = False,
    seconds_max: float = SECONDS_MAX,
) -> WhatIf:
    """Return what changed code does with a journal, and the first thing that it does beyond.

    It is what `what_if` says, sooner: without `traced` there are no stacks.
    """
    with _Patched(recording, code, None, seconds_max, None, traced=traced) as replay:
        replay.follow()
        if not isinstance(replay.error, TracingChangesPath):
            return _told(recording, code, replay, original=original)
    return hold_against(recording, code, traced=False, original=original, seconds_max=seconds_max)


class _Patched(Replayer):
    """A replay on other code, which may go on beyond the journal."""

    world: WhatIfWorld

    def __init__(
        self,
        recording: Recording,
        code: Code,
        answers: Answers | None,
        seconds_max: float,
        limits: Limits | None,
        *,
        traced: bool = True,
    ) -> None:
        if recording.workflow not in code.deployment.workflows:
            raise WorkflowGone(recording, list(code.deployment.workflows))
        self._answers = answers
        self.ended: End | None = None
        self.raised: list[Frame] = []
        entries = recording.entries
        end = end_of(entries)
        self._reached_its_end = end is not None and not stopped(end)
        if end is not None:
            entries = entries[:-1]
        rest = Recording(
            recording.execution,
            recording.status,
            entries,
            code.deployment,
            component=code.component,
        )
        super().__init__(rest, traced=traced, seconds_max=seconds_max, limits=limits)

    def follow(self) -> None:
        """Go as far as the new code goes."""
        try:
            if self.go(_WATCH).reason == "raised":
                stop = self.stop
                assert stop is not None
                self.raised = stop.frames
                self.go(_WATCH)
        except FlawlessError as error:
            if isinstance(error, ReplayTooLong | UsageError):
                raise
            self.error = error

    def _made_world(
        self, entries: Sequence[Entry], limits: Limits, seconds_max: float
    ) -> WhatIfWorld:
        recording = self.recording
        return WhatIfWorld(
            recording.execution,
            entries,
            recording.deployment,
            limits,
            seconds_max,
            self._answers,
            ended=self._reached_its_end,
        )

    def _finish(self, state: State) -> None:
        machine = self.world.machine
        if isinstance(state, Finished):
            self.output = state.output
            if self.world.whereabouts is not None:
                self._stand_failed(self.world.whereabouts.failing(state.output))
            self.world.finish_output()
            self.ended = read_output(state.output, 0, VALUE_BYTES_MAX)
            machine.finished(state.output, machine.now_us)
        self.ended = self.ended or machine.end


_WATCH: Final = Watch(clocks=True)


def _told(recording: Recording, code: Code, replay: _Patched, *, original: bool) -> WhatIf:
    """Return what a replay on other code has shown."""
    world, error, end = replay.world, replay.error, replay.ended
    recorded_end, passed = end_of(recording.entries), world.recorded_position
    told = WhatIf(
        recording, code, "fits", passed, recorded_end, end, beyond=world.beyond, cut=world.cut
    )
    if isinstance(end, Failed) and (error is not None or not same_end(recorded_end, end)):
        failure = Failure(end, None, replay.raised, passed)
        return replace(told, verdict="fails", failure=failure)
    if isinstance(error, Divergence):
        diverged = _diverged(recording, replay, error, original=original)
        return replace(told, verdict="diverges", divergence=diverged)
    if error is not None and is_stopped_by(recorded_end, error):
        return replace(told, end=recorded_end)
    if error is not None:
        failure = Failure(None, error, replay.raised, passed)
        return replace(told, verdict="fails", failure=failure)
    open_ = recorded_end is None or stopped(recorded_end)
    if end is None:
        return told if open_ else replace(told, verdict="goes on")
    if recorded_end is None:
        return told
    if same_end(recorded_end, end):
        return replace(told, verdict="goes on") if world.beyond else told
    return replace(told, verdict="ends otherwise")


def same_end(one: End | None, other: End) -> bool:
    """Whether two runs have ended the same way; tracebacks do not count, lines may have moved."""
    if one is None or type(one) is not type(other):
        return False
    if one.payload == other.payload:
        return True
    if not isinstance(one, Failed | Cancelled):
        return False
    errors = [msgspec.json.decode(end.payload) for end in (one, other)]
    first, second = ([error.get(key) for key in ("module", "type", "message")] for error in errors)
    return first == second


def is_stopped_by(end: End | None, error: FlawlessError) -> bool:
    """Whether the recorded run was stopped by the same that has stopped the new code."""
    if not isinstance(end, Failed) or not stopped(end):
        return False
    recorded = msgspec.json.decode(end.payload)
    return (recorded.get("type"), recorded.get("message")) == (type(error).__name__, str(error))


def _diverged(
    recording: Recording, replay: _Patched, error: Divergence, *, original: bool
) -> Diverged:
    world = replay.world
    position = world.recorded_position
    recorded = Asked(describe(recording.entries[position]))
    before = len(world.points)
    if world.mismatch is None:
        requested = Asked(_ending(replay.ended))
    else:
        before -= 1
        point = world.points[-1]
        request = world.masked(world.mismatch)
        requested = Asked(describe_question(request), point.frames, point.tasks, request)
    if original and not recording.journal_only:
        recorded = _asked_then(recording, before, recorded)
    differences = []
    if recorded.request is not None and requested.request is not None:
        differences = compare(recorded.request, requested.request)
    return Diverged(position, recorded, requested, differences, error.where)


def _asked_then(recording: Recording, number: int, known: Asked) -> Asked:
    """Return what the recorded code asked for at a point, as far as it can be replayed."""
    try:
        with Replayer(recording) as replay:
            stop = replay.go(Watch(point=number, clocks=True))
            world = replay.world
            if stop.reason == "clock":
                return replace(known, frames=stop.frames, tasks=stop.tasks, request=b"clock")
            if len(world.points) <= number:
                return known
            point = world.points[number]
            request = world.masked(point.request)
            return replace(known, frames=point.frames, tasks=point.tasks, request=request)
    except FlawlessError:
        return known  # its component is lost, say


def _ending(end: End | None) -> str:
    match end:
        case Completed():
            return f"to return {value(end.payload)}"
        case Continued():
            return "to end this run and go on in the next"
        case _:
            return "to end"
