"""`build`: a crate in, a component out that an engine will take."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flawless.errors import DeploymentInvalid, UsageError
from flawless.rust import crates, toolchain
from flawless.rust.compiling import compile_crate
from flawless.rust.componentise import componentise
from flawless.rust.crates import Crate
from flawless.wasm import Component
from flawless.wasm.progress import Progress


@dataclass(frozen=True, slots=True)
class Built:
    """A crate's component.

    Attributes:
        name: of the package.
        wasm: the component itself.
        path: the file it was written to, below the crate's target folder.
        files: all sources it was made from, as far as they are the user's.
        warnings: what the compiler had to say, in colour; empty if nothing.
        crate: what cargo knows of the package.
    """

    name: str
    wasm: bytes
    path: Path
    files: frozenset[Path]
    warnings: str
    crate: Crate


def build(path: Path, *, progress: Progress | None = None) -> Built:
    """Build the crate at `path`: its folder, that of its workspace, or a `Cargo.toml`.

    The component has been compiled and linked afterwards, so that nothing is returned that an
    engine would refuse; the code is in the cache. It is the same to the byte wherever it was built
    with the same compiler, and holds no path of this machine.

    Raises:
        CompilationFailed: it does not compile, or cargo cannot read it.
        DeploymentInvalid: there is no crate, it becomes no component, or imports what is not there.
        ToolchainError: no toolchain is here; the message has the command that installs one.
    """
    manifest = crates.manifest_of(path)
    found = toolchain.find(manifest.parent)
    crate = crates.locate(path, found)
    compiled = compile_crate(crate, found, progress)
    assert compiled.artifact is not None, "it has been compiled"
    wasm = compiled.artifact.read_bytes()
    if not found.gives_components:
        wasm = componentise(wasm, found, progress=progress)
    try:
        Component.load(wasm, progress=progress)
    except DeploymentInvalid as error:
        raise DeploymentInvalid(f"the crate {crate.name}: {error}") from error
    place = crate.target / f"{crate.name}.wasm"
    _write(place, wasm)
    files = crates.sources(path, crate) | _included(compiled.artifact)
    return Built(crate.name, wasm, place, frozenset(files), "".join(compiled.rendered), crate)


def _write(place: Path, wasm: bytes) -> None:
    partial = place.with_suffix(".partial")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(wasm)
        partial.replace(place)
    except OSError as error:
        raise UsageError(f"{place} cannot be written: {error.strerror or error}") from error


def _included(artifact: Path) -> set[Path]:
    """Return the files that the compiler has read, those of `include_str!` too."""
    try:
        text = artifact.with_suffix(".d").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return set()
    _, _, names = text.partition("\n")[0].partition(": ")
    parts = names.replace("\\ ", "\0").split()
    return {Path(part.replace("\0", " ")) for part in parts}
