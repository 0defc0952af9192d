"""Compiling components, here, or in a process of its own with bounds.

Compiling takes time and memory that nobody can tell from a component's size: a hundred kilobytes
can be made such that the compiler takes minutes, and a few megabytes such that it takes gigabytes.
What comes from elsewhere is therefore compiled by a process that the kernel stops, and the engine
goes on.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import wasmtime
from wasmtime import component as wasm

from flawless.errors import DeploymentInvalid, EngineStopped, ToolchainError

from .compile_process import COMPILED
from .progress import INTERVAL_S
from .runtime import FIBER_STACK_BYTES, SETTINGS, runtime

THREADS_MAX: Final = 2
"""Threads of a process that compiles: the engine needs the other cores."""
SAID_CHARS_MAX: Final = 2_000

# Words of wasmtime when a program uses what is switched off, and what it is.
_SWITCHED_OFF: Final = (
    ("gc", "garbage collection or references to objects of the host"),
    ("exceptions?", "exceptions"),
    ("multiple memories", "more than one memory"),
    ("memory64", "64-bit memory"),
    ("threads", "threads"),
)


@dataclass(frozen=True, slots=True)
class CompileBounds:
    """What compiling one component may take. `cpu_s` is for all its threads together.

    It is given up at once when `stopped` is set.
    """

    cpu_s: int = 60
    wall_s: float = 300.0
    memory_bytes: int = 3 << 30
    nice: int = 10
    stopped: threading.Event = field(default_factory=threading.Event)


def compile_here(content: bytes) -> bytes:
    """Return the compiled code of a component; raises `DeploymentInvalid` when it is none."""
    try:
        return bytes(wasm.Component(runtime().engine, content).serialize())
    except wasmtime.WasmtimeError as error:
        raise _unusable(str(error)) from error


def compile_apart(content: bytes, bounds: CompileBounds) -> bytes:
    """Return the compiled code of a component that nobody needs to trust.

    It blocks; other threads go on. Raises `DeploymentInvalid` when it is no component, or when
    compiling it takes more than it may, and `ToolchainError` when no process can be started.
    """
    program = Path(__file__).with_name("compile_process.py")
    order = {
        "settings": SETTINGS,
        "fiber_stack_bytes": FIBER_STACK_BYTES,
        "cpu_s": bounds.cpu_s,
        "memory_bytes": bounds.memory_bytes,
        "nice": bounds.nice,
    }
    path = os.pathsep.join(entry for entry in sys.path if entry)
    environment = os.environ | {
        "PYTHONPATH": path,
        "RAYON_NUM_THREADS": str(THREADS_MAX),
        "MALLOC_ARENA_MAX": str(THREADS_MAX),  # each reserves address space, which is bounded
    }
    try:
        with tempfile.TemporaryFile() as file:
            file.write(content)
            file.seek(0)
            process = subprocess.Popen(  # noqa: S603 (our own Python, our own program)
                [sys.executable, "-P", str(program), json.dumps(order)],
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
            )
    except OSError as error:
        raise ToolchainError(f"no process can be started to compile in: {error}") from error
    with process:
        try:
            output, said = _output(process, bounds)
        finally:
            process.kill()  # unless it has ended
    if process.returncode == 0 and output[:1] == COMPILED:
        return output[1:]
    if process.returncode == 0:
        raise _unusable(output[1:].decode("utf-8", "replace"))
    if process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        raise _too_much(f"more than {bounds.cpu_s} s of computing")
    words = said.decode("utf-8", "replace").strip()
    if process.returncode == -signal.SIGABRT or "memory" in words.lower():
        raise _too_much(f"more than {bounds.memory_bytes >> 20:,} MiB of memory")
    raise DeploymentInvalid(
        f"the component cannot be compiled: the process that tried ended with status "
        f"{process.returncode}",
        traceback=words[-SAID_CHARS_MAX:],
    )


def _output(process: subprocess.Popen[bytes], bounds: CompileBounds) -> tuple[bytes, bytes]:
    """Return what the process says, in its output and about its errors, when it has ended."""
    ends_at = time.monotonic() + bounds.wall_s
    while True:
        with contextlib.suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=INTERVAL_S)
        if bounds.stopped.is_set():
            raise EngineStopped("the engine was closed while a component was compiled")
        if time.monotonic() > ends_at:
            raise _too_much(f"more than {bounds.wall_s:g} s")


def _unusable(text: str) -> DeploymentInvalid:
    advice = "".join(
        f"\nWorkflows have no {what}: build the program without"
        for words, what in _SWITCHED_OFF
        if re.search(rf"\b{words}\b", text)
    )
    return DeploymentInvalid(f"not a usable WebAssembly component: {text}{advice}")


def _too_much(text: str) -> DeploymentInvalid:
    return DeploymentInvalid(
        f"the component cannot be compiled: it takes {text}. Split functions that are very long, "
        "and leave out code that no workflow needs"
    )
