"""Sources as an editor knows them: files on its disk, or text that it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from flawless.timetravel.problems import NoSuchPlace
from flawless.timetravel.sources import Sources


class SourcePaths:
    """Translates between files of the deployment and the protocol's sources."""

    def __init__(self, sources: Sources, roots: list[Path]) -> None:
        self._sources = sources
        self.roots = roots
        self._references: dict[str, int] = {}
        self._known: dict[str, dict[str, Any]] = {}

    def add_root(self, root: str) -> None:
        """Look for sources in this folder first."""
        self.roots = [Path(root), *self.roots]
        self._known.clear()

    def source(self, file: str) -> dict[str, Any]:
        """Return the protocol's source for a file.

        It is the file on disk where that is as it was deployed; else the deployment's text.
        """
        if file not in self._known:
            self._known[file] = self._described(file)
        return self._known[file]

    def file(self, source: dict[str, Any]) -> str:
        """Return the deployment's file that an editor means. Raises `NoSuchPlace`."""
        reference = source.get("sourceReference")
        if reference:
            return self.referred(reference)
        path = source.get("path") or source.get("name")
        if not isinstance(path, str) or not path:
            raise NoSuchPlace("a source has neither path nor sourceReference")
        return self._sources.find(_plain(path))

    def differs(self, file: str, source: dict[str, Any]) -> bool:
        """Whether the editor's file is there, and is not what was deployed."""
        path = source.get("path")
        if source.get("sourceReference") or not isinstance(path, str):
            return False
        path = _plain(path)
        return Path(path).is_file() and not self._sources.same_as(file, path)

    def referred(self, reference: Any) -> str:
        """Return the file that a reference stands for. Raises `NoSuchPlace`."""
        found = [file for file, number in self._references.items() if number == reference]
        if not found:
            raise NoSuchPlace(f"there is no source {reference!r}")
        return found[0]

    def _described(self, file: str) -> dict[str, Any]:
        path = self._sources.on_disk(file, self.roots)
        if path is not None:
            return {"name": Path(file).name, "path": str(path)}
        if self._sources.text(file) is None:
            return {"name": file, "presentationHint": "deemphasize"}
        number = self._references.setdefault(file, len(self._references) + 1)
        return {"name": file, "sourceReference": number, "origin": "as it was deployed"}


def _plain(path: str) -> str:
    return unquote(urlsplit(path).path) if path.startswith("file:") else path
