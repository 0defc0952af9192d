"""The code that recordings are replayed on: a deployment and its component."""

from __future__ import annotations

import asyncio
import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final, TypeVar

from flawless.engine import deploy
from flawless.engine.component import make_component
from flawless.engine.deploy import make_bundle
from flawless.engine.deployment import Deployment
from flawless.engine.given import read_component
from flawless.engine.library import Library
from flawless.engine.upload import Upload
from flawless.errors import DeploymentInvalid
from flawless.stores import MemoryStore
from flawless.wasm import Component, python_runtime
from flawless.wasm.progress import INTERVAL_S, Progress

T = TypeVar("T")

LOADED_MAX: Final = 8
"""Components that this process keeps mapped for replays, those used last."""
QUIET_S: Final = 1.0
"""What takes no longer is not told of."""

_loaded: OrderedDict[str, Component] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class Code:
    """A deployment with its component, ready to run."""

    deployment: Deployment
    component: Component


def present_code(
    modules: Sequence[str | Path | ModuleType],
    *,
    workflow: str | None = None,
    library: type[Library] = Library,
    progress: Progress | None = None,
) -> Code:
    """Return the modules as they are now, as a deployment; nothing is kept but compiled code.

    Where components are among them, there are several: then `workflow` tells which one is meant.
    It may be called where a loop runs, and blocks. Raises `DeploymentInvalid`, `ToolchainError`.
    """

    async def deployed() -> Code:
        store = MemoryStore()
        await store.open()
        try:
            made = library(store, modules, progress=progress)
            await made.open(0)
            meant = None if workflow is None else made.latest(workflow)
            return Code(*await made.find((meant or made.current).id))
        finally:
            await store.close()

    return in_thread(lambda: asyncio.run(deployed()))


def code_of_files(
    files: Mapping[str, str], modules: Sequence[str], *, progress: Progress | None = None
) -> Code:
    """Return sources as a deployment: texts by path, and the modules that are loaded first.

    Nothing is imported natively and nothing is kept but compiled code, so that no step of the
    user's, and no library that they need, has to be there. It may be called where a loop runs, and
    blocks. Raises `DeploymentInvalid` with the traceback, also when loading takes more than an
    upload may, `InputInvalid`, `ToolchainError`.
    """
    upload = Upload(files, modules)
    component = Component.load(python_runtime.build(progress), progress=progress)
    with _lock:
        component = _loaded.setdefault(component.sha256, component)
    stage = f"loading {', '.join(upload.modules)} in a guest"
    loading = make_bundle(upload.modules, component, limits=deploy.UPLOAD_LIMITS, find=upload.find)
    made = in_thread(
        lambda: asyncio.run(loading), None if progress is None else lambda: progress(stage, None)
    )
    return Code(made, component)


def code_of_component(path: Path, *, progress: Progress | None = None) -> Code:
    """Return a component's file, or a crate that is built first, as a deployment.

    Nothing is kept but compiled code. It may be called where a loop runs, and blocks. Raises
    `DeploymentInvalid`, `ToolchainError`.
    """

    async def made() -> Code:
        wasm = await read_component(path, progress)
        component = Component.load(wasm, progress=progress)
        with _lock:
            component = _loaded.setdefault(component.sha256, component)
        return Code(await make_component(component), component)

    return in_thread(lambda: asyncio.run(made()))


def load_component(sha256: str, wasm: bytes, progress: Progress | None = None) -> Component:
    """Return the component with that hash, compiled from `wasm`, or as the cache knows it.

    An empty `wasm` stands for a component that must be found on this machine. Raises
    `DeploymentInvalid` when it is not there, or `wasm` is another one.
    """
    with _lock:
        if component := _loaded.get(sha256):
            _loaded.move_to_end(sha256)
            return component
        if wasm:
            if hashlib.sha256(wasm).hexdigest() != sha256:
                raise DeploymentInvalid(
                    f"the component is not {sha256}, as the deployment wants it"
                )
            component = Component.load(wasm, progress=progress)
        else:
            component = Component.find(sha256, progress=progress)
        if component is None:
            raise DeploymentInvalid(
                f"the component {sha256[:16]} was left out of this recording, and this machine has "
                "not run it either: export the execution with its component "
                "(flawless export ID -o FILE)"
            )
        _loaded[sha256] = component
        if len(_loaded) > LOADED_MAX:
            _loaded.popitem(last=False)
        return component


def knows_component(sha256: str) -> bool:
    """Tell whether `load_component` has no need of the component's bytes."""
    with _lock:
        return sha256 in _loaded or Component.is_known(sha256)


def in_thread(work: Callable[[], T], waiting: Callable[[], None] | None = None) -> T:
    """Do work where no loop runs: the caller may be async.

    `waiting` is called here while that takes longer than a moment.
    """
    done: list[T] = []
    problems: list[BaseException] = []

    def do() -> None:
        try:
            done.append(work())
        except BaseException as error:  # raised again below
            problems.append(error)

    thread = threading.Thread(target=do, name="flawless-replay")
    thread.start()
    thread.join(QUIET_S if waiting else None)
    while waiting and thread.is_alive():
        waiting()
        thread.join(INTERVAL_S)
    if problems:
        raise problems[0]
    return done[0]
