"""The body of the process that compiles a component: see `compiling`.

It is run as a file, and imports wasmtime alone, so that it is there at once. The settings come as
its argument, the component on its standard input; the compiled code, or what is wrong with the
component, is its output, and the first byte of that tells which.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import sys

import wasmtime
from wasmtime import _ffi, component

COMPILED, REFUSED = b"+", b"-"


def configured(settings: dict[str, bool | int]) -> wasmtime.Config:
    """Return wasmtime's configuration; what wasmtime-py does not wrap is set through the C API."""
    config = wasmtime.Config()
    for name, value in settings.items():
        if hasattr(wasmtime.Config, name):
            setattr(config, name, value)
        else:
            kind = ctypes.c_bool if isinstance(value, bool) else ctypes.c_uint64
            setter = ctypes.CFUNCTYPE(None, ctypes.c_void_p, kind)(
                (f"wasmtime_config_{name}_set", _ffi.dll)
            )
            setter(ctypes.cast(config.ptr(), ctypes.c_void_p), value)
    return config


def main() -> None:
    """Compile within bounds, behind everybody else who wants to compute."""
    order = json.loads(sys.argv[1])
    with contextlib.suppress(OSError):
        os.nice(order["nice"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu_s = order["cpu_s"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    config = configured(order["settings"] | {"async_stack_size": order["fiber_stack_bytes"]})
    content = sys.stdin.buffer.read()
    try:
        compiled = component.Component(wasmtime.Engine(config), content).serialize()
        answer = COMPILED + bytes(compiled)
    except wasmtime.WasmtimeError as error:
        answer = REFUSED + str(error).encode("utf-8", "replace")
    sys.stdout.buffer.write(answer)
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
