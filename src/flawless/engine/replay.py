"""Replaying a journal for its own sake: a fresh guest is answered, nothing is done or recorded.

What the engine does after a crash, without the engine: no store, no clock, no effects. It shows
that a journal and a build still fit together, and what exactly the guest asked on its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from flawless.core.entries import Cancelled, End, Entry, Failed, Invoked
from flawless.core.history import stopped
from flawless.core.interruption import WhenInterrupted
from flawless.core.limits import Limits
from flawless.core.machine import Machine, StartChild
from flawless.core.names import known_as
from flawless.core.protocol import ExecuteRequest
from flawless.core.randomness import RandomStream
from flawless.engine.deployment import Deployment
from flawless.engine.printed import RawOutput
from flawless.errors import GuestCpuExceeded, GuestTrapped
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted


@dataclass(frozen=True, slots=True)
class Replayed:
    """What a replay has shown.

    `questions` is everything the guest asked of its host, in order, as it asked: the bytes of each
    request, and `clock`, `random SIZE`, `sleep NANOSECONDS` and `stdout TEXT` (or `stderr`) for
    what it asked through WASI. `end` is how the journal says that it ended, or None when the
    journal ends earlier: then the last question is the first one that nothing recorded answers.
    """

    questions: list[bytes]
    replayed: int
    """Effects answered from the journal."""
    end: End | None
    starts: list[ExecuteRequest] = field(default_factory=list)
    """Children that the execution would start now, if it went on where the journal ends."""


def replay(
    execution: str,
    entries: Sequence[Entry],
    deployment: Deployment,
    component: Component,
    *,
    limits: Limits | None = None,
) -> Replayed:
    """Run a fresh guest along the recorded journal `entries`, entry 0 first.

    Raises `Divergence` when the guest leaves its recorded path. It blocks for as long as the guest
    computes (no sleep is slept), so call it from a thread where that matters. A guest that was
    stopped from outside (a limit, a trap, `terminate`) is stopped again, and ends as its journal
    says.
    """
    limits = limits or Limits()
    stop = entries[-1] if stopped(entries[-1]) else None
    if stop is not None:
        entries = entries[:-1]  # no doing of the guest's, which cannot be expected to repeat it
    host = RecordedWorld(execution, entries, deployment, limits)
    text = recorded_input(execution, host.machine.invoked, deployment)
    guest_limits = GuestLimits(
        memory_bytes=limits.guest_memory_bytes_max, cpu_s_per_turn=limits.cpu_s_per_turn
    )
    end: End | None = None
    with Guest(component, host, guest_limits, deployment.preparation) as guest:
        try:
            state = guest.start("run", text)
            while isinstance(state, Preempted):
                state = guest.proceed()
        except (GuestTrapped, GuestCpuExceeded):
            if host.over or stop is None:
                raise
        else:
            if isinstance(state, Finished):
                host.finish_output()
            if isinstance(state, Finished) and not host.over:
                finished = host.machine.finished(state.output, host.machine.invoked.began_us)
                end = None if host.machine.live else finished
    assert stop is None or isinstance(stop, Failed | Cancelled)
    starts = [one.request for one in host.machine.take_actions() if isinstance(one, StartChild)]
    return Replayed(host.questions, host.machine.replayed, end if stop is None else stop, starts)


def recorded_input(execution: str, first: Invoked, deployment: Deployment) -> bytes:
    """Return the input of the guest's `run` export, as it was when the execution began."""
    name, run = known_as(execution, first)
    return deployment.run_input(name, first.workflow, first.input, first.began_us, run)


class RecordedWorld:
    """A guest's host with nothing behind it but a journal: at its end the guest is suspended."""

    def __init__(
        self, execution: str, entries: Sequence[Entry], deployment: Deployment, limits: Limits
    ) -> None:
        first = entries[0]
        assert isinstance(first, Invoked)
        self.machine = Machine(
            execution,
            entries,
            limits=limits,
            when_interrupted=lambda _: WhenInterrupted.REPEAT,
            answers=deployment.answers(first.seed),
        )
        self.questions: list[bytes] = []
        self._printed = RawOutput(past_print=deployment.is_python)
        self.over = False
        self._random = RandomStream(first.seed)
        self._now_us = first.began_us

    def call(self, request: bytes) -> bytes | None:
        """Answer from the journal."""
        self._note(request)
        return self._unless_over(self.machine.request(request, self._now_us))

    def clock_ns(self) -> int:
        """Answer with the recorded time; at the journal's end with the last one."""
        self._note(b"clock")
        now_us = self.machine.clock(self._now_us)
        self._unless_over(b"")
        return now_us * 1_000

    def random(self, size: int) -> bytes:
        """Answer from the recorded seed."""
        self._note(b"random %d" % size)
        return self._random.read(size)

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Note what was printed past the guest's own `print`."""
        self._note(stream.encode() + b" " + data)
        for request in self._printed.requests(stream, data):
            self._unless_over(self.machine.request(request, self._now_us))

    def finish_output(self) -> None:
        """Log the lines that never got an end, as the engine does when a guest ends."""
        for request in self._printed.last_requests():
            self._unless_over(self.machine.request(request, self._now_us))

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Answer from the journal whether a blocking poll of WASI is over."""
        self._note(b"sleep %d" % deadline_ns)
        over = self.machine.poll(-(-deadline_ns // 1_000), self._now_us)
        return self._unless_over(b"" if over else None) is not None

    def _note(self, question: bytes) -> None:
        if not self.over:
            self.questions.append(question)

    def _unless_over(self, response: bytes | None) -> bytes | None:
        """Suspend the guest for good once it is past the journal's end."""
        self.over = self.over or self.machine.live
        return None if self.over else response
