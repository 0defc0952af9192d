"""Importing uploaded code natively, apart from what serves.

The modules of an upload lie in a folder of their own, which is not on `sys.path`: a finder knows
which top-level names are to be had there. While an upload is imported its names lead to its own
files and to nothing else, apart from what `engine.bystanders` sees to; afterwards `sys.modules` is
as it was. `engine.layers` decides which of the modules everybody sees.
"""

from __future__ import annotations

import importlib
import importlib.machinery
import os
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from flawless import codec
from flawless.engine.bystanders import bystanders_have
from flawless.engine.modules import import_by_name
from flawless.errors import DeploymentInvalid
from flawless.functions import Step, steps_apart

IMPORT_S_MAX: Final = 60.0
"""How long importing an upload may take in this process, and its libraries before it.

It has worked in another process within `rehearsal.REHEARSAL_S_MAX`.
"""

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


def import_apart(
    folder: Path, tops: frozenset[str], modules: Sequence[str], libraries: Sequence[str] = ()
) -> Imported:
    """Import modules from a folder; nobody else sees them, or their steps, afterwards.

    `libraries` are imported before, as everybody sees them: while the upload itself is imported,
    its names do not serve, so that time should be short. Raises `DeploymentInvalid` with the
    traceback when a module does not import, or takes longer than `IMPORT_S_MAX`.
    """
    _bounded(lambda: _import_libraries(libraries), modules)
    with _importing:
        served = _below(tops)
        with (
            codec.pinned(served),
            bystanders_have(folder, tops, served),
            set_aside(tops),
            found_in(folder, tops),
            steps_apart() as steps,
        ):
            _folders.add(str(folder))
            importlib.invalidate_caches()
            try:
                _bounded(lambda: _import_all(modules), modules)
                found = _below(tops)
            except BaseException:
                _disown(_below(tops))
                raise
    return Imported(folder, tops, found, dict(steps))


def _import_all(names: Sequence[str]) -> None:
    for name in names:
        import_by_name(name)


def _import_libraries(names: Sequence[str]) -> None:
    for name in names:
        if name not in sys.modules:
            with suppress(BaseException):  # the upload's own import tells of it, if it matters
                importlib.import_module(name)


def _bounded(work: Callable[[], None], modules: Sequence[str]) -> None:
    """Do what may block for ever, in a thread of its own, which is given up if it does."""
    ended: Future[None] = Future()

    def run() -> None:
        try:
            work()
        except BaseException as error:
            ended.set_exception(error)
        else:
            ended.set_result(None)

    threading.Thread(
        target=copy_context().run, args=(run,), name="flawless-import", daemon=True
    ).start()
    try:
        ended.result(IMPORT_S_MAX)
    except TimeoutError:
        raise DeploymentInvalid(
            f"{', '.join(modules)} cannot be imported natively: in the engine's process it took "
            f"longer than {IMPORT_S_MAX:g} s, though not in another one before"
        ) from None


def _disown(modules: Mapping[str, ModuleType]) -> None:
    """See that an import which has been given up, and goes on one day, leaves `sys.modules` alone.

    At its end it takes the module away, or puts it there anew, under the name in its spec.
    """
    for name, module in modules.items():
        if module.__spec__ is not None:
            module.__spec__.name = f"{name} (given up)"


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


def _below(tops: frozenset[str]) -> dict[str, ModuleType]:
    return {name: module for name, module in list(sys.modules.items()) if top(name) in tops}
