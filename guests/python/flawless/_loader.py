"""Modules come from the engine: an import hook that asks for each by name.

The standard library is in the component already. For anything else the hook asks the engine, which
knows the deployment's files, and gets source, compiled code, or word that the module is native or
missing.

What cannot be imported here is no reason to fail when it is the *user's* module that imports it:
its steps may need it natively. Then a stand-in takes the place of the library (see `_standins`): of
the whole of it when its top level fails, of one submodule when only that does. Imports by libraries
fail with `ModuleNotFoundError`, so that their fall-backs work. A failure in the user's own module
is an error.
"""

from __future__ import annotations

import marshal
import sys
from base64 import b64decode
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import abc
from importlib.machinery import ModuleSpec
from types import CodeType, FrameType, ModuleType
from typing import Any

from flawless import _host, _standins

_MACHINERY = {
    "importlib", "importlib._bootstrap", "_frozen_importlib", __name__, _standins.__name__
}  # fmt: skip
_STDLIB = sys.stdlib_module_names
_OTHER_PLATFORMS = {"msvcrt", "nt", "winreg", "winsound"}


@dataclass(slots=True)
class Unit:
    """A module that came from the engine."""

    name: str
    file: str
    package: bool
    user: bool
    code: CodeType
    source: str | None


units: dict[str, Unit] = {}
"""Modules that came from the engine, in the order of loading."""

absent: set[str] = set()
"""Modules of the standard library that cannot be imported in a guest."""

ask: Callable[[str], dict[str, Any]]
"""Where modules come from; the engine, or while a component is built, the bundle."""


def ask_engine(name: str) -> dict[str, Any]:
    """Ask the engine for a module."""
    answer: dict[str, Any] = _host.request(_host.encode({"op": "load", "name": name}))
    return answer


ask = ask_engine


class Finder:
    """The import hook."""

    @staticmethod
    def find_spec(
        name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how to load the module `name`; None when there is none."""
        top, _, rest = name.partition(".")
        if rest and _standins.covers(name.rpartition(".")[0]):
            return ModuleSpec(name, StandInLoader(f"{name.rpartition('.')[0]} is native"))
        if top in _STDLIB:
            return _standard(name, top)
        if top == "flawless":
            return _native(name, f"{name} is part of the engine, not of workflows")
        answer = ask(name)
        kind = answer["kind"]
        if kind == "missing":
            return None
        if kind == "native":
            return _native(name, answer.get("reason") or f"{name} is a native extension")
        loader = Loader(answer, by_user=_importer() in _standins.user_modules)
        spec = ModuleSpec(name, loader, origin=answer["file"], is_package=answer["package"])
        spec.has_location = True
        if answer["package"]:
            spec.submodule_search_locations = [answer["file"].rpartition("/")[0]]
        return spec

    @staticmethod
    def find_distributions(context: Any = None) -> list[Any]:
        """There is no metadata of distributions in a guest."""
        return []


class Loader(abc.Loader):
    """Loads one module from the engine's answer."""

    def __init__(self, answer: dict[str, Any], *, by_user: bool) -> None:
        self._answer: dict[str, Any] | None = answer
        self._by_user = by_user
        self._package: bool = answer["package"]
        self._file: str = answer["file"]

    def create_module(self, spec: ModuleSpec) -> None:
        """Leave it to the import system."""

    def exec_module(self, module: ModuleType) -> None:
        """Run the module's code; a library that fails here becomes a stand-in."""
        name = module.__name__
        answer, self._answer = self._answer, None
        assert answer is not None, f"{name} is loaded twice"
        user = bool(answer.get("user"))
        if user:
            _standins.user_modules.add(name)
        try:
            made = units[name] = unit(name, answer)
            with _standins.tolerant():
                exec(made.code, module.__dict__)  # noqa: S102 (this is what importing is)
        except (Exception, SystemExit) as error:
            if user:
                raise
            _forget(name)
            if not self._by_user:
                raise
            reason = f"It cannot be imported in a workflow: {type(error).__name__}: {error}"
            _standins.place(name, reason, module.__spec__)

    def get_source(self, name: str) -> str | None:
        """Return the module's source text, for tracebacks."""
        return source(name)

    def is_package(self, name: str) -> bool:
        """Tell whether the module is a package."""
        return self._package

    def get_filename(self, name: str) -> str:
        """Return the file's name as the deployment knows it."""
        return self._file

    def get_data(self, path: str) -> bytes:
        """Refuse: there are no data files in a guest."""
        raise FileNotFoundError(f"no data file {path!r}: workflows have no files")


class StandInLoader(abc.Loader):
    """Loads a stand-in."""

    def __init__(self, reason: str) -> None:
        self._reason = reason

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the stand-in."""
        _standins.note(spec.name, self._reason)
        return _standins.StandInModule(spec.name, spec)

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing."""


def source(name: str) -> str | None:
    """Return a module's source text if it came from the engine and the engine can tell."""
    found = units.get(name)
    if found is None:
        return None
    if found.source is None:
        try:
            answer = _host.request(_host.encode({"op": "source", "name": name}))
        except Exception:
            return None  # while a component is built there is nobody to ask
        found.source = answer.get("source") or ""
    return found.source


def unit(name: str, answer: dict[str, Any]) -> Unit:
    """Return the module of an answer, compiled."""
    user = bool(answer.get("user"))
    text: str | None = None
    if answer["kind"] == "source":
        text = answer["source"]
        code = compile(text, answer["file"], "exec", dont_inherit=True)
    else:
        code = marshal.loads(b64decode(answer["code"]))  # noqa: S302 (from the deployment, by content hash)
    # A library's text is only needed for a traceback: it is asked for again then.
    return Unit(name, answer["file"], answer["package"], user, code, text if user else None)


def _standard(name: str, top: str) -> ModuleSpec | None:
    """Find a module of the standard library that is not there: bz2, ctypes, ssl, mmap and others.

    Libraries import them at their top although few of their functions need them, so everyone gets a
    stand-in; but nobody gets one for an accelerator (`_lzma`) or for another platform's module.
    """
    importer = _importer()
    known = importer in units or importer in _standins.user_modules
    if name[0] == "_" or top in _OTHER_PLATFORMS or name not in absent or not known:
        return None
    return ModuleSpec(name, StandInLoader(f"{name} is not part of a guest's standard library"))


def _native(name: str, reason: str) -> ModuleSpec | None:
    if _importer() in _standins.user_modules:
        return ModuleSpec(name, StandInLoader(reason))
    raise ModuleNotFoundError(reason, name=name)


def _importer() -> str:
    """Return the name of the module whose import statement is being executed."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        name: str = frame.f_globals.get("__name__", "")
        if name not in _MACHINERY:
            return name
        frame = frame.f_back
    return ""


def _forget(name: str) -> None:
    inside = f"{name}."
    for place in (units, _standins.names, sys.modules):
        for other in [key for key in place if key == name or key.startswith(inside)]:
            if other != name or place is not sys.modules:
                del place[other]


def bake(bundle: dict[str, Any]) -> None:
    """Import the user's modules while the component is built, from a bundle and not the engine."""
    global ask
    answers = bundle["load"]
    ask = lambda name: answers.get(name, {"kind": "missing"})  # noqa: E731 (it is replaced below)
    sys.modules.pop("flawless_bundle", None)
    for name in bundle["modules"]:
        __import__(name)
    ask = ask_engine
