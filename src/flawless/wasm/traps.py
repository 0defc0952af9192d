"""What ended a guest, in words.

wasmtime reports a trap as one text: the outermost error first, a wasm backtrace, then the causes.
People need the last cause, and what the functions on the stack say about it (see `backtrace`); the
rest is kept.
"""

from __future__ import annotations

from typing import Final

from flawless.errors import GuestTrapped

from . import sizes
from .backtrace import functions, recurses

RECURSED: Final = (
    "the workflow recursed too deeply: the guest's stack is exhausted. "
    "Replace the recursion by a loop, or do the work in a @step"
)
OUT_OF_MEMORY: Final = (
    "the workflow needs more memory than a guest may have: hold less at a time, or do the work in "
    "a @step; the limit is `guest_memory_bytes_max`"
)
PANICKED_TWICE: Final = (
    "the workflow panicked while it panicked: in its panic hook, or while the message of a panic "
    "was made. What it printed about that is among its logs"
)
PANICKED: Final = (
    "the workflow panicked, and its own panic hook (std::panic::set_hook) took the place of the "
    "one that tells the engine why: leave that hook out"
)
ABORTED: Final = (
    "the workflow aborted (std::process::abort): return an error instead, or panic with a message"
)
UNREACHABLE: Final = (
    "the guest aborted (WebAssembly `unreachable`): a fatal error inside the guest, often "
    "out of memory; see what it wrote to stderr"
)
OUT_OF_BOUNDS: Final = (
    "the guest accessed memory out of bounds: a fault in native code inside the guest"
)
TOO_MANY: Final = (
    f"a workflow's program has {sizes.MEMORIES_MAX} memory and at most {sizes.TABLES_MAX} tables "
    f"of {sizes.TABLE_ELEMENTS_MAX:,} elements and {sizes.INSTANCES_MAX} instances: do not compose "
    "several components into one, and build it smaller"
)


class GuestExited(GuestTrapped):
    """The guest ended its process (`os._exit`, or Rust's `process::exit`) instead of returning."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"the workflow ended the process with exit status {status}: return a result instead, "
            "or an error (in Python, raise an exception)"
        )
        self.status = status


def trapped(text: str) -> GuestTrapped:
    """Make the exception for wasmtime's error `text`."""
    _, _, causes = text.rpartition("Caused by:")
    lines = [line.strip() for line in causes.splitlines() if line.strip()]
    # Several causes are numbered, outermost first.
    cause = lines[-1] if lines else "unknown trap"
    head, _, rest = cause.partition(": ")
    if head.isdigit():
        cause = rest
    cause = cause.removeprefix("wasm trap: ").removeprefix("error: ")
    if "call stack exhausted" in cause:
        cause = RECURSED
    elif "unreachable" in cause:
        cause = _aborted(functions(text))
    elif "out of bounds memory access" in cause:
        # Rust's stack is in memory, below all else: beyond its end there is nothing.
        cause = RECURSED if recurses(text) else OUT_OF_BOUNDS
    elif "exceeds memory limits" in cause:
        cause = OUT_OF_MEMORY
    elif "exceeds table limits" in cause or "resource limit exceeded" in cause:
        cause = f"{cause}: {TOO_MANY}"
    elif "unknown import" in cause or "has not been defined" in cause:
        cause = (
            f"{cause}. Workflows reach the outside world only through flawless.http and @step: "
            "there are no files, sockets or threads inside"
        )
    return GuestTrapped(cause, text)


def _aborted(names: list[str]) -> str:
    """Return what an abort means, by the functions that led to it."""
    if any(name.endswith(("rust_oom", "handle_alloc_error")) for name in names):
        return OUT_OF_MEMORY
    panics = sum(name.endswith("panicking::panic_with_hook") for name in names)
    started = any(name.endswith("::rust_panic") for name in names)
    if panics > 1 or (panics and not started):
        return PANICKED_TWICE
    if started:
        return PANICKED
    return ABORTED if "std::process::abort" in names else UNREACHABLE
