"""Which Rust builds crates, and the one command where none can."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from machines import Machine

from flawless.errors import ToolchainError
from flawless.rust import remedies
from flawless.rust.toolchain import find


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine without any Rust, in place of this one."""
    made = Machine(tmp_path)
    for name, value in made.environment.items():
        monkeypatch.setenv(name, value)
    return made


def refusal(machine: Machine) -> str:
    """Return what is said where crates cannot be built."""
    with pytest.raises(ToolchainError) as caught:
        find(root=machine.root)
    return str(caught.value)


def test_the_target_that_gives_components(machine: Machine) -> None:
    """With wasm32-wasip2 cargo's artifact is a component, and its rustc is the one beside it."""
    machine.rust(machine.path, "wasm32-wasip2", "wasm32-wasip1")
    found = find(root=machine.root)
    assert (found.target, found.version, found.gives_components) == (
        "wasm32-wasip2",
        "1.95.0",
        True,
    )
    assert found.cargo == str(machine.path / "cargo")
    assert found.environment["RUSTC"] == str(machine.path / "rustc")
    assert found.options == ()


def test_a_target_that_gives_core_modules(machine: Machine) -> None:
    """With wasm32-wasip1 alone the artifact has to be made a component."""
    machine.rust(machine.path, "wasm32-wasip1", "wasm32-unknown-unknown")
    found = find(root=machine.root)
    assert (found.target, found.gives_components) == ("wasm32-wasip1", False)


def test_the_better_of_two(machine: Machine) -> None:
    """A Rust elsewhere that gives components comes before one on the PATH that does not."""
    machine.rust(machine.path, "wasm32-wasip1")
    machine.rust(machine.cargo_home / "bin", "wasm32-wasip2", version="1.91.0")
    assert find(root=machine.root).version == "1.91.0"


def test_rustup_chooses_its_compiler(machine: Machine) -> None:
    """Where rustup is, no rustc is forced upon its cargo: the project may have chosen one."""
    machine.rust(machine.path, "wasm32-wasip2")
    machine.program(machine.path / "rustup", "exit 1")
    assert "RUSTC" not in find(root=machine.root).settings


def test_debian_builds_the_standard_library(machine: Machine) -> None:
    """Without a target, Debian's C library and the sources of the standard library do."""
    sysroot = machine.rust(machine.root / "usr" / "bin")
    machine.debian_parts(sysroot)
    found = find(root=machine.root)
    assert (found.target, found.gives_components) == ("wasm32-wasip1", False)
    assert found.options == ("-Zbuild-std=std,panic_abort",)
    assert f"-Clinker={machine.path / 'wasm-ld-19'}" in found.flags
    assert f"-Lnative={machine.root / 'usr/lib/wasm32-wasi'}" in found.flags
    assert found.environment["RUSTC_BOOTSTRAP"] == "1"


@pytest.mark.parametrize(
    "missing",
    [
        "usr/lib/wasm32-wasi/libc.a",
        "usr/lib/llvm-19/lib/clang/19/lib/wasi/libclang_rt.builtins-wasm32.a",
        "bin/wasm-ld-19",
    ],
)
def test_debian_with_a_part_missing(machine: Machine, missing: str) -> None:
    """All parts have to be there."""
    machine.debian_parts(machine.rust(machine.root / "usr" / "bin"))
    (machine.root / missing).unlink()
    assert "not its target wasm32-wasip2" in refusal(machine)


def test_no_rust_at_all(machine: Machine) -> None:
    """The usual way to install Rust is given, with the target at once."""
    message = refusal(machine)
    assert "there is none on this machine" in message
    assert f"\n\n  {remedies.RUSTUP}\n" in message


def test_rustup_without_the_target(machine: Machine) -> None:
    """One command of rustup is all that is missing."""
    machine.rust(machine.path)
    machine.program(machine.path / "rustup", "exit 1")
    assert "\n\n  rustup target add wasm32-wasip2\n" in refusal(machine)


def test_rustup_without_a_toolchain(machine: Machine) -> None:
    """Where rustup has nothing installed, or something too old, it installs both."""
    machine.rust(machine.cargo_home / "bin", "wasm32-wasip2", version="1.70.0")
    rustup = machine.program(machine.cargo_home / "bin" / "rustup", "exit 1")
    message = refusal(machine)
    assert "takes Rust 1.88 or newer, here is 1.70.0" in message
    assert f"  {rustup} toolchain install stable --target wasm32-wasip2 && {rustup} " in message


def test_debian_that_has_the_packages(machine: Machine) -> None:
    """Debian's packages are offered where the archive has them all, with sudo unless it is root."""
    machine.program(machine.path / "apt-cache", "exit 0")
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert f"  {sudo}apt-get install -y cargo-web rustc-web " in refusal(machine)


def test_debian_that_lacks_the_packages(machine: Machine) -> None:
    """A distribution without these packages is left alone."""
    machine.program(machine.path / "apt-cache", "exit 100")
    assert remedies.RUSTUP in refusal(machine)


def test_a_compiler_that_does_not_start(machine: Machine) -> None:
    """What fails when it is asked for its version is not there."""
    machine.rust(machine.path, "wasm32-wasip2")
    machine.program(machine.path / "rustc", "exit 1")
    assert "there is none on this machine" in refusal(machine)
