"""A guest as a coroutine: `start`, then `resume` until it is finished.

    guest = Guest(component, host, GuestLimits())
    state = guest.start("run", b'{"protocol":1,...}')
    while not isinstance(state, Finished):
        if isinstance(state, Preempted):
            state = guest.proceed()          # after others had their turn
        else:
            state = guest.resume(response)   # when the answer to its request is there
    guest.close()

The host is asked while the guest runs, through `GuestHost`, and may answer at once: then the guest
goes on without ever coming back to its driver. This is how a journal is replayed. It may also
answer "later" (None, or False for a sleep): the guest is suspended, costs nothing but memory, and
may stay so for as long as the caller likes.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import time
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, NoReturn, Protocol, TypeAlias

from flawless.errors import GuestCpuExceeded, GuestTrapped, ValueTooLarge

from . import binding
from .instance import Instance
from .traps import GuestExited, trapped

if TYPE_CHECKING:
    from .compiled import Component
    from .preparation import Preparation
    from .runtime import Runtime

__all__ = [
    "Finished",
    "Guest",
    "GuestExited",
    "GuestHost",
    "GuestLimits",
    "Preempted",
    "State",
    "Suspended",
]

SLICE_NS_MIN: Final = 2_000_000
"""A guest resumed late in a tick keeps computing at least this long before it is preempted."""


class GuestHost(Protocol):
    """What a guest asks of its host, synchronously, while it runs.

    Any of these may raise: the guest is then ended, and the exception comes out of the `start`,
    `resume` or `proceed` that ran it. They run on the guest's small stack and must be shallow;
    they must not drive or close the guest that calls.
    """

    def call(self, request: bytes) -> bytes | None:
        """Answer a request of `flawless:workflow/host.call` (JSON in, JSON out).

        None suspends the guest until `Guest.resume(response)`.
        """

    def clock_ns(self) -> int:
        """Return nanoseconds since the epoch, for both of WASI's clocks; never going backwards."""

    def random(self, size: int) -> bytes:
        """Return `size` random bytes."""

    def write(self, stream: Literal["stdout", "stderr"], data: bytes) -> None:
        """Take what the guest printed. Lines may arrive in pieces."""

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Tell whether the clock has reached `deadline_ns`.

        False suspends the guest until `Guest.resume(b"")`, which says that it has.
        """


@dataclasses.dataclass(frozen=True, slots=True)
class GuestLimits:
    """What one guest may use at most.

    `cpu_s_per_turn` counts from one answer to the next request; time spent suspended is free.
    Beyond `memory_bytes` the guest's allocations fail (MemoryError in Python); `sizes` has what it
    may have of other things. After `slice_ns_min` at the earliest it is preempted.
    """

    memory_bytes: int = 256 << 20
    cpu_s_per_turn: float = 10.0
    request_bytes_max: int = 64 << 20
    response_bytes_max: int = 64 << 20
    slice_ns_min: int = SLICE_NS_MIN


@dataclasses.dataclass(frozen=True, slots=True)
class Suspended:
    """The guest waits for an answer: `resume` it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Preempted:
    """The guest wants to compute on: let others have their turn, then `proceed`."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finished:
    """The export returned `output`; the guest can only be closed."""

    output: bytes


State: TypeAlias = Suspended | Preempted | Finished

_SUSPENDED: Final = Suspended()
_PREEMPTED: Final = Preempted()

GUESTS: Final[dict[int, weakref.ref[Guest]]] = {}
"""Live guests by the address of their store, which wasmtime hands to every callback.

One dictionary serves all threads: a guest only ever looks itself up. Whoever drives a guest holds
it; one that nobody holds any more is closed.
"""

# A child process shares memory and timers with nobody: its parent's guests are left alone there.
os.register_at_fork(after_in_child=GUESTS.clear)


class Returned(BaseException):
    """The guest has called `host.finish`: its run ends with `output`, as if it had returned it."""

    def __init__(self, output: bytes) -> None:
        super().__init__()
        self.output = output


class Guest:
    """One instance of a component, running at most one export, once.

    With a `preparation` the instance is prepared first, or comes prepared from an earlier guest:
    that makes no difference to this one.

    Not thread-safe: one thread drives it. Guests of one component, and of several, may be alive at
    the same time in one thread or in many.
    """

    __slots__ = (
        "__weakref__",
        "_calls",
        "_component",
        "_copies",
        "_future",
        "_host_of_run",
        "_instance",
        "_preparation",
        "_prepares",
        "_returned",
        "_running",
        "_started",
        "context",
        "failure",
        "handles_made",
        "host",
        "limits",
        "on_resume",
        "pollables",
        "pollables_made",
        "results",
        "turn_ns",
        "waits",
    )

    def __init__(
        self,
        component: Component,
        host: GuestHost,
        limits: GuestLimits,
        preparation: Preparation | None = None,
    ) -> None:
        self.host = host
        self.context = 0  # the store's address
        self.failure: BaseException | None = None  # raised by the host inside a callback
        self.waits = False  # a callback has suspended the guest
        self.results = 0  # where the awaited answer goes, while suspended
        self.on_resume: Callable[[Guest, bytes], None] = _refuse_answer
        self.pollables: dict[int, int] = {}  # WASI timers by number: deadline in ns
        self.pollables_made = 0
        self.handles_made = 0  # of the host's resources, timers included
        self.limits = limits
        self._component = component
        self._preparation = preparation
        self._host_of_run = host
        self._prepares = False
        self._copies = False
        self._calls: list[tuple[Literal["run", "describe"], bytes]] = []  # the last one comes first
        self._future: int | None = None
        self._instance: Instance | None = None
        self._running = False
        self._started = False
        self._returned = False
        self.turn_ns = 0

    @property
    def runtime(self) -> Runtime:
        """Where it lives, while it does."""
        assert self._instance is not None
        return self._instance.component.runtime

    def start(self, export: Literal["run", "describe"], input: bytes) -> State:  # noqa: A002 (WIT)
        """Call `export` with `input` (UTF-8), in an instance that is made now, or is prepared.

        Raises:
            GuestTrapped: it could not be instantiated, or stopped with a trap.
            GuestCpuExceeded: it computed longer than its limit allows.
        """
        if self._started:
            raise RuntimeError("a guest is started once; make a new one")
        self._started = True
        check_text(input, "the input", self.limits.response_bytes_max)
        self._calls = [(export, input)]
        preparation = self._preparation
        instance = None if preparation is None else preparation.take(self.limits.memory_bytes)
        if instance is None:
            self._begin()
            self._copies = preparation is not None and preparation.copies
            if preparation is not None and not self._copies:
                self._prepare(preparation)
        else:
            self._live_in(instance)
            self._call()
        return self._advance()

    def resume(self, response: bytes) -> State:
        """Answer the request the guest is suspended in; `b""` for a sleep that is over.

        Raises:
            ValueTooLarge: the response exceeds the limit; the guest stays suspended.
            GuestTrapped, GuestCpuExceeded: as in `start`.
        """
        if not self.waits:
            raise RuntimeError("the guest is not waiting for an answer")
        self.on_resume(self, response)
        self.waits = False
        self.turn_ns = 0
        assert self._instance is not None
        self._instance.frame.ready[0] = 1
        return self._advance()

    def proceed(self) -> State:
        """Let a preempted guest compute on.

        Raises:
            GuestTrapped, GuestCpuExceeded: as in `start`.
        """
        if self._future is None or self.waits:
            raise RuntimeError("the guest was not preempted")
        before = time.thread_time_ns()
        state = self._advance()
        if state is _PREEMPTED:
            self.turn_ns += time.thread_time_ns() - before
            if self.turn_ns > self.limits.cpu_s_per_turn * 1e9:
                self._drop_future()
                raise GuestCpuExceeded(self.limits.cpu_s_per_turn)
        return state

    def close(self) -> None:
        """Free the guest, wherever it stands. Closing twice is harmless."""
        if self._running:
            raise RuntimeError("a guest cannot be closed by the host function it is calling")
        self._drop_future()
        instance, self._instance = self._instance, None
        if instance is None or GUESTS.pop(self.context, None) is None:
            return  # (it was left behind by a fork)
        of = self._preparation if self._returned else None
        if of is None or not of.give_back(instance):
            instance.delete()

    def __enter__(self) -> Guest:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def suspend(self, results: int, on_resume: Callable[[Guest, bytes], None]) -> int:
        """Note, in a callback, that the answer comes later. Returns the continuation's `env`."""
        self.results = results
        self.on_resume = on_resume
        self.waits = True
        instance = self._instance
        assert instance is not None
        instance.frame.ready[0] = 0
        return instance.ready

    def finish(self, output: bytes) -> NoReturn:
        """End the run, in a callback, with what its export would return."""
        if len(output) > self.limits.request_bytes_max:
            self.refuse_request(len(output))
        raise Returned(output)

    def refuse_request(self, size: int) -> NoReturn:
        """Raise for a request of `size` bytes."""
        raise ValueTooLarge("the workflow's request", size, self.limits.request_bytes_max)

    def check_response(self, response: bytes) -> None:
        """Raise unless `response` may be handed to the guest."""
        check_text(response, "the response to the workflow", self.limits.response_bytes_max)

    def _advance(self) -> State:
        while (state := self._poll()) is None and self._calls:
            if self._prepares and len(self._calls) == 1:
                output = self._over()
                if output is not None:
                    return Finished(output)
            elif self._copies:
                self._copy()
            if self._future is None:
                self._call()
        if state is _SUSPENDED and self._prepares:
            raise GuestTrapped("the guest waits while it is prepared")
        return state or self._finish()

    def _begin(self) -> None:
        """Begin to make a new instance."""
        instance = Instance(self._component, self.limits.memory_bytes)
        self._live_in(instance)
        self._future = instance.instantiate()

    def _live_in(self, instance: Instance) -> None:
        self._instance = instance
        self.context = context = instance.context
        GUESTS[context] = weakref.ref(self)

    def _start_over(self, preparation: Preparation) -> None:
        """Prepare another instance, which nobody else is going to have, in place of a lost one."""
        assert self._instance is not None
        GUESTS.pop(self.context)
        self._instance.delete()
        self._begin()
        self.handles_made = 1
        self._prepare(preparation)

    def _prepare(self, preparation: Preparation) -> None:
        self._prepares = True
        self._calls.append(("run", preparation.input))
        self.host = preparation.host()

    def _call(self) -> None:
        assert self._instance is not None
        self._future = self._instance.call(*self._calls.pop())

    def _copy(self) -> None:
        """Make the new instance like a prepared one, or have it prepared after all."""
        preparation = self._preparation
        assert self._instance is not None
        assert preparation is not None
        self._copies = False
        try:
            copied = preparation.copy(self._instance)
        except OSError:
            self._start_over(preparation)
        else:
            if not copied:
                self._prepare(preparation)

    def _over(self) -> bytes | None:
        """End preparing; return the output if it failed, which is then that of the run."""
        instance, preparation = self._instance, self._preparation
        assert instance is not None
        assert preparation is not None
        output = instance.result()
        bare = self.handles_made == 0
        try:
            settled = preparation.settle(instance, self.host, output, bare=bare)
        except OSError:
            self._start_over(preparation)
            return None
        if not settled:
            return output
        self._prepares = False
        self.host = self._host_of_run
        self.turn_ns = 0
        return None

    def _poll(self) -> State | None:
        """Run the guest until it waits, is preempted (both told) or its call is over (None)."""
        started, slice_ns = time.perf_counter_ns(), self.limits.slice_ns_min
        self._running = True
        try:
            over = binding.future_poll(self._future)
            # (What is to be copied is made in one go: others meanwhile could not be told apart.)
            while not (
                over
                or self.waits
                or (time.perf_counter_ns() - started > slice_ns and not self._copies)
            ):
                over = binding.future_poll(self._future)
        finally:
            self._running = False
        if self.waits:
            return _SUSPENDED
        if not over:
            return _PREEMPTED
        self._drop_future()
        assert self._instance is not None
        message = self._instance.take_error()
        if message is not None:
            if self.failure is not None:
                failure, self.failure = self.failure, None
                if isinstance(failure, Returned):
                    return Finished(failure.output)
                if isinstance(failure, GuestTrapped) and not failure.backtrace:
                    failure.backtrace = message
                raise failure
            raise trapped(message)
        return None

    def _finish(self) -> Finished:
        assert self._instance is not None
        output = self._instance.result()
        self._returned = True
        return Finished(output)

    def _drop_future(self) -> None:
        if self._future is not None:
            future, self._future = self._future, None
            self.waits = False
            binding.future_delete(future)

    def __del__(self) -> None:
        if not sys.is_finalizing():
            self.close()


def check_text(data: bytes, what: str, size_max: int) -> None:
    """Raise unless `data` is UTF-8 (wasmtime would abort the process) and within `size_max`."""
    if len(data) > size_max:
        raise ValueTooLarge(what, len(data), size_max)
    if not data.isascii():
        try:
            data.decode()
        except UnicodeDecodeError as error:
            raise ValueError(f"{what} is not UTF-8: {error}") from None


def _refuse_answer(guest: Guest, response: bytes) -> None:
    raise RuntimeError("the guest is not waiting for an answer")
