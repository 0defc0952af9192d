"""wasmtime's asynchronous C API, as plain functions on addresses.

wasmtime-py wraps the synchronous API only. The shared library it ships also exports the
asynchronous one, and that is what makes a guest a coroutine: wasmtime runs the guest on a stack of
its own (a fiber), and a host function may say "not yet", whereupon control comes back to whoever
polls, with the guest's stack left as it is. This module declares those functions for ctypes;
`guest.py` drives them. Nothing else in Flawless touches ctypes.

How one call goes
-----------------
1. `func_call_async` makes a *future*. Nothing has run yet.
2. `future_poll` runs the guest until it returns, traps, is preempted or calls a host function
   that is not ready. True: the call is over, see the error slot and the result. False: poll again
   later.
3. A host function defined with `add_func_async` is an ordinary callback. It fills in results (or
   the error slot), and names a *continuation*: a C function `bool f(void *env)` that wasmtime
   calls now and at every later poll. As long as it says false, `future_poll` returns false; once
   it says true the results are taken and the guest goes on.
4. `future_delete` frees the future. Deleting it before it is ready unwinds the guest's stack:
   this is how a guest is stopped, wherever it stands.

The continuation needs no Python
--------------------------------
A continuation written in Python would cost a switch into the interpreter at every resume, and an
exception in it would end the process. C's `strlen` does the job: its argument is the address of a
two-byte flag, "\\0\\0" (length 0: not ready) or "\\1\\0" (length 1: ready). Only the lowest byte
of the answer is looked at, and it is 0 or 1. So a Python frame is never left on a guest's stack:
callbacks run to their end before anything is suspended.

Lifetimes (violations crash the process)
----------------------------------------
- Arguments, results, the error slot, the function handle and the store stay where they are until
  the future is deleted. `Frame` keeps them together, and lives as long as its guest.
- One future at a time per store; the future is deleted before the store.
- The result slots given to a callback stay valid while the guest is suspended in it; its
  arguments do not: they are read before the callback returns.
- Everything reachable from a value (string bytes, list items, options) belongs to wasmtime's
  allocator: made with `bytes_new`, `list_new` and `val_new`, never pointed at Python's memory.
- wasmtime aborts the process on a string that is not UTF-8, and on a continuation that was not
  set. Callbacks therefore never let an exception out; see `callbacks.py`.

Threads: a store, its guest and its future belong to one thread at a time. Engines, components and
linkers are shared freely. Callbacks find their guest by the store's address, which they are handed:
there is no "current guest" anywhere.

The interpreter's lock (GIL) stays held
---------------------------------------
The functions are called without releasing the GIL (`PyDLL`). Were it released, every host call of
a guest would have to get it back, and beside one busy thread (a step that computes) that takes the
interpreter's switch interval each time: measured, 1.2 ms instead of 3 us a request. Holding it
does no harm for long: a computing guest comes back after a tick or two, and then other threads get
their turn as usual. It means that ticks must not need the GIL; see `runtime.Ticker`.

All pointers are plain integers (`c_void_p`): making ctypes pointer objects would cost more than
the calls themselves. The declarations follow the headers `wasmtime/async.h`,
`wasmtime/component/*.h` of the pinned version, and `check_layout` compares the sizes we rely on
with those of wasmtime-py.
"""

from __future__ import annotations

import ctypes
import sys
from ctypes import (
    CFUNCTYPE,
    POINTER,
    Structure,
    c_bool,
    c_char_p,
    c_int64,
    c_size_t,
    c_uint8,
    c_uint32,
    c_uint64,
    c_void_p,
)
from typing import Any

from wasmtime import _ffi as ffi

SYNC_CALLBACK = CFUNCTYPE(
    c_size_t, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t
)
"""`(env, context, type, args, nargs, results, nresults) -> error or 0`"""

ASYNC_CALLBACK = CFUNCTYPE(
    None, c_void_p, c_void_p, c_void_p, c_void_p, c_size_t, c_void_p, c_size_t, c_void_p, c_void_p
)
"""`(env, context, type, args, nargs, results, nresults, error slot, continuation)`"""

DESTRUCTOR = CFUNCTYPE(c_size_t, c_void_p, c_void_p, c_uint32)
"""`(env, context, rep) -> error or 0`: the guest dropped a resource it owned."""


class Value(Structure):
    """One component-model value (`wasmtime_component_val_t`): a kind, and up to three words."""

    _fields_ = [
        ("kind", c_uint8),
        ("word0", c_uint64),
        ("word1", c_uint64),
        ("word2", c_uint64),
    ]


class Continuation(Structure):
    """What a callback hands back to wasmtime (`wasmtime_async_continuation_t`)."""

    _fields_ = [
        ("callback", c_void_p),
        ("env", c_void_p),
        ("finalizer", c_void_p),
    ]


class Frame(Structure):
    """All memory that one guest's future points into."""

    _fields_ = [
        ("instance", ffi.wasmtime_component_instance_t),
        ("func", ffi.wasmtime_component_func_t),
        ("argument", Value),
        ("result", Value),
        ("error", c_uint64),
        ("ready", c_uint8 * 2),
    ]


class ByteVec(Structure):
    """Bytes in wasmtime's allocator (`wasm_byte_vec_t`)."""

    _fields_ = [("size", c_size_t), ("data", c_void_p)]


VALUE_BYTES = ctypes.sizeof(Value)
# Offsets inside a value.
WORD0, WORD1 = Value.word0.offset, Value.word1.offset


def check_layout() -> None:
    """Raise ImportError if wasmtime-py lays out values otherwise than this module does."""
    pairs = [
        (Value, ffi.wasmtime_component_val_t),
        (ByteVec, ffi.wasm_byte_vec_t),
        (Continuation, ffi.wasmtime_async_continuation_t),
    ]
    for ours, theirs in pairs:
        if ctypes.sizeof(ours) != ctypes.sizeof(theirs):
            raise ImportError(
                f"{theirs.__name__} has another layout in the installed wasmtime; "
                "install the version that Flawless pins"
            )
    if ffi.wasmtime_component_val_t.of.offset != WORD0:
        raise ImportError("wasmtime_component_val_t has another layout in the installed wasmtime")


check_layout()


_library = ctypes.PyDLL(ffi.dll._name, handle=ffi.dll._handle)


def _declare(name: str, result: Any, *arguments: Any) -> Any:
    function = _library[name]
    function.restype = result
    function.argtypes = arguments
    return function


def _wasmtime(name: str, result: Any, *arguments: Any) -> Any:
    return _declare("wasmtime_" + name, result, *arguments)


# Stores. Errors are addresses of a wasmtime_error_t, or None.
store_new = _wasmtime("store_new", c_void_p, c_void_p, c_void_p, c_void_p)
store_context = _wasmtime("store_context", c_void_p, c_void_p)
store_limiter = _wasmtime(
    "store_limiter", None, c_void_p, c_int64, c_int64, c_int64, c_int64, c_int64
)
store_delete = _wasmtime("store_delete", None, c_void_p)
epoch_yield = _wasmtime("context_epoch_deadline_async_yield_and_update", None, c_void_p, c_uint64)
epoch_deadline = _wasmtime("context_set_epoch_deadline", None, c_void_p, c_uint64)

# Futures.
instantiate_async = _wasmtime(
    "component_linker_instantiate_async",
    c_void_p,
    c_void_p,  # linker
    c_void_p,  # context
    c_void_p,  # component
    c_void_p,  # instance, out
    c_void_p,  # error, out
)
func_call_async = _wasmtime(
    "component_func_call_async",
    c_void_p,
    c_void_p,  # function
    c_void_p,  # context
    c_void_p,  # arguments
    c_size_t,
    c_void_p,  # results
    c_size_t,
    c_void_p,  # error, out
)
get_func = _wasmtime("component_instance_get_func", c_bool, c_void_p, c_void_p, c_void_p, c_void_p)
future_poll = _wasmtime("call_future_poll", c_bool, c_void_p)
future_delete = _wasmtime("call_future_delete", None, c_void_p)

# Host functions and resources.
add_func = _wasmtime(
    "component_linker_instance_add_func",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    SYNC_CALLBACK,
    c_void_p,
    c_void_p,
)
add_func_async = _wasmtime(
    "component_linker_instance_add_func_async",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    ASYNC_CALLBACK,
    c_void_p,
    c_void_p,
)
add_resource = _wasmtime(
    "component_linker_instance_add_resource",
    c_void_p,
    c_void_p,
    c_char_p,
    c_size_t,
    c_void_p,
    DESTRUCTOR,
    c_void_p,
    c_void_p,
)
resource_host_new = _wasmtime("component_resource_host_new", c_void_p, c_bool, c_uint32, c_uint32)
resource_host_rep = _wasmtime("component_resource_host_rep", c_uint32, c_void_p)
resource_host_delete = _wasmtime("component_resource_host_delete", None, c_void_p)
resource_host_to_any = _wasmtime(
    "component_resource_host_to_any", c_void_p, c_void_p, c_void_p, c_void_p
)
resource_any_to_host = _wasmtime(
    "component_resource_any_to_host", c_void_p, c_void_p, c_void_p, c_void_p
)

# Engines.
pooling_new = _wasmtime("pooling_allocation_config_new", c_void_p)
pooling_delete = _wasmtime("pooling_allocation_config_delete", None, c_void_p)
pooling_use = _wasmtime("pooling_allocation_strategy_set", None, c_void_p, c_void_p)
INCREMENT_EPOCH = ctypes.cast(ffi.dll.wasmtime_engine_increment_epoch, c_void_p).value


def pooling_limit(name: str) -> Any:
    """Return the function that sets this limit of a pooling allocator."""
    return _wasmtime(f"pooling_allocation_config_{name}_set", None, c_void_p, c_size_t)


# Values in wasmtime's allocator.
bytes_new = _declare("wasm_byte_vec_new", None, c_void_p, c_size_t, c_char_p)
list_new = _wasmtime("component_vallist_new_uninit", None, c_void_p, c_size_t)
tuple_new = _wasmtime("component_valtuple_new_uninit", None, c_void_p, c_size_t)
record_new = _wasmtime("component_valrecord_new_uninit", None, c_void_p, c_size_t)
val_new = _wasmtime("component_val_new", c_void_p, c_void_p)
val_clone = _wasmtime("component_val_clone", None, c_void_p, c_void_p)
val_delete = _wasmtime("component_val_delete", None, c_void_p)
error_new = _wasmtime("error_new", c_void_p, c_char_p)
error_message = _wasmtime("error_message", None, c_void_p, POINTER(ByteVec))
error_delete = _wasmtime("error_delete", None, c_void_p)
bytes_delete = _declare("wasm_byte_vec_delete", None, c_void_p)

_libc = ctypes.CDLL(None)
STRLEN = ctypes.cast(_libc.strlen, c_void_p).value
assert STRLEN, "the C library has no strlen"
_ANSWERED = ctypes.create_string_buffer(b"\1")
ANSWERED = ctypes.addressof(_ANSWERED)
"""A flag that always says "ready": the `env` of a callback that answered at once."""

assert sys.byteorder == "little", "wasmtime's value layout is read as little endian"


def take_error(error: int) -> str:
    """Return the message of a wasmtime error, with its causes and wasm backtrace, and free it."""
    message = ByteVec()
    error_message(error, ctypes.byref(message))
    text = ctypes.string_at(message.data, message.size).decode("utf-8", "replace")
    bytes_delete(ctypes.byref(message))
    error_delete(error)
    return text
