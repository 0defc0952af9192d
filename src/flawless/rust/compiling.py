"""Running cargo: how far it is, what the compiler says, and where the artifact lies."""

from __future__ import annotations

import json
import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from flawless.errors import ToolchainError
from flawless.rust import remedies
from flawless.rust.crates import Crate
from flawless.rust.failures import CompilationFailed
from flawless.rust.toolchain import Toolchain
from flawless.wasm.progress import Progress

BUILD_S_MAX: Final = 3600.0
SAID_LINES_MAX: Final = 200
SHARE_MAX: Final = 0.99
"""As long as cargo runs it is not over."""

# What cargo tells while it works, which is no news when it fails.
_UNDER_WAY: Final = frozenset(
    {
        "Adding", "Blocking", "Building", "Checking", "Compiling", "Downloaded", "Downloading",
        "Dirty", "Fetching", "Finished", "Fresh", "Locking", "Removing", "Updating",
    }
)  # fmt: skip
_FETCHING: Final = frozenset({"Downloaded", "Downloading", "Fetching", "Locking", "Updating"})


@dataclass(slots=True)
class Compilation:
    """What cargo has made: the artifact, and what the compiler says of it as people see it.

    Warnings are those of the crate alone: those of others, its author can do little about.
    """

    artifact: Path | None = None
    rendered: list[str] = field(default_factory=list)
    packages: set[str] = field(default_factory=set)


def compile_crate(
    crate: Crate, toolchain: Toolchain, progress: Progress | None = None
) -> Compilation:
    """Run `cargo build --release` on a crate.

    Raises `CompilationFailed` when it does not compile, and `ToolchainError` when cargo cannot be
    started or does not end.
    """
    try:
        process = subprocess.Popen(  # noqa: S603 (the cargo that was found, on the user's crate)
            _command(crate, toolchain),
            cwd=crate.manifest.parent,
            env=_environment(crate, toolchain),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
    except OSError as error:
        raise ToolchainError(f"{toolchain.cargo} cannot be started: {error}") from error
    watchdog = threading.Timer(BUILD_S_MAX, process.kill)
    watchdog.daemon = True
    watchdog.start()
    try:
        with process:
            assert process.stdout is not None
            assert process.stderr is not None
            try:
                said = _Said(process.stderr)
                made = _follow(crate, process.stdout, said, progress)
                said.join()
                status = process.wait()
            except BaseException:
                process.terminate()  # now, for the end of the block waits for it
                raise
    finally:
        watchdog.cancel()
    if status != 0:
        text = "".join(made.rendered) or said.errors()
        raise CompilationFailed(
            f"the crate {crate.name} does not compile: see what the compiler says above",
            traceback=text,
        )
    if made.artifact is None:
        raise ToolchainError(f"cargo has built {crate.name}, and names no WebAssembly file of it")
    return made


class _Said(threading.Thread):
    """Reads cargo's lines for people while others read those for programs."""

    def __init__(self, stream: IO[str]) -> None:
        super().__init__(name="flawless-cargo", daemon=True)
        self._stream = stream
        self._lines: deque[str] = deque(maxlen=SAID_LINES_MAX)
        self.is_fetching = False
        self.start()

    def run(self) -> None:
        """Read until cargo ends."""
        for line in self._stream:
            verb = _verb(line)
            self.is_fetching = verb in _FETCHING
            if verb not in _UNDER_WAY:
                self._lines.append(line)

    def errors(self) -> str:
        """Return what cargo said that was not about how far it is."""
        return "".join(self._lines)


def _verb(line: str) -> str:
    words = line.replace("\x1b[0m", " ").split()
    plain = [word.rpartition("m")[2] if word.startswith("\x1b") else word for word in words]
    return next(filter(None, plain), "")


def _follow(crate: Crate, stream: IO[str], said: _Said, progress: Progress | None) -> Compilation:
    made = Compilation()
    stage = f"building the crate {crate.name}"
    if progress is not None:
        progress(stage, None)
    for line in stream:
        message = _message(line)
        match message.get("reason"):
            case "compiler-message":
                own = message["package_id"] == crate.key
                if own or message["message"]["level"] == "error":
                    made.rendered.append(message["message"]["rendered"])
            case "compiler-artifact":
                made.packages.add(message["package_id"])
                if message["package_id"] == crate.key:
                    made.artifact = _wasm(message["filenames"]) or made.artifact
        if progress is not None:
            progress(stage, min(SHARE_MAX, len(made.packages) / crate.packages))
    if progress is not None:
        progress(stage, 1.0)
    return made


def _message(line: str) -> dict[str, Any]:
    """Return what cargo tells programs in a line; nothing if a macro or build script printed it."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) and "reason" in message else {}


def _wasm(names: Sequence[str]) -> Path | None:
    return next((Path(name) for name in names if name.endswith(".wasm")), None)


def _command(crate: Crate, toolchain: Toolchain) -> list[str]:
    # Functions keep their names, for the traces of traps; lines are left out, they are most of it.
    settings = ['profile.release.strip="debuginfo"']
    if _flags_of_user(toolchain) is None:
        # JSON's strings are TOML's. These join those that the user's own configuration has for the
        # target; those it has in [build] are for where there are none for the target.
        settings.append(
            f"target.{toolchain.target}.rustflags={json.dumps(_flags(crate, toolchain))}"
        )
    return [
        toolchain.cargo, "build", "--release", "--lib", "--target", toolchain.target,
        "--manifest-path", str(crate.manifest), "--target-dir", str(crate.target),
        "--message-format=json-diagnostic-rendered-ansi", "--color=always",
        *(part for setting in settings for part in ("--config", setting)),
        *toolchain.options,
    ]  # fmt: skip


def _environment(crate: Crate, toolchain: Toolchain) -> dict[str, str]:
    # Workflows remember it, those of other crates too: the component is called like this crate.
    component = f"{crate.library} {crate.version}"
    environment = toolchain.environment | {"FLAWLESS_COMPONENT": component}
    given = _flags_of_user(toolchain)
    if given is not None:
        flags = [*given, *_flags(crate, toolchain)]
        environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(flags)
    return environment


def _flags_of_user(toolchain: Toolchain) -> list[str] | None:
    """Return the flags in variables that make cargo forget those of its configuration.

    It does so for an empty one as well; without any this is None.
    """
    environment = toolchain.environment
    encoded = environment.get("CARGO_ENCODED_RUSTFLAGS")
    if encoded is not None:
        return encoded.split("\x1f") if encoded else []
    plain = environment.get("RUSTFLAGS")
    return None if plain is None else plain.split()


def _flags(crate: Crate, toolchain: Toolchain) -> list[str]:
    """Return the flags for rustc. The last mapping that fits a path is the one that counts."""
    mapped = {
        str(remedies.cargo_home()): "/cargo",
        str(toolchain.sysroot / "lib" / "rustlib" / "src" / "rust"): "/rust",
        **{str(folder): f"/{folder.name}" for folder in _outside(crate)},
        str(crate.workspace): ".",
        str(crate.target): "/target",
        **{str(folder): "/registry" for folder in crate.registries},
    }
    return [
        *toolchain.flags,
        *(f"--remap-path-prefix={place}={name}" for place, name in mapped.items()),
    ]


def _outside(crate: Crate) -> list[Path]:
    """Return the folders of packages that are not in the workspace.

    Those inside need no flag of their own. Without one, the crates of a workspace have the same
    flags, and share what cargo has built of all that they depend on.
    """
    return [folder for folder in crate.folders if not folder.is_relative_to(crate.workspace)]
