"""Which native modules and steps everybody sees, where several deployments bring their own.

The process has one `sys.modules` and one register of steps. What the engine was given as modules
(and whatever else the program has imported) is the ground. Uploads lie in layers below it and above
it: what was uploaded before the engine opened lies below, since the modules an engine is given come
first; what is uploaded later lies above, the latest on top. Of modules with the same name the
topmost is seen, with its steps and no others.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Sequence
from types import ModuleType
from typing import Any, NamedTuple

from flawless.codec import public_module
from flawless.engine.imports import Finder, Imported, code_folder, is_from
from flawless.functions import Step, find_step, put_step, steps

_changing = threading.Lock()  # the process is shared by all engines in it


class _Ground(NamedTuple):
    """Names of modules and steps that layers below do not replace."""

    modules: set[str]
    steps: set[str]


_NOTHING = _Ground(set(), set())


class Layers:
    """The uploads that an engine shows to the process."""

    def __init__(self) -> None:
        self._shown: list[Imported] = []
        self._finders: list[Finder] = []
        self._modules: dict[str, tuple[ModuleType | None, ModuleType]] = {}
        """For each name that was changed in `sys.modules`: what it had before, and has now."""
        self._steps: dict[str, tuple[Step[..., Any] | None, Step[..., Any] | None]] = {}
        """The same for the register of steps."""

    def show(self, below: Sequence[Imported], above: Sequence[Imported]) -> None:
        """Show these uploads, the later ones on top, in place of those shown before."""
        with _changing:
            self._withdraw()
            ground = _Ground(set(sys.modules), {step.name for step in steps()})
            self._shown = [*below, *above]
            for layer in self._shown:
                self._lay(layer, ground if layer in below else _NOTHING)
                finder = Finder(layer.folder, layer.tops)
                self._finders.append(finder)
                if layer in below:
                    sys.meta_path.append(finder)
                else:
                    sys.meta_path.insert(0, finder)

    def withdraw(self) -> None:
        """Show none; everything is as it was before."""
        with _changing:
            self._withdraw()

    def _lay(self, layer: Imported, over: _Ground) -> None:
        seen = {name: mod for name, mod in layer.modules.items() if name not in over.modules}
        gone = {step.name for step in steps() if _module_of(step) in seen}
        come = {
            name: step
            for name, step in layer.steps.items()
            if _module_of(step) in seen and (name in gone or name not in over.steps)
        }
        for name, module in seen.items():
            before = self._modules[name][0] if name in self._modules else sys.modules.get(name)
            self._modules[name] = (before, module)
            sys.modules[name] = module
        for name in gone | come.keys():
            earlier = self._steps[name][0] if name in self._steps else find_step(name)
            self._steps[name] = (earlier, come.get(name))
            put_step(name, come.get(name))

    def _withdraw(self) -> None:
        for finder in self._finders:
            with contextlib.suppress(ValueError):
                sys.meta_path.remove(finder)
        for layer in self._shown:  # what they imported later, within a step for example
            for name, module in list(sys.modules.items()):
                if name not in self._modules and is_from(module, layer.folder):
                    del sys.modules[name]
        for name, (before, shown) in self._modules.items():
            if sys.modules.get(name) is not shown:
                continue  # somebody else has changed it since
            if before is None:
                del sys.modules[name]
            else:
                sys.modules[name] = before
        for name, (earlier, given) in self._steps.items():
            if find_step(name) is given:
                put_step(name, earlier)
        folders = {str(layer.folder) for layer in self._shown}
        for step in steps():  # of what was imported later, likewise
            if code_folder(step.function) in folders:
                put_step(step.name, None)
        self._shown, self._finders, self._modules, self._steps = [], [], {}, {}


def _module_of(step: Step[..., Any]) -> str:
    return public_module(step.function.__module__)
