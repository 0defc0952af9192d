"""The functions that a guest was in when it broke, as its author wrote them.

wasmtime's backtrace has a line for each function, innermost first, and at most twenty:

     0:  0x2ebb9 - app.wasm!std[d123b7a1a2ed1472]::process::abort
     1:  0x2ebaf - app.wasm!shop::charge::h92b972c343dffc20
     2:  0x57ff6 - app.wasm!run

People want `shop::charge`: without hashes, without the standard library's way to its end, and
without what leads from the component's export to the workflow.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby
from typing import Final

FRAMES_MAX: Final = 20
"""What wasmtime shows of a stack: one of this length may go on."""

_LINE: Final = re.compile(r"^ *\d+: +0x[0-9a-f]+ - (?:<unknown>!|[^!<\s]*!)?(.+)$", re.MULTILINE)
_HASHES: Final = re.compile(r"::h[0-9a-f]{16}$|\[[0-9a-f]{8,16}\]")
_LIBRARY: Final = re.compile(
    r"<?(?:std|core|alloc|panic_abort|dlmalloc|hashbrown|wasip2|wasi|__rustc)::"
    r"|<[^:]+ as (?:std|core|alloc)::|__(?:rust|wasi|wasm)_"
)
_C_LIBRARY: Final = ("abort", "exit", "_Exit", "exit_exit", "malloc", "free", "memcpy", "memset")
_EXPORT: Final = re.compile(r"(run|describe)(\.command_export)?$|<?flawless::")
"""The component's exports, and the crate between them and the workflow."""
_GLUE: Final = re.compile(r"(.+)::_::(?:__flawless_)?run$")
"""What `#[workflow]` writes around a workflow, in a block of its own that has no name."""
_PYTHON: Final = ("Py", "_Py")


def functions(text: str) -> list[str]:
    """Return all functions in wasmtime's error `text`, innermost first, without their hashes."""
    return [
        _HASHES.sub("", name).replace("{{closure}}", "{closure}") for name in _LINE.findall(text)
    ]


def own_functions(text: str) -> list[str]:
    """Return those of them that are neither the standard library's nor the engine's.

    Of a guest that is Python there are none: its functions are those of the interpreter.
    """
    names = functions(text)
    if any(name.startswith(_PYTHON) for name in names):
        return []
    names = [name for name in names if not (_is_library(name) or _EXPORT.match(name))]
    if names and (glue := _GLUE.match(names[-1])):
        names.pop()
        if not names:  # the compiler has put the workflow into it, or it has ended
            names = [f"a workflow in {glue[1]}"]
    return names


def _is_library(name: str) -> bool:
    return name in _C_LIBRARY or _LIBRARY.match(name) is not None


def recurses(text: str) -> bool:
    """Whether the stack is full of a few functions that call each other."""
    names = functions(text)
    return len(names) >= FRAMES_MAX and len(set(names)) <= FRAMES_MAX // 4


def told(names: Sequence[str]) -> list[str]:
    """Return functions as lines of a traceback; what repeats itself, once."""
    lines = []
    for name, calls in groupby(names):
        count = len(list(calls))
        lines.append(f"  at {name}" + (f" ({count} times or more)" if count > 1 else ""))
    return lines
