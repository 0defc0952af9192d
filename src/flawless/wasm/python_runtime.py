"""The Python runtime component: CPython and the guest package, built once per machine.

componentize-py starts CPython inside WebAssembly, imports the guest's application there, and
snapshots the memory into a component: whatever was imported then needs no importing ever after.
`build` makes the runtime that loads the user's modules when a guest starts; `bake` makes one in
which they are part of the snapshot. Both take some seconds and are cached by the content of
everything that goes in.

Two builds of the same files differ in a few bytes (the hash seed of the snapshot, for one), so a
build is always named by the SHA-256 of its content, and an execution stays on the build it began
with.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from flawless.errors import DeploymentInvalid, ToolchainError

from .cache import CacheFolder
from .progress import Progress, watched

APP: Final = "flawless_guest"
"""The application module: it defines `WitWorld` and imports all that a workflow may import."""

BUNDLE: Final = "flawless_bundle"
"""The generated module that tells the application what to import before the snapshot."""

SHARED: Final = (
    "codec", "durations.py", "errors.py", "http.py", "refusals.py", "_compensation.py",
    "_gathering.py", "_messages.py", "_runs.py", "_signatures.py", "_timers.py",
)  # fmt: skip
"""Parts of the host's package that the guest's package has too, as the same files."""

RECIPE: Final = "1"
"""Part of the key: raised when the way of building changes without its inputs changing."""

BUILD_S_EXPECTED: Final = 8.0
BUILD_S_MAX: Final = 600.0
BUILD_OUTPUT_CHARS_MAX: Final = 20_000

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_INSTALLED: Final = _PACKAGE / "_guest"
_CHECKOUT: Final = _PACKAGE.parent.parent


@dataclasses.dataclass(frozen=True, slots=True)
class ModuleFile:
    """One Python module of a bundle. `file` is the path to show in tracebacks."""

    file: str
    source: str
    package: bool = False
    user: bool = True


def build(progress: Progress | None = None, *, cache: CacheFolder | None = None) -> bytes:
    """Return the Python runtime component, from the cache or built now.

    Raises:
        ToolchainError: componentize-py failed, or the cache cannot be used.
    """
    return componentize(
        guest_files(), APP, cache=cache, progress=progress, stage="building the Python runtime"
    )


def bake(
    modules: Mapping[str, ModuleFile],
    entry_modules: Sequence[str],
    progress: Progress | None = None,
    *,
    standins: Mapping[str, str] | None = None,
    cache: CacheFolder | None = None,
) -> bytes:
    """Return a Python runtime with the user's modules imported before the snapshot.

    Args:
        modules: all modules of the bundle by name.
        entry_modules: those to import; what they import is looked for in `modules`.
        progress: told every moment while it builds.
        standins: libraries that run natively only, and why.
        cache: where the result is kept, by content; by default the user's cache folder.

    Raises:
        DeploymentInvalid: the modules do not import; `traceback` says why.
        ToolchainError: the component cannot be built for another reason, or not be cached.
    """
    files = guest_files() | {f"{BUNDLE}.py": _bundle(modules, entry_modules, standins or {})}
    try:
        return componentize(files, APP, cache=cache, progress=progress, stage="baking the modules")
    except BuildFailed as error:
        raise DeploymentInvalid(
            f"the modules {', '.join(entry_modules)} cannot be baked into a component:\n"
            f"{error.output}",
            traceback=error.output,
        ) from error


class BuildFailed(ToolchainError):
    """componentize-py ended with an error; `output` is what it said."""

    def __init__(self, status: int, output: str) -> None:
        super().__init__(
            f"componentize-py failed (exit status {status}):\n{output}\n"
            "If this is not an error in your module, run `flawless doctor`"
        )
        self.output = output


def componentize(
    files: Mapping[str, bytes],
    app: str,
    *,
    cache: CacheFolder | None = None,
    progress: Progress | None = None,
    stage: str = "building a component",
) -> bytes:
    """Build a component of the world in `wit/flawless.wit` from Python files, or find it cached.

    Args:
        files: content by path relative to the root of the guest's import path.
        app: the module that defines `WitWorld`.
        cache: where the result is kept, by content; by default the user's cache folder.
        progress: told every moment while it builds.
        stage: what to call the work.

    Raises:
        BuildFailed: componentize-py failed.
        ToolchainError: componentize-py or the cache folder cannot be used.
    """
    wit = wit_file().read_bytes()

    def make() -> bytes:
        return watched(stage, BUILD_S_EXPECTED, progress, lambda: _run(files, app, wit))

    cache = CacheFolder() if cache is None else cache
    return cache.get_or_make("python", _key(files, app, wit), make).read_bytes()


def guest_files() -> dict[str, bytes]:
    """Return the guest's application and package, with the parts it shares with the host."""
    root = _INSTALLED / "python"
    if not root.is_dir():
        root = _CHECKOUT / "guests" / "python"
    if not root.is_dir():
        raise ToolchainError(
            f"the guest's sources are not in {_INSTALLED} or {_CHECKOUT}: reinstall flawless-engine"
        )
    found = {path.relative_to(root).as_posix(): path.read_bytes() for path in _python_files(root)}
    for name in SHARED:
        place = _PACKAGE / name
        for path in _python_files(place) if place.is_dir() else [place]:
            found[f"flawless/{path.relative_to(_PACKAGE).as_posix()}"] = path.read_bytes()
    return found


def wit_file() -> Path:
    """Return the file with the contract between guest and host."""
    installed = _INSTALLED / "wit" / "flawless.wit"
    return installed if installed.exists() else _CHECKOUT / "wit" / "flawless.wit"


def _python_files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*.py")) if path.is_file())


def _bundle(
    modules: Mapping[str, ModuleFile], entry_modules: Sequence[str], standins: Mapping[str, str]
) -> bytes:
    # What the engine would answer to a "load" request. JSON in a string literal: Python would take
    # long to compile a display of that size.
    answers: dict[str, dict[str, object]] = {
        name: {"kind": "native", "reason": reason} for name, reason in standins.items()
    }
    answers |= {name: {"kind": "source"} | dataclasses.asdict(m) for name, m in modules.items()}
    text = json.dumps({"modules": list(entry_modules), "load": answers})
    return (
        '"""What the application imports before the snapshot; generated."""\n\n'
        f"import json\n\nBUNDLE = json.loads({text!r})\n"
    ).encode()


def _key(files: Mapping[str, bytes], app: str, wit: bytes) -> str:
    digest = hashlib.sha256()
    for part in (RECIPE, importlib.metadata.version("componentize-py"), app):
        digest.update(f"{part}\n".encode())
    for name, content in [("", wit), *sorted(files.items())]:
        digest.update(f"{name}\n{len(content)}\n".encode())
        digest.update(content)
    return digest.hexdigest()


def _run(files: Mapping[str, bytes], app: str, wit: bytes) -> bytes:
    with tempfile.TemporaryDirectory(prefix="flawless-build-") as folder:
        root = Path(folder)
        sources, output = root / "sources", root / "component.wasm"
        for name, content in files.items():
            path = sources / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (root / "flawless.wit").write_bytes(wit)
        # componentize-py adds the site-packages of $VIRTUAL_ENV, else of the Python it finds, to
        # the guest's import path. What happens to be installed here must not get into a build.
        environment = root / "environment"
        for version in ("lib/python3", "Lib"):
            (environment / version / "site-packages").mkdir(parents=True)
        _componentize_py(
            ["--quiet", "--wit-path", str(root / "flawless.wit"), "--world", "workflow",
             "componentize", "--python-path", str(sources), "--output", str(output), app],
            root,
            environment,
        )  # fmt: skip
        return output.read_bytes()


def _componentize_py(arguments: list[str], folder: Path, environment: Path) -> None:
    if not sys.executable:
        raise ToolchainError("this Python does not know its own executable (sys.executable)")
    # The wheel's `componentize-py` script may not be on the PATH; its module has no __main__.
    program = "import sys; from componentize_py import script; sys.exit(script())"
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    try:
        done = subprocess.run(  # noqa: S603 (our own Python, our own arguments)
            [sys.executable, "-I", "-c", program, *arguments],
            cwd=folder,
            env=inherited | {"VIRTUAL_ENV": str(environment)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=BUILD_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ToolchainError(
            f"componentize-py did not end within {BUILD_S_MAX:g} s: does a module wait for "
            "something when it is imported?"
        ) from error
    except OSError as error:
        raise ToolchainError(f"componentize-py cannot be started: {error}") from error
    if done.returncode != 0:
        raise BuildFailed(done.returncode, _traceback(done.stdout.decode("utf-8", "replace")))


def _traceback(said: str) -> str:
    # The guest's own traceback is wrapped: before it stands where componentize-py's script failed,
    # after it the stack of its native code.
    said = said.partition("\nCaused by:\n")[0]
    _, marker, inner = said.partition("\nAssertionError: ")
    return (inner if marker else said).strip()[-BUILD_OUTPUT_CHARS_MAX:]
