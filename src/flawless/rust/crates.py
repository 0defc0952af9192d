"""Which package of a crate or workspace is meant, and what it is made from, as cargo knows it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flawless.errors import DeploymentInvalid
from flawless.rust.failures import CompilationFailed
from flawless.rust.toolchain import Toolchain

MANIFEST: Final = "Cargo.toml"
METADATA_S_MAX: Final = 600.0
"""It may download crates."""
SOURCES_MAX: Final = 10_000
"""Files of a crate that are watched at most."""

_CDYLIB: Final = '[lib]\ncrate-type = ["cdylib"]'


@dataclass(frozen=True, slots=True)
class Crate:
    """A package that can be made a component. `key` is cargo's id of it, `library` Rust's name.

    `target` is the folder for what is built; `folders` are those of the packages that lie beside
    it and go into it; `registries` are where the sources of all others are; `packages` counts all.
    """

    name: str
    library: str
    version: str
    key: str
    manifest: Path
    workspace: Path
    target: Path
    folders: tuple[Path, ...]
    registries: tuple[Path, ...]
    packages: int


def is_crate(path: Path) -> bool:
    """Tell whether a path is that of a crate: its folder, or its `Cargo.toml`.

    A Python package may have a part in Rust; of such a folder the package is meant.
    """
    if path.name == MANIFEST:
        return True
    return (path / MANIFEST).is_file() and not (path / "__init__.py").exists()


def manifest_of(path: Path) -> Path:
    """Return the `Cargo.toml` that a path means. Raises `DeploymentInvalid` if there is none."""
    found = path if path.name == MANIFEST else path / MANIFEST
    if not found.is_file():
        raise DeploymentInvalid(
            f"{path} is no crate, for it has no {MANIFEST}: `flawless init --rust DIR` makes one"
        )
    return found.absolute()


def locate(path: Path, toolchain: Toolchain) -> Crate:
    """Return the crate at a path, which may be a workspace with one crate for workflows.

    Raises `CompilationFailed` when cargo cannot read it, or not get what it depends on, and
    `DeploymentInvalid` when nothing in it becomes a component, or several do.
    """
    manifest = manifest_of(path)
    metadata = _metadata(manifest, toolchain)
    packages = {each["id"]: each for each in metadata["packages"]}
    package = _choose(manifest, metadata, packages)
    used = [packages[key] for key in _reachable(metadata, package["id"])]
    local = [Path(each["manifest_path"]).parent for each in used if each["source"] is None]
    foreign = {Path(each["manifest_path"]).parent.parent for each in used if each["source"]}
    return Crate(
        package["name"],
        _library(package),
        package["version"],
        package["id"],
        Path(package["manifest_path"]),
        Path(metadata["workspace_root"]),
        Path(metadata["target_directory"]) / "flawless",
        tuple(sorted(local)),
        tuple(sorted(foreign)),
        len(used),
    )


def sources(path: Path, crate: Crate | None = None) -> set[Path]:
    """Return the Rust sources and manifests that a crate is made from, to see when they change.

    With what is known of it those of the packages beside it as well. No error is raised: what
    cannot be read is not there.
    """
    folder = path.parent if path.name == MANIFEST else path
    folders = [folder.absolute()]
    found = {folders[0] / MANIFEST}
    if crate is not None:
        folders += crate.folders
        found.add(crate.workspace / MANIFEST)
    for each in dict.fromkeys(folders):
        for file in _files(each):
            if len(found) < SOURCES_MAX:
                found.add(file)
    return found


def _files(folder: Path) -> Iterator[Path]:
    for place, inner, names in os.walk(folder):
        inner[:] = [name for name in inner if name != "target" and not name.startswith(".")]
        for name in names:
            if name.endswith(".rs") or name == MANIFEST:
                yield Path(place, name)


def _metadata(manifest: Path, toolchain: Toolchain) -> dict[str, Any]:
    command = [
        toolchain.cargo, "metadata", "--format-version=1", "--manifest-path", str(manifest),
        "--filter-platform", toolchain.target, "--color=always",
    ]  # fmt: skip
    try:
        done = subprocess.run(  # noqa: S603 (the cargo that was found, on the user's crate)
            command,
            cwd=manifest.parent,
            env=toolchain.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=METADATA_S_MAX,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise DeploymentInvalid(
            f"cargo did not get what {manifest} depends on within {METADATA_S_MAX:g} s: is the "
            "registry reachable?"
        ) from error
    if done.returncode != 0:
        raise CompilationFailed(
            f"cargo cannot use {manifest}: see what it says above", traceback=done.stderr
        )
    metadata: dict[str, Any] = json.loads(done.stdout)
    return metadata


def _choose(manifest: Path, metadata: dict[str, Any], packages: dict[str, Any]) -> dict[str, Any]:
    """Return the package of a manifest, or of a workspace the only one that becomes a component."""
    members = [packages[key] for key in metadata["workspace_members"]]
    for package in members:
        if Path(package["manifest_path"]).resolve() == manifest.resolve():
            if not _is_cdylib(package):
                raise DeploymentInvalid(
                    f"the package {package['name']} becomes no component, for it is no cdylib: add "
                    f"these lines to {manifest}\n\n{_CDYLIB}\n"
                )
            found: dict[str, Any] = package
            return found
    fit = [package for package in members if _is_cdylib(package)]
    if not fit:
        raise DeploymentInvalid(
            f"no package of the workspace {manifest.parent} becomes a component: add these lines "
            f"to the {MANIFEST} of the one with the workflows\n\n{_CDYLIB}\n"
        )
    if len(fit) > 1:
        names = "\n".join(f"  {Path(each['manifest_path']).parent}" for each in fit)
        raise DeploymentInvalid(
            f"the workspace {manifest.parent} has {len(fit)} packages that become components; name "
            f"the folder of one:\n{names}"
        )
    only: dict[str, Any] = fit[0]
    return only


def _is_cdylib(package: dict[str, Any]) -> bool:
    return any("cdylib" in target["crate_types"] for target in package["targets"])


def _library(package: dict[str, Any]) -> str:
    """Return what Rust calls the crate: the root of the paths of its modules."""
    names = [each["name"] for each in package["targets"] if "cdylib" in each["crate_types"]]
    return str(names[0]).replace("-", "_")


def _reachable(metadata: dict[str, Any], key: str) -> set[str]:
    """Return the ids of a package and of all it is built from, without what only tests need."""
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    found, todo = {key}, [key]
    while todo:
        for dependency in nodes[todo.pop()]["deps"]:
            kinds = {kind["kind"] for kind in dependency["dep_kinds"]}
            if kinds - {"dev"} and dependency["pkg"] not in found:
                found.add(dependency["pkg"])
                todo.append(dependency["pkg"])
    return found
