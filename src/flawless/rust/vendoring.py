"""A copy of the crate `flawless` for a project of its own, as it came with this engine.

The crate is in no registry: a project holds the version it was made with, and is built the same in
ten years. The manifests of the copies stand alone. What those here inherit from their workspace is
written out, and versions are what is at least needed rather than what is exactly tested, so that
other dependencies of the project can ask for newer ones.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from flawless.errors import ToolchainError

CRATES: Final = ("flawless", "flawless-macros")

_PACKAGE: Final = Path(__file__).resolve().parent.parent
_LEFT_OUT: Final = frozenset({"tests", "examples", "benches", "target"})
_DROPPED: Final = frozenset({"lints", "dev-dependencies", "workspace", "profile"})
_HEAD: Final = "# Written by `flawless init`, from the crate that came with the engine.\n"


def vendored() -> dict[str, bytes]:
    """Return the files of the crates, by path. Raises `ToolchainError` if they are not there."""
    crates, workspace = _places()
    inherited = tomllib.loads(workspace.read_text(encoding="utf-8"))["workspace"]
    found: dict[str, bytes] = {}
    for name in CRATES:
        for path in _files(crates / name):
            place = f"{name}/{path.relative_to(crates / name).as_posix()}"
            found[place] = path.read_bytes()
        manifest = tomllib.loads((crates / name / "Cargo.toml").read_text(encoding="utf-8"))
        found[f"{name}/Cargo.toml"] = (_HEAD + _toml(_alone(manifest, inherited))).encode()
    return found


def _places() -> tuple[Path, Path]:
    """Return the folder of the crates, and the manifest of their workspace."""
    installed = _PACKAGE / "_guest" / "rust"
    if installed.is_dir():
        return installed, installed / "Cargo.toml"
    checkout = _PACKAGE.parent.parent
    if not (checkout / "guests" / "rust").is_dir():
        raise ToolchainError(
            f"the crate's sources are not in {installed}: reinstall flawless-engine"
        )
    return checkout / "guests" / "rust", checkout / "Cargo.toml"


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        hidden = any(part.startswith(".") for part in parts)
        if path.is_file() and not hidden and parts[0] not in _LEFT_OUT:
            yield path


def _alone(manifest: Mapping[str, Any], workspace: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest that inherits nothing."""
    made: dict[str, Any] = {}
    for table, content in manifest.items():
        match table:
            case "package":
                made[table] = {
                    key: workspace["package"][key] if value == {"workspace": True} else value
                    for key, value in content.items()
                }
            case "dependencies" | "build-dependencies":
                made[table] = {
                    name: _dependency(name, given, workspace) for name, given in content.items()
                }
            case _ if table not in _DROPPED:
                made[table] = content
    return made


def _dependency(name: str, given: Any, workspace: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {"version": given} if isinstance(given, str) else dict(given)
    if wanted.pop("workspace", False):
        base = workspace["dependencies"][name]
        wanted = ({"version": base} if isinstance(base, str) else dict(base)) | wanted
    if "version" in wanted:
        wanted["version"] = wanted["version"].removeprefix("=")
    if "path" in wanted:
        wanted["path"] = f"../{name}"  # one of `CRATES`, and its neighbour in the copy too
    return wanted


def _toml(manifest: Mapping[str, Any]) -> str:
    lines: list[str] = []
    for table, content in manifest.items():
        lines += ["", f"[{table}]"]
        lines += [f"{_key(key)} = {_inline(value)}" for key, value in content.items()]
    return "\n".join(lines) + "\n"


def _inline(value: Any) -> str:
    if isinstance(value, Mapping):
        pairs = ", ".join(f"{_key(key)} = {_inline(each)}" for key, each in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, list):
        return f"[{', '.join(map(_inline, value))}]"
    return json.dumps(value, ensure_ascii=False)  # strings, numbers and booleans are the same


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key)
