"""Core modules made components: by a program that is built once, and says what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest
import wasmtime
from machines import Machine

from compiling import rust
from flawless.errors import DeploymentInvalid, ToolchainError
from flawless.rust.componentise import componentise
from flawless.rust.toolchain import Toolchain
from flawless.wasm import CacheFolder, contract

# Copies the module, after some bytes of its own, unless the module is empty.
PROGRAM = """#!/bin/sh
[ -s "$1" ] || {{ echo "no module" >&2; exit 1; }}
/bin/echo {words} > "$2" && /bin/cat "$1" >> "$2"
"""
# Asks for a random number: what needs an adapter, and memory.
MODULE = """
(module
  (import "{interface}" "{function}" (func $imported (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func (export "_initialize") (drop (call $imported (i32.const 0) (i32.const 8)))))
"""


def pretending(folder: Path) -> Toolchain:
    """Return a toolchain whose cargo makes `PROGRAM`, and counts how often."""
    machine = Machine(folder / "machine")
    program = folder / "program"
    program.write_text(PROGRAM.format(words="made"))
    cargo = machine.program(
        machine.path / "cargo",
        f"[ -f src/main.rs ] && [ -f Cargo.toml ] || exit 1\n/bin/echo x >> {folder / 'calls'}\n"
        f'/bin/mkdir -p "$3/debug" && /bin/cp {program} "$3/debug/componentiser"\n',
    )
    return Toolchain(str(cargo), "1.95.0", "wasm32-wasip1", folder)


def test_the_program_is_built_once(tmp_path: Path) -> None:
    """Cargo is called for the first module only; the program is in the cache from then on."""
    toolchain, cache = pretending(tmp_path), CacheFolder(tmp_path / "cache")
    for module in (b"one", b"two"):
        assert componentise(module, toolchain, cache=cache) == b"made\n" + module
    assert (tmp_path / "calls").read_text() == "x\n"


def test_what_the_program_says(tmp_path: Path) -> None:
    """A module that becomes no component is the user's to mend: the program's words are kept."""
    with pytest.raises(DeploymentInvalid, match="not part of WASI") as caught:
        componentise(b"", pretending(tmp_path), cache=CacheFolder(tmp_path / "cache"))
    assert caught.value.traceback == "no module\n"


def test_the_program_cannot_be_built(tmp_path: Path) -> None:
    """Without it, the target that needs none is named; nothing is kept."""
    cargo = Machine(tmp_path / "machine").program(tmp_path / "cargo", "echo no network; exit 101")
    toolchain = Toolchain(str(cargo), "1.95.0", "wasm32-wasip1", tmp_path)
    with pytest.raises(ToolchainError, match=r"(?s)rustup target add wasm32-wasip2.*no network"):
        componentise(b"one", toolchain, cache=CacheFolder(tmp_path / "cache"))


@pytest.mark.slow
@pytest.mark.sweep
def test_the_real_one() -> None:
    """The program that is built here adapts WASI 0.1, and refuses what no host has."""
    toolchain = rust()

    def module(interface: str, function: str) -> bytes:
        text = MODULE.format(interface=interface, function=function)
        return bytes(wasmtime.wat2wasm(text))

    made = componentise(module("wasi_snapshot_preview1", "random_get"), toolchain)
    contract.check(made)
    assert b"wasi:random/random@0.2." in made
    with pytest.raises(DeploymentInvalid) as caught:
        componentise(module("env", "alert"), toolchain)
    assert "`env`" in caught.value.traceback
