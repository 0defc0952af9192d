"""The wasmtime engine all guests share, and the ticks that preempt them.

One `Runtime` per process is enough: a wasmtime engine, its compiled components and its linkers are
shared by threads without locking. Every few milliseconds a tick advances the engine's epoch, which
makes a computing guest yield at its next loop or call.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import importlib.metadata
import json
import os
import threading
from typing import Any

import wasmtime

from . import binding, places
from .compile_process import configured

TICK_S = 0.005
"""A guest that computes comes back to its driver after one to two ticks."""

WASM_STACK_BYTES = 64 << 20
"""Stack of the guest's own code; beyond it the guest traps with "call stack exhausted".

So large that CPython's own check comes first and recursion in its C code, too, ends as a
RecursionError (24 MiB is too little, 40 is enough). It is address space; memory only when used.
"""

FIBER_STACK_BYTES = 68 << 20
"""The whole stack of a guest: its own code, then wasmtime and our callbacks on top of it."""

# Everything that changes the compiled code or the meaning of a program. It is part of the key of
# the compiled-code cache; NaN bits and relaxed SIMD are what would otherwise differ by machine.
SETTINGS: dict[str, bool | int] = {
    "cranelift_nan_canonicalization": True,
    "wasm_relaxed_simd_deterministic": True,
    "wasm_threads": False,
    "shared_memory": False,
    # These are memory beside the one that is bounded: see `sizes`.
    "wasm_multi_memory": False,
    "wasm_memory64": False,
    "wasm_gc": False,
    "gc_support": False,  # of references to objects of the host, too
    "wasm_exceptions": False,  # which live in the memory that garbage collection needs
    "epoch_interruption": True,
    "concurrency_support": False,  # of WASI 0.3, which nobody is offered: a tenth of a short run
    "max_wasm_stack": WASM_STACK_BYTES,
}


def settings_key() -> str:
    """Name wasmtime's version, the machine's architecture and our settings in a few characters."""
    text = json.dumps(
        [importlib.metadata.version("wasmtime"), os.uname().machine, SETTINGS], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _engine(*, with_places: bool) -> wasmtime.Engine:
    # The stack of the code must fit into that of a guest, or there is no engine.
    config = configured(SETTINGS | {"async_stack_size": FIBER_STACK_BYTES})
    if with_places:
        places.provide(address(config))
    return wasmtime.Engine(config)


def address(managed: Any) -> int:
    """Return the address inside a wasmtime-py object (engine, linker, component, …)."""
    value = ctypes.cast(managed.ptr(), ctypes.c_void_p).value
    assert value is not None
    return value


class _SigEvent(ctypes.Structure):
    """`struct sigevent`: what a POSIX timer does when it expires."""

    _fields_ = [
        ("value", ctypes.c_void_p),
        ("signal", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("function", ctypes.c_void_p),
        ("attributes", ctypes.c_void_p),
        ("padding", ctypes.c_char * 32),
    ]


_SIGEV_THREAD = 2
_CLOCK_MONOTONIC = 1
_libc = ctypes.CDLL(None, use_errno=True)
# It returns at once, and guests that return at once call it twice: the GIL stays held.
_set_timer = ctypes.PyDLL(None, use_errno=True).timer_settime


def _every(interval_ns: int) -> ctypes.Array[ctypes.c_long]:
    """`struct itimerspec`: interval and first expiry, each as seconds and nanoseconds."""
    return (ctypes.c_long * 4)(0, interval_ns, 0, interval_ns)


_TICKING, _STILL = _every(round(TICK_S * 1e9)), _every(0)


class Ticker:
    """Advances an engine's epoch every `TICK_S` while guests are alive.

    The ticks come from a POSIX timer whose expiry calls wasmtime's C function on a thread that the
    C library keeps for it. No Python runs in them, so a guest that computes while it holds the
    GIL is preempted all the same; and they cost about a third of what a Python thread's would.
    """

    def __init__(self, engine: int, guests_max: int | None = None) -> None:
        self._guests_max = guests_max
        self._lock = threading.Lock()
        self._alive = 0
        self._timer = ctypes.c_void_p()
        event = _SigEvent(engine, 0, _SIGEV_THREAD, binding.INCREMENT_EPOCH, None)
        made = _libc.timer_create(_CLOCK_MONOTONIC, ctypes.byref(event), ctypes.byref(self._timer))
        self._check(made)

    def guest_born(self) -> bool:
        """Tick from now on; False if there are as many guests as there may be."""
        with self._lock:
            if self._alive == self._guests_max:
                return False
            self._alive += 1
            if self._alive == 1:
                self._set(_TICKING)
            return True

    def guest_gone(self) -> None:
        """Stop ticking if it was the last guest."""
        with self._lock:
            self._alive -= 1
            if self._alive == 0:
                self._set(_STILL)

    def _set(self, setting: ctypes.Array[ctypes.c_long]) -> None:
        self._check(_set_timer(self._timer, 0, setting, None))

    @staticmethod
    def _check(status: int) -> None:
        if status != 0:
            error = ctypes.get_errno()
            raise OSError(error, f"cannot tick: {os.strerror(error)}")


class Runtime:
    """A configured wasmtime engine with its ticker."""

    def __init__(self, *, with_places: bool = False) -> None:
        self.engine = _engine(with_places=with_places)
        self.engine_address = address(self.engine)
        self.ticker = Ticker(self.engine_address, places.PLACES if with_places else None)


@functools.cache
def runtime() -> Runtime:
    """Return the process's runtime; it is made on first use."""
    made = Runtime()
    _made.append(made)
    return made


@functools.cache
def runtime_with_places() -> Runtime | None:
    """Return the one whose guests live in places; None where address space is short."""
    if not places.can_be_had():
        return None
    made = Runtime(with_places=True)
    _made.append(made)
    return made


# A child process has no threads and timers of its parent: it makes its own runtime. The parent's
# is kept alive there, for its destructors know nothing of forks.
_made: list[Runtime] = []
os.register_at_fork(after_in_child=runtime.cache_clear)
os.register_at_fork(after_in_child=runtime_with_places.cache_clear)
