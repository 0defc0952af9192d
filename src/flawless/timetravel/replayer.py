"""One replay of one guest, under control: it stops where it is told to, and can be looked into.

    with Replayer(recording) as replay:
        stop = replay.go(Watch(point=3))        # to the fourth thing it asked the engine for
        stop.frames[0].line, replay.variables(0)
        replay.go(Watch(stop="lines"))          # one line further
        replay.go()                             # to the end

A replay only goes forwards; whoever wants to go back begins a new one (see `debugger`). Nothing is
performed or recorded, and looking changes nothing: only `evaluate` runs code of the user's, so
`touched` says then that this guest must not go on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from flawless.core.entries import Cancelled, End, Entry, Failed
from flawless.core.history import stopped
from flawless.core.limits import MIB, Limits
from flawless.engine.replay import recorded_input
from flawless.errors import Divergence, FlawlessError, GuestCpuExceeded, GuestTrapped
from flawless.timetravel.model import Frame, Stop, Task, Variable, Watch
from flawless.timetravel.problems import NoSuchFrame, ReplayLost, TracingChangesPath
from flawless.timetravel.recording import Recording
from flawless.timetravel.whereabouts import NO_VARIABLES, beginning
from flawless.timetravel.world import Told, TracedWorld, traced_input
from flawless.wasm import Finished, Guest, GuestLimits, Preempted, State

SECONDS_MAX: Final = 600.0
"""How long a replay may take, from one stop to the next."""
EVALUATE_S_MAX: Final = 2.0
COMPUTES_S_MAX: Final = 2.0
"""How long a guest is shown computing that was stopped (a limit, `terminate`) while it did."""
FRAMES_MAX: Final = 20
"""Frames whose variables are noted at a point, from the innermost one on."""
_SLOWER: Final = 10
"""How many times longer a traced guest may compute than one that is not."""
_TRACER_BYTES: Final = 64 * MIB
_RUN: Final = Watch()


class Replayer:
    """A guest on the recorded path of an execution.

    Args:
        recording: what it did. On other code (`Recording.on`) it tells what would have been.
        traced: without the tracer a replay is faster, and can stop nowhere.
        seconds_max: how long it may take, from one stop to the next.
        padding: memory for the tracer to waste: with another number objects lie elsewhere, for
            workflows whose path depends on that (see `TracingChangesPath`).

    Raises `UsageError` or `DeploymentInvalid` where the recording is without its code, and
    `WorkflowNotFound` when the code has no such workflow.
    """

    def __init__(
        self,
        recording: Recording,
        *,
        traced: bool = True,
        seconds_max: float = SECONDS_MAX,
        limits: Limits | None = None,
        padding: int = 0,
    ) -> None:
        limits = limits or Limits()
        entries = recording.entries
        last = entries[-1]
        self.recording = recording
        self.end: End | None = None
        """How the workflow ended, as this replay found; None where the journal has no end."""
        self.error: FlawlessError | None = None
        """Why the replay ended early: a `Divergence`, a trap."""
        self.output: bytes = b""
        self.touched = False
        """Whether an expression was evaluated in this guest."""
        self._stopped_by = last if stopped(last) else None
        if self._stopped_by is not None:
            entries = entries[:-1]  # no doing of the guest's, which cannot be expected to repeat it
        deployment = recording.deployment
        self.world = world = self._made_world(entries, limits, seconds_max)
        world.padding = padding
        text = recorded_input(recording.execution, world.machine.invoked, deployment)
        can_trace = deployment.is_python and bool(deployment.manifest.modules)
        self._input = traced_input(text) if traced and can_trace else text
        if not traced:
            world.whereabouts = None
        cpu_s = limits.cpu_s_per_turn * (_SLOWER if traced else 1)
        self._limits = GuestLimits(
            memory_bytes=limits.guest_memory_bytes_max + _TRACER_BYTES, cpu_s_per_turn=cpu_s
        )
        self._guest = Guest(recording.component(), world, self._limits, deployment.preparation)
        self._begun = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the guest."""
        self._guest.close()

    @property
    def stop(self) -> Stop | None:
        """Where the guest stands; None before `go`, and at the end."""
        return self.world.stop

    def go(self, watch: Watch = _RUN) -> Stop:
        """Go on until something of `watch` is reached, or the end.

        Raises `Divergence` when the guest leaves its path, `ReplayTooLong` after `seconds_max`;
        `GuestTrapped` and `GuestCpuExceeded` where the journal does not say that it ended so.
        """
        if not self._begun:
            self.begin()
        if self.world.stop is None:
            return self._last_stop()
        self.world.watch = watch
        self.world.allow_time()
        return self._on({"do": "go", "watch": _settings(watch)})

    def begin(self) -> Stop:
        """Go to the place before the workflow's first line; without a tracer, to the end."""
        world = self.world
        if not self._begun:
            self._begun = True
            world.allow_time()
            if world.whereabouts is not None:
                world.stop = Stop("begin", beginning(self.recording), [], 0, 0, 0)
            else:
                self._advance(lambda: self._guest.start("run", self._input))
        return world.stop or self._last_stop()

    def variables(self, frame: int, *, depth: int = 0, task: str | None = None) -> list[Variable]:
        """Return the local variables of a frame of this stop, 0 for the innermost one."""
        return self._ask("variables", frame=frame, depth=depth, task=task).variables

    def variables_of(self, frames: Sequence[Frame]) -> list[list[Variable]]:
        """Return the local variables of the first frames of this stop; none of others' code."""
        return [self.variables(n) if frame.user else [] for n, frame in enumerate(frames)]

    def module_variables(
        self, frame: int, *, depth: int = 0, task: str | None = None
    ) -> list[Variable]:
        """Return the variables of the module that a frame's code is of; no functions or classes."""
        return self._ask("globals", frame=frame, depth=depth, task=task).variables

    def children(self, ref: int, *, first: int = 0, depth: int = 0) -> list[Variable]:
        """Return what a value holds that was shown at this stop."""
        return self._ask("children", ref=ref, first=first, depth=depth).variables

    def tasks(self) -> list[Task]:
        """Return the other tasks of the workflow's loop at this stop."""
        return self._ask("stack").tasks

    def code_lines(self, file: str, text: str) -> list[int]:
        """Return the lines of a source text on which functions execute something."""
        return self._ask("code", file=file, text=text).lines

    def evaluate(self, text: str, frame: int = 0, *, task: str | None = None) -> Told:
        """Evaluate an expression in a frame: `value`, or `raised` with type and message.

        The user's code may run and change things, so the guest is `touched` afterwards. Effects are
        refused inside, and the clock stands still. Raises `ReplayLost` when it did not end in two
        seconds: the guest is gone.
        """
        self.touched = True
        self.world.evaluating = True
        limits = self._guest.limits
        self._guest.limits = replace(limits, cpu_s_per_turn=EVALUATE_S_MAX)
        try:
            return self._ask("evaluate", text=text, frame=frame, task=task)
        finally:
            self._guest.limits = limits
            self.world.evaluating = False

    # --- inside -------------------------------------------------------------------------------

    def _made_world(
        self, entries: Sequence[Entry], limits: Limits, seconds_max: float
    ) -> TracedWorld:
        recording = self.recording
        return TracedWorld(recording.execution, entries, recording.deployment, limits, seconds_max)

    def _on(self, command: dict[str, Any]) -> Stop:
        world = self.world
        self._resume(command)
        while world.stop is not None and world.stop.reason in ("request", "clock"):
            if not self._passing():
                break
            self._note_variables()
            self._resume({"do": "go"})
        return world.stop or self._last_stop()

    def _passing(self) -> bool:
        """Whether the guest stands here only for its variables to be noted."""
        world, stop = self.world, self.world.stop
        assert stop is not None
        until = world.watch.point
        standing = len(world.points) - (stop.reason == "request")
        return until is None or standing < until

    def _note_variables(self) -> None:
        world, stop = self.world, self.world.stop
        assert stop is not None
        if not world.watch.variables:
            return
        found = self.variables_of(stop.frames[:FRAMES_MAX])
        if stop.reason == "request":
            world.points[-1].variables = found
        else:
            world.clock_variables = found

    def _resume(self, command: dict[str, Any]) -> None:
        world = self.world
        begins = world.stop is not None and world.stop.reason == "begin"
        world.stop = None
        if world.whereabouts is None:
            data = msgspec.json.encode(command)
            self._advance(lambda: self._guest.resume(data))
        elif begins:
            self._advance(lambda: self._guest.start("run", self._input))
        elif (answer := world.whereabouts.take()) is not None:
            self._advance(lambda: self._guest.resume(answer))

    def _ask(self, do: str, **fields: Any) -> Told:
        world = self.world
        stop = world.stop
        if stop is None:
            raise ReplayLost("the guest stands nowhere: go to a point first")
        if world.whereabouts is not None:
            raise NoSuchFrame(NO_VARIABLES)
        world.reply = None
        given = {key: value for key, value in fields.items() if value is not None}
        data = msgspec.json.encode({"do": do} | given)
        try:
            state = self._guest.resume(data)
            while isinstance(state, Preempted):
                state = self._guest.proceed()
        except (GuestCpuExceeded, GuestTrapped) as error:
            world.stop = None
            if do == "evaluate":
                raise ReplayLost(
                    f"the expression did not end within {EVALUATE_S_MAX:g} s, and was given up"
                    if isinstance(error, GuestCpuExceeded)
                    else f"the expression broke the guest: {error}"
                ) from error
            raise
        except FlawlessError as error:
            world.stop = None
            raise ReplayLost(f"the guest broke when it was looked into: {error}") from error
        reply: Told | None = world.reply
        if reply is None:  # it ended, or waits for something else than the next question
            world.stop = None
            raise ReplayLost("the guest was left by what it was asked, and gave no answer")
        if reply.failed:
            raise NoSuchFrame(reply.failed)
        return reply

    def _advance(self, begin: Callable[[], State]) -> None:
        """Run the guest until it stops, waits for what nothing recorded answers, or ends."""
        world = self.world
        try:
            state = begin()
            while isinstance(state, Preempted):
                world.check_time()
                self._check_computing()
                state = self._guest.proceed()
            if world.stop is None:
                self._finish(state)
        except (GuestTrapped, GuestCpuExceeded) as error:
            self.error = error
            if world.over or self._stopped_by is None:
                raise
            self._set_end(self._stopped_by)
            if world.whereabouts is not None and self.end is not None:
                self._stand_failed(world.whereabouts.stopped(self.end.payload))
        except Divergence as error:
            self.error = error
            if world.traced and not self.touched and self._fits_untraced():
                self.error = TracingChangesPath(error)
            raise self.error from None
        except FlawlessError as error:
            self.error = error
            raise

    def _check_computing(self) -> None:
        """Let a guest that was stopped while it computed compute no longer than can be shown."""
        if self._stopped_by is None or self.world.position < len(self.recording.entries) - 2:
            return  # not stopped, or not yet where nothing further is recorded
        if self._guest.turn_ns > COMPUTES_S_MAX * 1e9:
            raise GuestCpuExceeded(COMPUTES_S_MAX)

    def _fits_untraced(self) -> bool:
        """Whether the journal is followed by a guest without tracer."""
        try:
            self.recording.replay()
        except FlawlessError:
            return False
        return True

    def _finish(self, state: State) -> None:
        world = self.world
        if isinstance(state, Finished):
            self.output = state.output
            world.finish_output()
            if not world.over:
                finished = world.machine.finished(state.output, world.machine.invoked.began_us)
                self.end = None if world.machine.live else finished
            if world.whereabouts is not None:
                self._stand_failed(world.whereabouts.failing(state.output))
        if self._stopped_by is not None:
            self._set_end(self._stopped_by)

    def _stand_failed(self, frames: list[Frame]) -> None:
        """Stand where the workflow failed, for the guest cannot stop there by itself."""
        if frames:
            last = self._last_stop()
            self.world.stop = Stop("raised", frames, [], last.points, last.position, 0)

    def _set_end(self, end: Any) -> None:
        assert isinstance(end, Failed | Cancelled)
        self.end = end

    def _last_stop(self) -> Stop:
        world = self.world
        position = len(self.recording.entries) - (self.end is not None)
        return Stop("end", [], [], len(world.points), position, world.lines_seen)


def _settings(watch: Watch) -> dict[str, Any]:
    """Return what the tracer has to know of a watch."""
    return {
        "record": watch.record,
        "stop": watch.stop,
        "count": watch.count,
        "breakpoints": watch.breakpoints,
        "calls": watch.calls,
        "skip": watch.skip,
        "hits": watch.hits,
        "clocks": watch.clocks or watch.stacks or watch.variables,
    }
