"""Which files `deploy` sends: the given ones, and what they import from beside them.

The rule: a module that any sent file imports, anywhere in it, is sent as well if it lies beside the
given file. A file `parts.py` is sent alone, a package `parts/` whole. Everything else has to be
installed where the server runs.
"""

from __future__ import annotations

import ast
import tokenize
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from flawless.errors import UsageError


@dataclass(slots=True)
class Sources:
    """Python sources by the paths they have where modules are found, and the entry modules."""

    files: dict[str, str] = field(default_factory=dict)
    modules: list[str] = field(default_factory=list)
    _from: dict[str, Path] = field(default_factory=dict)

    def add(self, place: Path, root: Path) -> bool:
        """Add a file that lies below `root`; tell whether it is new.

        Raises `UsageError` when it cannot be read, or has the path of another one.
        """
        path = place.relative_to(root).as_posix()
        known = self._from.get(path)
        if known is not None:
            if known != place:
                raise UsageError(f"{known} and {place} would both be {path}: deploy them apart")
            return False
        try:
            with tokenize.open(place) as file:
                self.files[path] = file.read()
        except (OSError, SyntaxError, UnicodeDecodeError) as error:
            raise UsageError(f"{place} cannot be read: {error}") from None
        self._from[path] = place
        return True


def gather(given: Sequence[Path]) -> Sources:
    """Return what deploying these files, or packages, takes."""
    sources = Sources()
    for path in given:
        place = path.absolute()
        if place.is_dir() and (place / "__init__.py").is_file():
            place /= "__init__.py"
        if place.suffix != ".py" or not place.is_file():
            raise UsageError(f"{path} is no Python file and no package: give a file, as in app.py")
        root = _root(place)
        name = _module(place.relative_to(root))
        if name not in sources.modules:
            sources.modules.append(name)
        _collect(sources, root, [place] if place.parent == root else _package(root, name))
    return sources


def _collect(sources: Sources, root: Path, waiting: list[Path]) -> None:
    while waiting:
        place = waiting.pop()
        if sources.add(place, root):
            text = sources.files[place.relative_to(root).as_posix()]
            for top in _imported(text):
                waiting += _beside(root, top)


def _beside(root: Path, top: str) -> list[Path]:
    """Return the files of the module with that top-level name, if it lies in `root`."""
    file = root / f"{top}.py"
    if file.is_file() and not (root / top / "__init__.py").is_file():
        return [file]
    return _package(root, top)


def _package(root: Path, name: str) -> list[Path]:
    """Return all sources of the package that a module belongs to."""
    folder = root / name.partition(".")[0]
    return sorted(
        place
        for place in folder.rglob("*.py")
        if place.is_file() and _is_importable(place.relative_to(root))
    )


def _is_importable(path: Path) -> bool:
    return all(part.isidentifier() for part in path.with_suffix("").parts)


def _imported(text: str) -> Iterator[str]:
    """Yield the top-level names a source imports; those of a broken one are the server's to find.

    Relative imports stay within a package, which is sent whole.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                for alias in names:
                    yield alias.name.partition(".")[0]
            case ast.ImportFrom(module=str(module), level=0):
                yield module.partition(".")[0]


def _root(place: Path) -> Path:
    """Return the folder that holds the outermost package of a file, or the file."""
    folder = place.parent
    while (folder / "__init__.py").is_file():
        folder = folder.parent
    return folder


def _module(path: Path) -> str:
    parts = list(path.with_suffix("").parts)
    if parts[-1] == "__init__":
        parts.pop()
    return ".".join(parts)
