"""What ended a guest, in words.

wasmtime reports a trap as one text: the outermost error first, a wasm backtrace, then the causes.
People need the last cause; the rest is kept as the backtrace.
"""

from __future__ import annotations

from flawless.errors import GuestTrapped

HINTS = {
    "call stack exhausted": (
        "the workflow recursed too deeply: the guest's stack is exhausted. "
        "Replace the recursion by a loop, or do the work in a @step"
    ),
    "unreachable": (
        "the guest aborted (WebAssembly `unreachable`): a fatal error inside the guest, often "
        "out of memory; see what it wrote to stderr"
    ),
    "out of bounds memory access": "the guest accessed memory out of bounds: a fault in native "
    "code inside the guest",
}


class GuestExited(GuestTrapped):
    """The guest ended its process (`os._exit`, or Rust's `process::exit`) instead of returning."""

    def __init__(self, status: int) -> None:
        super().__init__(
            f"the workflow ended the process with exit status {status}: return a result or raise "
            "an exception instead"
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
    for name, hint in HINTS.items():
        if name in cause:
            return GuestTrapped(hint, text)
    if "unknown import" in cause or "has not been defined" in cause:
        cause = (
            f"{cause}. Workflows reach the outside world only through flawless.http and @step: "
            "there are no files, sockets or threads inside"
        )
    return GuestTrapped(cause, text)
