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

import ctypes
import dataclasses
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeAlias

from flawless.errors import GuestCpuExceeded, GuestTrapped, ValueTooLarge

from . import binding
from .binding import ANSWERED, STRLEN, WORD0, Continuation, Frame, Value, bytes_new
from .traps import GuestExited, trapped
from .values import STRING

if TYPE_CHECKING:
    from .compiled import Component

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
    Beyond `memory_bytes` the guest's allocations fail (MemoryError in Python).
    """

    memory_bytes: int = 256 << 20
    cpu_s_per_turn: float = 10.0
    request_bytes_max: int = 64 << 20
    response_bytes_max: int = 64 << 20


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

GUESTS: dict[int, Guest] = {}
"""Live guests by the address of their store, which wasmtime hands to every callback.

One dictionary serves all threads: a guest only ever looks itself up.
"""


class Guest:
    """One instance of a component, running at most one export, once.

    Not thread-safe: one thread drives it. Guests of one component, and of several, may be alive at
    the same time in one thread or in many.
    """

    __slots__ = (
        "__weakref__",
        "_base",
        "_component",
        "_error",
        "_frame",
        "_future",
        "_ready",
        "_running",
        "_started",
        "_store",
        "_ticker",
        "context",
        "failure",
        "host",
        "limits",
        "on_resume",
        "pollables",
        "pollables_made",
        "results",
        "turn_ns",
        "waits",
    )

    def __init__(self, component: Component, host: GuestHost, limits: GuestLimits) -> None:
        self.host = host
        self.context = 0  # the store's address
        self.failure: BaseException | None = None  # raised by the host inside a callback
        self.waits = False  # a callback has suspended the guest
        self.results = 0  # where the awaited answer goes, while suspended
        self.on_resume: Callable[[Guest, bytes], None] = _refuse_answer
        self.pollables: dict[int, int] = {}  # WASI timers by number: deadline in ns
        self.pollables_made = 0
        self._component = component
        self.limits = limits
        self._future: int | None = None
        self._store: int | None = None
        self._running = False
        self._started = False
        self.turn_ns = 0
        self._ticker = component.runtime.ticker
        self._frame = frame = Frame()
        self._base = base = ctypes.addressof(frame)
        self._ready = base + Frame.ready.offset
        self._error = base + Frame.error.offset

    def start(self, export: Literal["run", "describe"], input: bytes) -> State:  # noqa: A002
        """Instantiate the component and call `export` with `input` (UTF-8).

        Raises:
            GuestTrapped: it could not be instantiated, or stopped with a trap.
            GuestCpuExceeded: it computed longer than its limit allows.
        """
        if self._started:
            raise RuntimeError("a guest is started once; make a new one")
        self._started = True
        check_text(input, "the input", self.limits.response_bytes_max)
        component, base, frame = self._component, self._base, self._frame
        index = component.export(export)
        store = binding.store_new(component.runtime.engine_address, None, None)
        self._store = store
        self.context = context = binding.store_context(store)
        GUESTS[context] = self
        self._ticker.guest_born()
        binding.store_limiter(store, self.limits.memory_bytes, -1, -1, -1, -1)
        binding.epoch_deadline(context, 1)
        binding.epoch_yield(context, 1)

        self._future = binding.instantiate_async(
            component.linker_address, context, component.address, base, self._error
        )
        state = self._poll()
        while state is _PREEMPTED:
            state = self._poll()
        assert state is None, "instantiation asks the host for nothing it would have to wait for"

        func = base + Frame.func.offset
        if not binding.get_func(base, context, index, func):
            raise GuestTrapped(f"the component's export {export!r} is not a function")
        bytes_new(base + Frame.argument.offset + WORD0, len(input), input)
        frame.argument.kind = STRING
        self._future = binding.func_call_async(
            func,
            context,
            base + Frame.argument.offset,
            1,
            base + Frame.result.offset,
            1,
            self._error,
        )
        self.turn_ns = 0
        return self._poll() or self._finish()

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
        self._frame.ready[0] = 1
        return self._poll() or self._finish()

    def proceed(self) -> State:
        """Let a preempted guest compute on.

        Raises:
            GuestTrapped, GuestCpuExceeded: as in `start`.
        """
        if self._future is None or self.waits:
            raise RuntimeError("the guest was not preempted")
        before = time.thread_time_ns()
        state = self._poll()
        if state is _PREEMPTED:
            self.turn_ns += time.thread_time_ns() - before
            if self.turn_ns > self.limits.cpu_s_per_turn * 1e9:
                self._drop_future()
                raise GuestCpuExceeded(self.limits.cpu_s_per_turn)
        return state or self._finish()

    def close(self) -> None:
        """Free the guest, wherever it stands. Closing twice is harmless."""
        if self._running:
            raise RuntimeError("a guest cannot be closed by the host function it is calling")
        self._drop_future()
        if self._store is not None:
            del GUESTS[self.context]
            self._ticker.guest_gone()
            binding.store_delete(self._store)
            self._store = None
            for value in (self._frame.argument, self._frame.result):
                binding.val_delete(ctypes.addressof(value))
                value.kind = 0

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
        self._frame.ready[0] = 0
        return self._ready

    def refuse_request(self, size: int) -> None:
        """Raise for a request of `size` bytes."""
        raise ValueTooLarge("the workflow's request", size, self.limits.request_bytes_max)

    def check_response(self, response: bytes) -> None:
        """Raise unless `response` may be handed to the guest."""
        check_text(response, "the response to the workflow", self.limits.response_bytes_max)

    def _poll(self) -> State | None:
        """Run the guest until it waits, is preempted (both told) or its call is over (None)."""
        started = time.perf_counter_ns()
        self._running = True
        try:
            over = binding.future_poll(self._future)
            while not (over or self.waits or time.perf_counter_ns() - started > SLICE_NS_MIN):
                over = binding.future_poll(self._future)
        finally:
            self._running = False
        if self.waits:
            return _SUSPENDED
        if not over:
            return _PREEMPTED
        self._drop_future()
        if error := self._frame.error:
            self._frame.error = 0
            message = binding.take_error(error)
            if self.failure is not None:
                failure, self.failure = self.failure, None
                raise failure
            raise trapped(message)
        return None

    def _finish(self) -> Finished:
        result = self._frame.result
        assert result.kind == STRING, "the export's type was checked by Component"
        return Finished(ctypes.string_at(result.word1, result.word0))

    def _drop_future(self) -> None:
        if self._future is not None:
            future, self._future = self._future, None
            self.waits = False
            binding.future_delete(future)

    def __del__(self) -> None:
        if not self._running:
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


def guarded(
    handler: Callable[[Guest, int, int], int | None],
) -> Any:
    """Make a wasmtime callback of `handler(guest, args, results)`.

    The handler fills in `results` and returns None, or returns `guest.suspend(...)`. What it raises
    is kept in the guest, which traps: no exception crosses the guest's stack.
    """

    def callback(
        _env: int,
        context: int,
        _type: int,
        args: int,
        _nargs: int,
        results: int,
        _nresults: int,
        error: int,
        continuation: int,
    ) -> None:
        guest = GUESTS[context]
        try:
            env = handler(guest, args, results)
            slot = Continuation.from_address(continuation)
            slot.callback = STRLEN
            slot.env = ANSWERED if env is None else env
        except BaseException as failure:  # it comes out of `_poll`
            fail(guest, failure, error)

    return binding.ASYNC_CALLBACK(callback)


def guarded_sync(handler: Callable[[Guest, int, int], None]) -> Any:
    """Make a wasmtime callback of a handler that never suspends; else like `guarded`."""

    def callback(
        _env: int,
        context: int,
        _type: int,
        args: int,
        _nargs: int,
        results: int,
        _nresults: int,
    ) -> int:
        guest = GUESTS[context]
        try:
            handler(guest, args, results)
        except BaseException as failure:
            if guest.failure is None:
                guest.failure = failure
            error: int = binding.error_new(b"the host failed")
            return error
        return 0

    return binding.SYNC_CALLBACK(callback)


def fail(guest: Guest, failure: BaseException, error: int) -> None:
    """Keep `failure` in the guest and write an error into wasmtime's slot: the guest traps."""
    if guest.failure is None:
        guest.failure = failure
    ctypes.c_uint64.from_address(error).value = binding.error_new(b"the host failed")


def _answer_call(guest: Guest, response: bytes) -> None:
    guest.check_response(response)
    results = guest.results
    bytes_new(results + WORD0, len(response), response)
    ctypes.c_uint8.from_address(results).value = STRING


def _on_call(
    _env: int,
    context: int,
    _type: int,
    args: int,
    _nargs: int,
    results: int,
    _nresults: int,
    error: int,
    continuation: int,
) -> None:
    """`flawless:workflow/host.call: func(request: string) -> string`.

    The hot path: what `guarded` does, written out.
    """
    guest = GUESTS[context]
    try:
        request = Value.from_address(args)
        size = request.word0
        if size > guest.limits.request_bytes_max:
            guest.refuse_request(size)
        response = guest.host.call(ctypes.string_at(request.word1, size))
        slot = Continuation.from_address(continuation)
        slot.callback = STRLEN
        if response is None:
            slot.env = guest.suspend(results, _answer_call)
            return
        if len(response) > guest.limits.response_bytes_max or not response.isascii():
            guest.check_response(response)
        bytes_new(results + WORD0, len(response), response)
        ctypes.c_uint8.from_address(results).value = STRING
        slot.env = ANSWERED
        guest.turn_ns = 0  # an answer begins a new turn
    except BaseException as failure:  # it comes out of `_poll`
        fail(guest, failure, error)


ON_CALL: Any = binding.ASYNC_CALLBACK(_on_call)
"""`flawless:workflow/host.call`, as wasmtime wants it."""
