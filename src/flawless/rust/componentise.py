"""From a core module to a component.

What makes one of the other is the crate `wit-component`, with the adapter that speaks WASI 0.1 to
the module and WASI 0.2 to the world. Both are of the Bytecode Alliance, as are all other ways to
it; so a small program of ours on top of them, in the folder `componentiser`, is built once on each
machine, by the cargo that has built the module. It is kept in the cache folder.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from flawless.errors import DeploymentInvalid, ToolchainError
from flawless.rust.toolchain import Toolchain
from flawless.wasm import CacheFolder
from flawless.wasm.progress import Progress, watched

BUILD_S_EXPECTED: Final = 30.0
BUILD_S_MAX: Final = 1800.0
RUN_S_MAX: Final = 300.0

_SOURCES: Final = Path(__file__).resolve().parent / "componentiser"
_FILES: Final = {"manifest.toml": "Cargo.toml", "main.rs": "src/main.rs"}
"""The files of the program, and where cargo wants them."""


def componentise(
    module: bytes,
    toolchain: Toolchain,
    *,
    cache: CacheFolder | None = None,
    progress: Progress | None = None,
) -> bytes:
    """Return the component of a core module that was built for wasm32-wasip1.

    Raises `DeploymentInvalid` when it imports what is not there, or tells of no world, and
    `ToolchainError` when the program for it cannot be built.
    """
    cache = CacheFolder() if cache is None else cache
    content = {name: (_SOURCES / name).read_bytes() for name in _FILES}
    key = hashlib.sha256(b"\0".join([toolchain.version.encode(), *content.values()])).hexdigest()

    def make() -> bytes:
        stage = "building the componentiser"
        return watched(stage, BUILD_S_EXPECTED, progress, lambda: _build(content, toolchain))

    return _run(cache.get_or_make("componentiser", key, make).read_bytes(), module)


def _run(program: bytes, module: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="flawless-component-") as folder:
        place, given, made = (Path(folder, name) for name in ("program", "module", "component"))
        place.write_bytes(program)
        place.chmod(0o700)
        given.write_bytes(module)
        done = _command([str(place), str(given), str(made)], Path(folder), RUN_S_MAX)
        if done.returncode != 0:
            raise DeploymentInvalid(
                "the module that cargo has built cannot be made a component: does a library "
                "import what is not part of WASI?",
                traceback=done.stdout,
            )
        return made.read_bytes()


def _build(content: dict[str, bytes], toolchain: Toolchain) -> bytes:
    with tempfile.TemporaryDirectory(prefix="flawless-componentiser-") as folder:
        for name, place in _FILES.items():
            path = Path(folder, place)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content[name])
        done = _command(
            [toolchain.cargo, "build", "--target-dir", str(Path(folder, "target"))],
            Path(folder),
            BUILD_S_MAX,
            toolchain.environment,
        )
        if done.returncode != 0:
            raise ToolchainError(
                "what makes components of core modules cannot be built. With the target "
                f"wasm32-wasip2 it is not needed: rustup target add wasm32-wasip2\n{done.stdout}"
            )
        return Path(folder, "target", "debug", "componentiser").read_bytes()


def _command(
    command: list[str], folder: Path, s_max: float, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(  # noqa: S603 (the cargo that was found, and the program it made)
            command,
            cwd=folder,
            env=dict(os.environ) if environment is None else environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=s_max,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ToolchainError(f"{command[0]} cannot be run: {error}") from error
