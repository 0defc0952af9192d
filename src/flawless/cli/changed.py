"""Changed code, as `replay --patch`, `check` and `fork --patch` are given it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flawless.cli.build import compile_crate
from flawless.cli.sources import gather
from flawless.engine.given import is_component
from flawless.errors import UsageError
from flawless.rust.crates import is_crate

if TYPE_CHECKING:
    from flawless.timetravel.code import Code
    from flawless.wasm.progress import Progress


def component_among(given: Sequence[Path]) -> Path | None:
    """Return the component, or the crate, that was given; None: Python files were.

    An execution runs on one deployment. Raises `UsageError` for a component and anything else.
    """
    found = [path for path in given if is_component(path)]
    if found and len(given) > 1:
        raise UsageError(
            f"{found[0]} is a deployment by itself: name one component, or one crate, or Python "
            "files"
        )
    return found[0] if found else None


def component_bytes(path: Path) -> bytes:
    """Return the component in a file, or that of a crate, which is built."""
    if is_crate(path):
        return compile_crate(path).wasm
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror or error}") from error


def changed_code(given: Sequence[Path], progress: Progress | None = None) -> Code:
    """Return the code as a deployment, for replays on this machine; crates are built first.

    Raises `UsageError` when it cannot be read, `DeploymentInvalid`, `ToolchainError`.
    """
    from flawless.timetravel.code import code_of_component, code_of_files

    component = component_among(given)
    if component is not None:
        return code_of_component(component, progress=progress)
    sources = gather(given)
    return code_of_files(sources.files, sources.modules, progress=progress)
