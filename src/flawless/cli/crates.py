"""The Rust crates among what `up` is given: built, and their components served in their place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flawless.cli.build import compile_crate
from flawless.engine.given import is_crate
from flawless.rust.crates import sources

if TYPE_CHECKING:
    from flawless.rust.build import Built


class Crates:
    """What `up` was given, of which some may be crates."""

    def __init__(self, given: Sequence[str]) -> None:
        self._given = list(given)
        self._built: dict[str, Built | None] = {name: None for name in given if is_crate(name)}

    @property
    def modules(self) -> list[str]:
        """What to serve: for each crate that has been built its component, all else as given."""
        built = {name: str(made.path) for name, made in self._built.items() if made is not None}
        return [built.get(name, name) for name in self._given]

    @property
    def others(self) -> set[Path]:
        """The files among what was given that are no crates."""
        paths = {Path(name) for name in self._given if name not in self._built}
        return {path.absolute() for path in paths if path.suffix in (".py", ".wasm")}

    @property
    def files(self) -> set[Path]:
        """The files that the crates are made from, as far as they are known now."""
        found = set[Path]()
        for name, made in self._built.items():
            found |= sources(Path(name), None if made is None else made.crate)
            found |= set() if made is None else made.files
        return found

    def build(self) -> None:
        """Build them all, which is quick where nothing has changed.

        Raises `DeploymentInvalid` when one is wrong, and `ToolchainError` when there is nothing to
        build with. Those that were built before stay as they are.
        """
        for name in self._built:
            self._built[name] = compile_crate(Path(name))
