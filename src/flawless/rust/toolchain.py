"""Which cargo builds for WebAssembly here, and how.

Three ways, the best first:

1. A Rust with the target wasm32-wasip2, as rustup installs it: cargo gives a component.
2. A Rust with the target wasm32-wasip1: a core module, which is made a component afterwards.
3. A Rust without such a target, but with the sources of its standard library, and Debian's C
   library for WASI beside it: cargo builds the standard library too, once for each target folder.
   The option for it needs RUSTC_BOOTSTRAP; it has meant the same for years.

The target wasm32-unknown-unknown is no fourth: it has no clock, no output and no randomness.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from flawless.errors import ToolchainError
from flawless.rust import remedies
from flawless.rust.remedies import TARGET

CORE_TARGET: Final = "wasm32-wasip1"
OLDEST: Final = (1, 88)
"""The oldest Rust that compiles the `flawless` crate."""
ASK_S_MAX: Final = 60.0

_LIBC: Final = ("usr/lib/wasm32-wasi", "usr/lib/wasm32-wasip1")
_BUILTINS: Final = "usr/lib/llvm-*/lib/clang/*/lib/wasi/libclang_rt.builtins-wasm32.a"


@dataclass(frozen=True, slots=True)
class Toolchain:
    """What builds crates here.

    `options` are further ones of cargo, `flags` further ones of rustc for the target, and
    `settings` what the environment has to say.
    """

    cargo: str
    version: str
    target: str
    sysroot: Path
    options: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def gives_components(self) -> bool:
        """Whether cargo's artifact is a component already, and no core module."""
        return self.target == TARGET

    @property
    def environment(self) -> dict[str, str]:
        """The environment to run cargo in."""
        return os.environ | dict(self.settings)


@dataclass(frozen=True, slots=True)
class _Rust:
    """A cargo with the rustc beside it."""

    cargo: str
    rustc: str
    version: str
    sysroot: Path

    @property
    def is_new_enough(self) -> bool:
        return _number(self.version) >= OLDEST

    def has(self, target: str) -> bool:
        """Tell whether the standard library of a target is installed."""
        return any((self.sysroot / "lib" / "rustlib" / target / "lib").glob("libstd-*.rlib"))


def find(folder: Path | None = None, *, root: Path = Path("/")) -> Toolchain:
    """Return what builds the crate in `folder` (a `rust-toolchain.toml` there is heeded).

    `root` is where the system is installed. Raises `ToolchainError`, with the one command that
    installs what is missing.
    """
    there = list(_rusts(folder, root))
    usable = [rust for rust in there if rust.is_new_enough]
    for target in (TARGET, CORE_TARGET):
        for rust in usable:
            if rust.has(target):
                return Toolchain(
                    rust.cargo, rust.version, target, rust.sysroot, settings=_settings(rust)
                )
    for rust in usable:
        if (found := _building_std(rust, root)) is not None:
            return found
    rustup = remedies.rustup_path()
    managed = rustup is not None and any(
        Path(rust.cargo).parent == Path(rustup).parent for rust in usable
    )
    raise ToolchainError(
        f"{_missing(there, usable)}. Install it with this command, and try again:\n\n"
        f"  {remedies.command(rustup, usable=managed)}\n"
    )


def _missing(there: list[_Rust], usable: list[_Rust]) -> str:
    if not there:
        return "building a Rust crate takes Rust, and there is none on this machine"
    if not usable:
        oldest = ".".join(map(str, OLDEST))
        return f"building a Rust crate takes Rust {oldest} or newer, here is {there[0].version}"
    return f"Rust {usable[0].version} is here, but not its target {TARGET}, which crates need"


def _rusts(folder: Path | None, root: Path) -> Iterator[_Rust]:
    """Yield what is installed: the one on the PATH first, then where it is usually found."""
    on_path = shutil.which("cargo")
    usual = [remedies.cargo_home() / "bin" / "cargo", root / "usr/bin/cargo"]
    seen = set[Path]()
    for cargo in [*([] if on_path is None else [Path(on_path)]), *usual]:
        rustc = cargo.with_name("rustc")
        if not os.access(rustc, os.X_OK):
            rustc = Path(shutil.which("rustc") or rustc)
        if cargo in seen or not os.access(cargo, os.X_OK):
            continue
        seen.add(cargo)
        version = _ask(folder, str(rustc), "--version")
        sysroot = _ask(folder, str(rustc), "--print", "sysroot")
        if version and sysroot:
            yield _Rust(str(cargo), str(rustc), version.split()[1], Path(sysroot))


def _ask(folder: Path | None, *command: str) -> str:
    """Return what a command prints, or nothing if it fails."""
    try:
        done = subprocess.run(  # noqa: S603 (the compiler that was found, with fixed arguments)
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ASK_S_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _settings(rust: _Rust) -> dict[str, str]:
    # rustup's cargo knows its rustc; another one would take what is first on the PATH.
    if Path(rust.cargo).with_name("rustup").exists():
        return {}
    return {"RUSTC": rust.rustc}


def _building_std(rust: _Rust, root: Path) -> Toolchain | None:
    """Return the third way, if all its parts are there."""
    library = rust.sysroot / "lib" / "rustlib" / "src" / "rust" / "library" / "Cargo.toml"
    linker = _linker()
    libc = next((root / name for name in _LIBC if (root / name / "libc.a").is_file()), None)
    builtins = max(root.glob(_BUILTINS), default=None, key=lambda path: _number(str(path)))
    if linker is None or libc is None or builtins is None or not library.is_file():
        return None
    flags = [
        f"-Clinker={linker}",
        "-Clink-self-contained=no",
        f"-Lnative={libc}",
        f"-Clink-arg={libc / 'crt1-reactor.o'}",
        "-Clink-arg=--entry=_initialize",
        "-Clink-arg=-lc",
        f"-Clink-arg={builtins}",
    ]
    return Toolchain(
        rust.cargo,
        rust.version,
        CORE_TARGET,
        rust.sysroot,
        ("-Zbuild-std=std,panic_abort",),
        tuple(flags),
        {"RUSTC_BOOTSTRAP": "1", **_settings(rust)},
    )


def _linker() -> str | None:
    """Return the newest `wasm-ld` that is there; Debian's have a number in their name."""
    found = shutil.which("wasm-ld")
    if found is None:
        numbered = [shutil.which(f"wasm-ld-{number}") for number in range(30, 15, -1)]
        found = next(filter(None, numbered), None)
    return found


def _number(text: str) -> tuple[int, ...]:
    """Return the first version number in a text; () if there is none."""
    match = re.search(r"\d+(\.\d+)*", text)
    return tuple(int(part) for part in match[0].split(".")) if match else ()
