"""What an engine is given to serve: Python modules, components, and crates that are built first."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

from flawless.engine.deployment import Deployment
from flawless.engine.modules import is_module, is_of_environment
from flawless.errors import DeploymentInvalid
from flawless.functions import Workflow
from flawless.rust import crates
from flawless.wasm.contract import COMPONENT_BYTES_MAX
from flawless.wasm.progress import Progress

Spec: TypeAlias = str | Path | ModuleType
"""A module by its name or path, or as it is; a component's path; a crate's folder."""


@dataclass(frozen=True, slots=True)
class Given:
    """The specs an engine was given, sorted out. `components` are files, and folders of crates."""

    modules: list[Spec]
    components: list[Path]


def sort_out(specs: Sequence[Spec]) -> Given:
    """Tell Python modules from components: by the ending `.wasm`, and a `Cargo.toml`."""
    given = Given([], [])
    for spec in specs:
        if not isinstance(spec, ModuleType) and is_component(spec):
            given.components.append(Path(spec))
        else:
            given.modules.append(spec)
    return given


def is_component(spec: str | Path) -> bool:
    """Whether a path is that of a component, or of a crate."""
    return Path(spec).suffix == ".wasm" or is_crate(spec)


def is_crate(spec: str | Path) -> bool:
    """Whether a path is that of a crate: its folder, or its `Cargo.toml`.

    A name that Python finds as well means the module: `./name` and a `Path` are the folder. Only
    modules of Python itself have no workflows, so nobody means those.
    """
    if isinstance(spec, str) and spec not in sys.stdlib_module_names and is_module(spec):
        return False
    return crates.is_crate(Path(spec))


async def read_component(path: Path, progress: Progress | None = None) -> bytes:
    """Return the content of a component's file, or build a crate.

    Raises `DeploymentInvalid` when it cannot be read, or does not compile, and `ToolchainError`
    when there is nothing to build it with.
    """
    if is_crate(path):
        from flawless.rust.build import build  # who serves no crates need not load it

        built = await asyncio.to_thread(build, path, progress=progress)
        return built.wasm
    return await asyncio.to_thread(_read, path)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(COMPONENT_BYTES_MAX + 1)
    except OSError as error:
        raise DeploymentInvalid(f"{path} cannot be read: {error.strerror or error}") from error
    if len(content) > COMPONENT_BYTES_MAX:
        raise DeploymentInvalid(
            f"{path} has {path.stat().st_size:,} bytes, the limit of a component is "
            f"{COMPONENT_BYTES_MAX:,}"
        )
    return content


def have_workflows(modules: Iterable[ModuleType]) -> bool:
    """Whether there is a workflow in modules, or in modules of the user's that they name."""
    todo, seen = list(modules), set[str]()
    while todo:
        module = todo.pop()
        for value in list(vars(module).values()):
            if isinstance(value, Workflow):
                return True
            if isinstance(value, ModuleType) and value.__name__ not in seen:
                seen.add(value.__name__)
                if not is_of_environment(value.__name__.partition(".")[0]):
                    todo.append(value)
    return False


def check_distinct(deployments: Iterable[Deployment]) -> None:
    """Raise `DeploymentInvalid` when a workflow, or an entry module, is in two deployments."""
    known: dict[str, Deployment] = {}
    for made in deployments:
        for kind, names in (("workflow", made.workflows), ("module", made.manifest.entry_modules)):
            for name in names:
                other = known.setdefault(f"{kind} {name}", made)
                if other is not made:
                    raise DeploymentInvalid(
                        f"the {kind} {name!r} is in two of the things that are to be served, "
                        f"{_words(other)} and {_words(made)}: rename it in one of them, or serve "
                        "only one"
                    )


def _words(deployment: Deployment) -> str:
    names = ", ".join(deployment.manifest.entry_modules)
    return f"the Python modules {names}" if deployment.is_python else f"the component {names}"
