"""WASI 0.2 as a workflow sees it: deterministic, and only what has an answer.

Clocks, randomness and blocking polls go to the guest's host, which answers them from the journal;
standard output and error go to `GuestHost.write`. Standard input is at its end, there are no
arguments and no directories, and the environment says UTC and nothing else. Sockets are refused
with an error code, which Python and Rust turn into their usual errors. Whatever is left traps, and
the trap names the missing import.

Each function is `handler(guest, args, results)`: `args` and `results` are addresses of value
arrays (see `values.py`). The tables at the end say which handler serves which import; a component
is linked against the exact version it imports (`wasi:io/poll@0.2.0`, `@0.2.9`, …), so components
of other toolchains work as well.
"""

from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

from wasmtime import component as wasm

from flawless.errors import ValueTooLarge

from . import binding, values
from .binding import VALUE_BYTES, Value
from .callbacks import ON_CALL, guarded, guarded_sync
from .guest import GUESTS, Guest
from .runtime import address
from .traps import GuestExited

RANDOM_BYTES_MAX: Final = 4 << 20
"""Randomness one call may ask for (each byte takes 32 while it is handed over)."""

WRITE_BYTES_MAX: Final = 1 << 20
"""What a guest may write to an output stream at once (again 32 bytes for each).

Generous, because CPython loses what an unbuffered `print` could not write in one go.
"""

ENVIRONMENT: Final = [("TZ", "UTC"), ("LANG", "C.UTF-8"), ("LC_ALL", "C.UTF-8")]

# The kinds of resources we hand out. The numbers only have to differ.
POLLABLE, IO_ERROR, INPUT, OUTPUT, TERMINAL_INPUT, TERMINAL_OUTPUT, NETWORK = range(1, 8)

# Streams by the number of their resource.
STREAMS: Final[dict[int, Literal["stdout", "stderr"]]] = {1: "stdout", 2: "stderr"}

ALWAYS_READY: Final = 0
"""The pollable of everything that never has to be waited for; timers count from 1."""

_RESOLUTION_NS: Final = 1000  # engine times are whole microseconds

_ok = values.ok()
_none = values.none()
_empty = values.empty_list()
_closed = values.err(values.variant("closed"))
_permit = values.ok(values.unsigned64(WRITE_BYTES_MAX))
_environment = values.string_pairs(ENVIRONMENT)
_refused = values.err(values.enum("access-denied"))
_unresolved = values.err(values.enum("permanent-resolver-failure"))
_datetime = values.record([("seconds", values.U64, 0), ("nanoseconds", values.U32, 0)])
_tick = values.record([("seconds", values.U64, 0), ("nanoseconds", values.U32, _RESOLUTION_NS)])


def constant(template: values.Template) -> Callable[[Guest, int, int], None]:
    """Make a handler that always gives the same value (and has no borrowed argument)."""
    return lambda _guest, _args, results: template.copy(results)


def constant_method(template: values.Template) -> Callable[[Guest, int, int], None]:
    """Make a handler for a method that always gives the same value."""

    def handler(guest: Guest, args: int, results: int) -> None:
        values.take_borrow(args, guest.context)
        template.copy(results)

    return handler


def owned(kind: int, rep: int) -> Callable[[Guest, int, int], None]:
    """Make a handler that hands out the host's resource `rep`."""

    def handler(guest: Guest, _args: int, results: int) -> None:
        _put_owned(guest, results, rep, kind)

    return handler


def _put_owned(guest: Guest, results: int, rep: int, kind: int) -> None:
    guest.handles_made += 1
    values.put_resource(results, guest.context, rep, kind)


# --- clocks and polls -------------------------------------------------------------------------


def wall_now(guest: Guest, _args: int, results: int) -> None:
    """`wall-clock.now() -> datetime`"""
    seconds, nanoseconds = divmod(guest.host.clock_ns(), 1_000_000_000)
    _datetime.copy(results)
    values.set_field(results, 0, seconds)
    values.set_field(results, 1, nanoseconds)


def monotonic_now(guest: Guest, _args: int, results: int) -> None:
    """`monotonic-clock.now() -> instant`"""
    values.put_u64(results, guest.host.clock_ns())


def monotonic_resolution(_guest: Guest, _args: int, results: int) -> None:
    """`monotonic-clock.resolution() -> duration`"""
    values.put_u64(results, _RESOLUTION_NS)


def _put_timer(guest: Guest, deadline_ns: int, results: int) -> None:
    guest.pollables_made += 1
    rep = guest.pollables_made
    guest.pollables[rep] = deadline_ns
    _put_owned(guest, results, rep, POLLABLE)


def subscribe_instant(guest: Guest, args: int, results: int) -> None:
    """`monotonic-clock.subscribe-instant(when) -> pollable`"""
    _put_timer(guest, Value.from_address(args).word0, results)


def subscribe_duration(guest: Guest, args: int, results: int) -> None:
    """`monotonic-clock.subscribe-duration(duration) -> pollable`"""
    duration_ns = Value.from_address(args).word0
    _put_timer(guest, guest.host.clock_ns() + duration_ns, results)


def pollable_ready(guest: Guest, args: int, results: int) -> None:
    """`pollable.ready() -> bool`"""
    rep = values.take_borrow(args, guest.context)
    ready = rep == ALWAYS_READY or guest.pollables[rep] <= guest.host.clock_ns()
    values.put_bool(results, ready)


def pollable_block(guest: Guest, args: int, results: int) -> int | None:
    """`pollable.block()`"""
    rep = values.take_borrow(args, guest.context)
    if rep == ALWAYS_READY or guest.host.sleep_until_ns(guest.pollables[rep]):
        return None
    return guest.suspend(results, _woken)


def poll(guest: Guest, args: int, results: int) -> int | None:
    """`poll(list<borrow<pollable>>) -> list<u32>`: which of them are ready, at least one."""
    reps = [values.take_borrow(item, guest.context) for item in values.get_items(args)]
    ready = [index for index, rep in enumerate(reps) if rep == ALWAYS_READY]
    if ready or not reps:
        values.put_u32s(results, ready)
        return None
    deadlines = [guest.pollables[rep] for rep in reps]
    first = min(deadlines)
    ready = [index for index, deadline in enumerate(deadlines) if deadline == first]
    if guest.host.sleep_until_ns(first):
        values.put_u32s(results, ready)
        return None
    return guest.suspend(results, functools.partial(_woken_poll, ready))


def _woken(_guest: Guest, _response: bytes) -> None:
    return


def _woken_poll(ready: list[int], guest: Guest, _response: bytes) -> None:
    values.put_u32s(guest.results, ready)


# --- randomness -------------------------------------------------------------------------------


def random_bytes(guest: Guest, args: int, results: int) -> None:
    """`random.get-random-bytes(len) -> list<u8>`"""
    size = Value.from_address(args).word0
    if size > RANDOM_BYTES_MAX:
        raise ValueTooLarge("the randomness asked for", size, RANDOM_BYTES_MAX)
    data = guest.host.random(size)
    if len(data) != size:
        raise ValueError(f"GuestHost.random({size}) gave {len(data)} bytes")
    values.put_bytes(results, data)


def random_u64(guest: Guest, _args: int, results: int) -> None:
    """`random.get-random-u64() -> u64`"""
    values.put_u64(results, int.from_bytes(guest.host.random(8), "little"))


def random_seed(guest: Guest, _args: int, results: int) -> None:
    """`insecure-seed.insecure-seed() -> tuple<u64, u64>`"""
    binding.tuple_new(results + binding.WORD0, 2)
    Value.from_address(results).kind = values.TUPLE
    for slot in values.get_items(results):
        values.put_u64(slot, int.from_bytes(guest.host.random(8), "little"))


# --- standard streams -------------------------------------------------------------------------


def stream_write(guest: Guest, args: int, results: int) -> None:
    """`output-stream.write(list<u8>)` and its flushing relatives"""
    stream = STREAMS[values.take_borrow(args, guest.context)]
    guest.host.write(stream, values.get_bytes(args + VALUE_BYTES))
    _ok.copy(results)


def stream_write_zeroes(guest: Guest, args: int, results: int) -> None:
    """`output-stream.write-zeroes(len)`"""
    stream = STREAMS[values.take_borrow(args, guest.context)]
    size = min(Value.from_address(args + VALUE_BYTES).word0, WRITE_BYTES_MAX)
    guest.host.write(stream, bytes(size))
    _ok.copy(results)


def subscribe_stream(guest: Guest, args: int, results: int) -> None:
    """`input-stream.subscribe()`, `output-stream.subscribe()`: always ready"""
    values.take_borrow(args, guest.context)
    _put_owned(guest, results, ALWAYS_READY, POLLABLE)


# --- exit, sockets ----------------------------------------------------------------------------


def exit_result(_guest: Guest, args: int, _results: int) -> None:
    """`exit.exit(result)`"""
    raise GuestExited(0 if Value.from_address(args).word0 & 0xFF else 1)


def exit_code(_guest: Guest, args: int, _results: int) -> None:
    """`exit.exit-with-code(u8)`"""
    raise GuestExited(Value.from_address(args).word0 & 0xFF)


def finish(guest: Guest, args: int, _results: int) -> None:
    """`flawless:workflow/host.finish: func(output: string)`"""
    guest.finish(values.get_string(args))


# --- what serves what -------------------------------------------------------------------------

SYNC: Final[dict[str, dict[str, Callable[[Guest, int, int], None]]]] = {
    "wasi:clocks/wall-clock": {"now": wall_now, "resolution": constant(_tick)},
    "wasi:clocks/monotonic-clock": {
        "now": monotonic_now,
        "resolution": monotonic_resolution,
        "subscribe-instant": subscribe_instant,
        "subscribe-duration": subscribe_duration,
    },
    "wasi:io/poll": {"[method]pollable.ready": pollable_ready},
    "wasi:io/streams": {
        "[method]input-stream.read": constant_method(_closed),
        "[method]input-stream.blocking-read": constant_method(_closed),
        "[method]input-stream.skip": constant_method(_closed),
        "[method]input-stream.blocking-skip": constant_method(_closed),
        "[method]input-stream.subscribe": subscribe_stream,
        "[method]output-stream.check-write": constant_method(_permit),
        "[method]output-stream.write": stream_write,
        "[method]output-stream.blocking-write-and-flush": stream_write,
        "[method]output-stream.write-zeroes": stream_write_zeroes,
        "[method]output-stream.blocking-write-zeroes-and-flush": stream_write_zeroes,
        "[method]output-stream.flush": constant_method(_ok),
        "[method]output-stream.blocking-flush": constant_method(_ok),
        "[method]output-stream.subscribe": subscribe_stream,
    },
    "wasi:random/random": {
        "get-random-bytes": random_bytes,
        "get-random-u64": random_u64,
    },
    "wasi:random/insecure": {
        "get-insecure-random-bytes": random_bytes,
        "get-insecure-random-u64": random_u64,
    },
    "wasi:random/insecure-seed": {"insecure-seed": random_seed},
    "wasi:cli/environment": {
        "get-environment": constant(_environment),
        "get-arguments": constant(_empty),
        "initial-cwd": constant(_none),
    },
    "wasi:cli/exit": {"exit": exit_result, "exit-with-code": exit_code},
    "wasi:cli/stdin": {"get-stdin": owned(INPUT, 0)},
    "wasi:cli/stdout": {"get-stdout": owned(OUTPUT, 1)},
    "wasi:cli/stderr": {"get-stderr": owned(OUTPUT, 2)},
    "wasi:cli/terminal-stdin": {"get-terminal-stdin": constant(_none)},
    "wasi:cli/terminal-stdout": {"get-terminal-stdout": constant(_none)},
    "wasi:cli/terminal-stderr": {"get-terminal-stderr": constant(_none)},
    "wasi:filesystem/preopens": {"get-directories": constant(_empty)},
    "wasi:filesystem/types": {"filesystem-error-code": constant_method(_none)},
    "wasi:sockets/instance-network": {"instance-network": owned(NETWORK, 0)},
    "wasi:sockets/tcp-create-socket": {"create-tcp-socket": constant(_refused)},
    "wasi:sockets/udp-create-socket": {"create-udp-socket": constant(_refused)},
    "wasi:sockets/ip-name-lookup": {"resolve-addresses": constant_method(_unresolved)},
    "flawless:workflow/host": {"finish": finish},
}

ASYNC: Final[dict[str, dict[str, Callable[[Guest, int, int], int | None]]]] = {
    "wasi:io/poll": {"poll": poll, "[method]pollable.block": pollable_block},
}

RESOURCES: Final[dict[str, dict[str, int]]] = {
    "wasi:io/poll": {"pollable": POLLABLE},
    "wasi:io/error": {"error": IO_ERROR},
    "wasi:io/streams": {"input-stream": INPUT, "output-stream": OUTPUT},
    "wasi:cli/terminal-input": {"terminal-input": TERMINAL_INPUT},
    "wasi:cli/terminal-output": {"terminal-output": TERMINAL_OUTPUT},
    "wasi:sockets/network": {"network": NETWORK},
}


def _forget(kind: int | None, context: int, rep: int) -> int:
    if kind == POLLABLE:
        guest = GUESTS[context]()
        assert guest is not None, "who drives a guest holds it"
        guest.pollables.pop(rep, None)
    return 0


_FORGET: Final[Any] = binding.DESTRUCTOR(_forget)

# ctypes callbacks live as long as the process: linkers refer to them.
_SYNC_CALLBACKS: Final[dict[str, dict[str, Any]]] = {
    interface: {name: guarded_sync(handler) for name, handler in functions.items()}
    for interface, functions in SYNC.items()
}
_ASYNC_CALLBACKS: Final[dict[str, dict[str, Any]]] = {
    interface: {name: guarded(handler) for name, handler in functions.items()}
    for interface, functions in ASYNC.items()
} | {"flawless:workflow/host": {"call": ON_CALL}}


# What we can give, and of which versions: WASI 0.2.x is compatible, and so is 1.x of our own.
_SERVED: Final = dict.fromkeys(_SYNC_CALLBACKS | _ASYNC_CALLBACKS | RESOURCES, "0.2.") | {
    "flawless:workflow/host": "1."
}


def define(linker: wasm.Linker, component: wasm.Component, imports: Iterable[str]) -> None:
    """Give `linker` all that `component` imports, by the names in `imports`; the rest traps."""
    linker.define_unknown_imports_as_traps(component)
    linker.allow_shadowing = True
    with linker.root() as root:
        for import_name in imports:
            interface, _, version = import_name.partition("@")
            if interface not in _SERVED or not version.startswith(_SERVED[interface]):
                continue
            if not any(
                interface in table for table in (_SYNC_CALLBACKS, _ASYNC_CALLBACKS, RESOURCES)
            ):
                continue
            with root.add_instance(import_name) as instance:
                _define_interface(address(instance), interface)


def _define_interface(instance: int, interface: str) -> None:
    for name, kind in RESOURCES.get(interface, {}).items():
        kind_address = address(wasm_type := wasm.ResourceType.host(kind))
        _check(
            binding.add_resource(
                instance, name.encode(), len(name), kind_address, _FORGET, kind, None
            )
        )
        del wasm_type
    for name, callback in _SYNC_CALLBACKS.get(interface, {}).items():
        _check(binding.add_func(instance, name.encode(), len(name), callback, None, None))
    for name, callback in _ASYNC_CALLBACKS.get(interface, {}).items():
        _check(binding.add_func_async(instance, name.encode(), len(name), callback, None, None))


def _check(error: int | None) -> None:
    if error:
        raise RuntimeError(binding.take_error(error))


assert ctypes.sizeof(Value) == VALUE_BYTES
