"""The functions of a trap, as their author wrote them, and what they say about its cause."""

from __future__ import annotations

import pytest

from flawless.wasm.backtrace import functions, own_functions, told
from flawless.wasm.traps import (
    ABORTED,
    OUT_OF_BOUNDS,
    OUT_OF_MEMORY,
    PANICKED,
    PANICKED_TWICE,
    RECURSED,
    UNREACHABLE,
    trapped,
)

HEAD = "error while executing at wasm backtrace:\n"
UNREACHED = "\nCaused by:\n    wasm trap: wasm `unreachable` instruction executed"
BEYOND = (
    "\nCaused by:\n    0: memory fault at wasm address 0xfffffff8 in linear memory of size 0x110000"
    "\n    1: wasm trap: out of bounds memory access"
)
EXPORTS = ("flawless::workflow::run", "run", "run.command_export")
ABORT = ("abort", "std[d123b7a1a2ed1472]::process::abort")
PANIC = (
    "std[d123b7a1a2ed1472]::panicking::panic_with_hook",
    "__rustc[b7974e8690430dd9]::rust_begin_unwind",
    "core[6d9e98711c484d2e]::panicking::panic_fmt",
)


def text(*names: str, causes: str = UNREACHED) -> str:
    """Return what wasmtime would say of a trap in these functions."""
    lines = [f"{n:>5}: {0x2EBB9 + n:>#8x} - shop.wasm!{name}" for n, name in enumerate(names)]
    return HEAD + "\n".join(lines) + "\n" + causes


def test_names() -> None:
    """Hashes of crates and functions are left out, closures are written as one writes them."""
    found = functions(text("shop::pay::{{closure}}::h92b972c343dffc20", ABORT[1]))
    assert found == ["shop::pay::{closure}", "std::process::abort"]


def test_names_without_a_module() -> None:
    """A component whose names were stripped has no functions to show."""
    assert functions(text("<wasm function 12>")) == ["<wasm function 12>"]
    assert functions("no backtrace at all") == []


def test_own_functions() -> None:
    """The standard library's way to the end and the engine's way in are left out."""
    glue = "shop::_::__flawless_run::h0553b9cbb245a075"
    write = "<u8 as alloc::vec::spec_from_elem::SpecFromElem>::from_elem"
    names = (
        *ABORT,
        write,
        "shop::pay::h92b972c343dffc20",
        "core[6d9e98711c484d2e]::fmt::write",
        glue,
    )
    assert own_functions(text(*names, *EXPORTS)) == ["shop::pay"]


def test_workflow_without_a_frame() -> None:
    """A workflow that the compiler has put into what calls it still has a place."""
    found = own_functions(text(*ABORT, "shop::orders::_::run::h0553b9cbb245a075", *EXPORTS))
    assert found == ["a workflow in shop::orders"]


def test_python() -> None:
    """The interpreter's functions are no functions of the user's."""
    assert own_functions(text("list_dealloc", "_PyEval_EvalFrameDefault", "run")) == []


def test_lines() -> None:
    """A function that calls itself is told once."""
    assert told(["a", "a", "a", "b"]) == ["  at a (3 times or more)", "  at b"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (text("shop::stop", "run"), UNREACHABLE),
        (text(*ABORT, "shop::pay", "run"), ABORTED),
        (text(*ABORT, "std::alloc::rust_oom", "shop::pay"), OUT_OF_MEMORY),
        (text(*ABORT, "__rustc::rust_panic", *PANIC, "shop::pay"), PANICKED),
        (text(*ABORT, *PANIC, "shop::hook", *PANIC, "shop::pay"), PANICKED_TWICE),
        (text(*ABORT, *PANIC, "<shop::Order as core::fmt::Display>::fmt"), PANICKED_TWICE),
        (text("shop::peek", "run", causes=BEYOND), OUT_OF_BOUNDS),
        (text(*["shop::walk"] * 20, causes=BEYOND), RECURSED),
        (text(*["shop::even", "shop::odd"] * 10, causes=BEYOND), RECURSED),
    ],
    ids=["unreachable", "abort", "memory", "hook", "twice", "shown", "peek", "walk", "both"],
)
def test_message(found: str, message: str) -> None:
    """What is on the stack says what an abort, or a fault, means."""
    assert str(trapped(found)) == message
