"""What to do where no Rust toolchain is: one command, the one for this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

TARGET: Final = "wasm32-wasip2"

DEBIAN_PACKAGES: Final = (
    "cargo-web", "rustc-web", "rust-web-src", "lld-19", "wasi-libc", "libclang-rt-19-dev-wasm32",
)  # fmt: skip

RUSTUP: Final = (
    "curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh -s -- -y --target " + TARGET
)
"""The usual way to get Rust, with the target at once."""

APT_S_MAX: Final = 20.0


def command(rustup: str | None, *, usable: bool) -> str:
    """Return the command that gives this machine what builds components.

    `rustup` is its path, if it is there; `usable` tells whether it has a toolchain that only lacks
    the target.
    """
    if rustup is not None:
        name = "rustup" if shutil.which("rustup") else rustup
        if usable:
            return f"{name} target add {TARGET}"
        return f"{name} toolchain install stable --target {TARGET} && {name} default stable"
    if _debian_has_them():
        sudo = "" if os.geteuid() == 0 else "sudo "
        return f"{sudo}apt-get install -y {' '.join(DEBIAN_PACKAGES)}"
    return RUSTUP


def rustup_path() -> str | None:
    """Return where `rustup` is, on the PATH or where it installs itself, or None."""
    found = shutil.which("rustup")
    if found is None:
        usual = cargo_home() / "bin" / "rustup"
        found = str(usual) if os.access(usual, os.X_OK) else None
    return found


def cargo_home() -> Path:
    """Return the folder where cargo keeps what it downloads."""
    return Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo").absolute()


def _debian_has_them() -> bool:
    """Tell whether this is a Debian whose archive has all the packages."""
    apt = shutil.which("apt-cache")
    if apt is None:
        return False
    try:
        done = subprocess.run(  # noqa: S603 (a fixed command)
            [apt, "show", "--no-all-versions", *DEBIAN_PACKAGES],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=APT_S_MAX,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
