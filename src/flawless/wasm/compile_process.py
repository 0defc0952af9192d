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


def main() -> None:
    """Compile within bounds, behind everybody else who wants to compute."""
    order = json.loads(sys.argv[1])
    with contextlib.suppress(OSError):
        os.nice(order["nice"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cpu_s = order["cpu_s"]
    resource.setrlimit(resource.RLIMIT_CPU, (cpu_s, cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_AS, (order["memory_bytes"], order["memory_bytes"]))
    config = wasmtime.Config()
    for name, value in order["settings"].items():
        setattr(config, name, value)
    # The stack of the code must fit into that of a guest, or there is no engine.
    set_size = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_uint64)(
        ("wasmtime_config_async_stack_size_set", _ffi.dll)
    )
    set_size(ctypes.cast(config.ptr(), ctypes.c_void_p), order["fiber_stack_bytes"])
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
