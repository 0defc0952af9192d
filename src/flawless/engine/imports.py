"""Importing uploaded code natively, apart from what serves.

The modules of an upload lie in a folder of their own, which is not on `sys.path`: a finder knows
which top-level names are to be had there. While an upload is imported its names lead to its own
files and to nothing else; afterwards `sys.modules` is as it was. `engine.layers` decides which of
the modules everybody sees.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from flawless import codec
from flawless.codec._classes import pinned, reference
from flawless.engine.modules import import_by_name
from flawless.functions import Step, steps_apart

_importing = threading.Lock()
_folders: set[str] = set()


@dataclass(frozen=True, slots=True, eq=False)
class Imported:
    """The modules of an upload as they were imported, and the steps they define."""

    folder: Path
    tops: frozenset[str]
    modules: Mapping[str, ModuleType]
    steps: Mapping[str, Step[..., Any]]


class Finder:
    """Finds modules with some top-level names in one folder, and no others."""

    def __init__(self, folder: Path, tops: frozenset[str]) -> None:
        self.folder = str(folder)
        self.tops = tops

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`; what is inside packages is found by their paths."""
        if path is not None or name not in self.tops:
            return None
        return importlib.machinery.PathFinder.find_spec(name, [self.folder], target)


def import_apart(folder: Path, tops: frozenset[str], modules: Sequence[str]) -> Imported:
    """Import modules from a folder; nobody else sees them, or their steps, afterwards.

    Raises `DeploymentInvalid` with the traceback when one does not import.
    """
    with _importing, _pinned(tops), set_aside(tops), found_in(folder, tops), steps_apart() as steps:
        _folders.add(str(folder))
        importlib.invalidate_caches()
        for name in modules:
            import_by_name(name)
        found = {name: module for name, module in sys.modules.items() if top(name) in tops}
    return Imported(folder, tops, found, dict(steps))


@contextmanager
def _pinned(tops: frozenset[str]) -> Iterator[None]:
    """Let values travel meanwhile as if nothing were being imported.

    Steps run in other threads, and their values are of classes of the modules that are set aside.
    What is learnt about these classes here stays known when they have been replaced: steps that are
    under way then still return them.
    """
    now = {name: module for name, module in list(sys.modules.items()) if top(name) in tops}
    for name, module in now.items():
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == name:
                with suppress(Exception):  # not every class can travel
                    codec.schema(value)
                    reference(value)
    pinned.update(now)
    try:
        yield
    finally:
        for name in now:
            del pinned[name]


@contextmanager
def set_aside(tops: frozenset[str]) -> Iterator[None]:
    """Forget the modules with these top-level names, and those that come meanwhile, at the end."""
    aside = _take_away(tops)
    try:
        yield
    finally:
        _take_away(tops)
        sys.modules.update(aside)


@contextmanager
def found_in(folder: Path, tops: frozenset[str]) -> Iterator[None]:
    """Let top-level names be found in a folder, before anything else."""
    finder = Finder(folder, tops)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def code_folder(function: Callable[..., Any]) -> str:
    """Return the folder of the upload that a function came with, or an empty text."""
    file = getattr(getattr(function, "__code__", None), "co_filename", "")
    for folder in _folders:
        if file.startswith(folder + os.sep):
            return folder
    return ""


def is_uploaded(name: str) -> bool:
    """Tell whether a top-level name leads to an upload that is shown."""
    return any(isinstance(finder, Finder) and name in finder.tops for finder in sys.meta_path)


def is_from(module: ModuleType, folder: Path) -> bool:
    """Tell whether a module was loaded from a folder."""
    file = getattr(module, "__file__", None)
    return isinstance(file, str) and Path(file).is_relative_to(folder)


def top(name: str) -> str:
    """Return the top-level name of a module's."""
    return name.partition(".")[0]


def _take_away(tops: frozenset[str]) -> dict[str, ModuleType]:
    return {name: sys.modules.pop(name) for name in list(sys.modules) if top(name) in tops}
