"""The bytes of an uploaded component; as WebAssembly, or, where they begin with `(`, as its text.

What must hold: the component is refused with a sentence, or describes itself, or runs into a bound;
a guest of it does no harm. Compiling is done here and not in its own process, which costs too much
for each input; `test_uploads_apart.py` has the process.
"""

from __future__ import annotations

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

import wasmtime
from readers import is_a_sentence

from flawless.engine.component import make_component
from flawless.errors import DeploymentInvalid, FlawlessError
from flawless.wasm import CacheFolder, Component, Finished, Guest, GuestLimits, Preempted

LIMITS = GuestLimits(memory_bytes=16 << 20, cpu_s_per_turn=0.3)
TURNS_MAX = 200
WORDS = (
    "\0asm\x0d\0\x01\0", "\0asm\x01\0\0\0", "\x01", "\x0b", "(component", "(core module",
    "(core instance", "(canon lower (func", "(canon lift (core func",
    '(memory (export "memory") 1)', "(realloc (core func",
    '(import "flawless:workflow/host@1.0.0" (instance', "string-encoding=utf16",
    '(export "run" (func', '(export "describe" (func', "(memory 65536)", "(table 10000000 funcref)",
    "unreachable", "(loop (br 0))", "(memory.grow (i32.const 65536))", "(call_indirect",
    "(start 0)", "memory64", "shared", "(type (resource (rep i32)))",
    "(import \"wasi:sockets/tcp@0.2.0\"", "(result string)", "(param \"input\" string)",
    "(i32.const -1)", "(data (i32.const 0) \"",
)  # fmt: skip


class Host:
    """Answers nothing of use, and a bounded number of times."""

    def __init__(self) -> None:
        self.left = 50

    def call(self, request: bytes) -> bytes | None:
        """Answer with an empty object, and then no more."""
        self.left -= 1
        return b"{}" if self.left > 0 else None

    def clock_ns(self) -> int:
        """Stand still."""
        return 0

    def random(self, size: int) -> bytes:
        """Return zeros."""
        return bytes(min(size, 1 << 20))

    def write(self, stream: str, data: bytes) -> None:
        """Take it."""

    def sleep_until_ns(self, deadline_ns: int) -> bool:
        """Say that the time has come."""
        return True


def target(data: bytes) -> None:
    """Load a component, let it describe itself, and run it."""
    content = as_binary(data)
    if content is None:
        return
    with tempfile.TemporaryDirectory(prefix="flawless-fuzz-") as folder:
        try:
            component = Component.load(content, cache=CacheFolder(Path(folder)))
        except DeploymentInvalid as error:
            is_a_sentence(error)
            return
        with suppress(DeploymentInvalid):
            asyncio.run(make_component(component, limits=LIMITS))
        guest = Guest(component, Host(), LIMITS)
        try:
            state = guest.start("run", b'{"protocol":1,"args":{"a":["~7b7d."],"k":{}}}')
            for _ in range(TURNS_MAX):
                if not isinstance(state, Preempted):
                    break
                state = guest.proceed()
            if isinstance(state, Finished):
                state.output.decode()
        except FlawlessError:
            pass
        finally:
            guest.close()


def as_binary(data: bytes) -> bytes | None:
    """Return WebAssembly for its text, too; None where that is no text of a program."""
    if not data.startswith(b"("):
        return data
    try:
        return bytes(wasmtime.wat2wasm(data))
    except (wasmtime.WasmtimeError, UnicodeDecodeError):
        return None
