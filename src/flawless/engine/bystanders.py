"""Code that runs while an upload is imported, and imports something itself.

`sys.modules` is one for all threads. While an upload is imported its names lead to its own files
there, but a step that runs meanwhile, and imports a module of that name inside a function, means
the one that serves. So import statements are answered with regard to whose they are.
"""

from __future__ import annotations

import builtins
import os
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import ModuleType
from typing import Any

_upload: ContextVar[object] = ContextVar("flawless_upload", default=None)
"""Which import of an upload this context is part of."""


@contextmanager
def bystanders_have(
    folder: Path, tops: Collection[str], served: Mapping[str, ModuleType]
) -> Iterator[None]:
    """Let import statements outside of this context get modules that serve.

    Meant are statements for names below `tops`, in code that is not from `folder`. What is in
    `served` they get at once; for other modules they wait until the end of this. Only statements
    (and `__import__`, and what uses it) can be told apart: `importlib.import_module`, and a look
    into `sys.modules`, see what is there.
    """
    whole = builtins.__import__
    bystanders = {id(vars(module)) for module in served.values()}
    start = str(folder) + os.sep
    this = object()
    over = threading.Event()

    def is_bystander(namespace: Mapping[str, Any] | None) -> bool:
        if _upload.get() is this:
            return False
        file = (namespace or {}).get("__file__")
        return id(namespace) in bystanders or not (isinstance(file, str) and file.startswith(start))

    def answer(
        name: str,
        globals: Mapping[str, Any] | None = None,  # noqa: A002 (the name it is called with)
        locals: Mapping[str, Any] | None = None,  # noqa: A002 (likewise)
        fromlist: Sequence[str] | None = (),
        level: int = 0,
    ) -> Any:
        if not over.is_set():
            full = _absolute(name, globals, level)
            top = full.partition(".")[0]
            if top in tops and is_bystander(globals):
                found = served.get(full)
                if found is not None and _has(found, fromlist or ()):
                    return found if fromlist else served.get(top, found)
                over.wait()
        return whole(name, globals, locals, fromlist, level)

    token = _upload.set(this)
    builtins.__import__ = answer
    try:
        yield
    finally:
        over.set()
        if builtins.__import__ is answer:
            builtins.__import__ = whole
        _upload.reset(token)


def _absolute(name: str, namespace: Mapping[str, Any] | None, level: int) -> str:
    if not level:
        return name
    package = str((namespace or {}).get("__package__") or "")
    base = package.rsplit(".", level - 1)[0]
    return f"{base}.{name}" if name else base


def _has(module: ModuleType, names: Sequence[str]) -> bool:
    """Tell whether a module is complete, and has all that is to be taken from it."""
    if getattr(module.__spec__, "_initializing", False):
        return False
    return all(hasattr(module, name) for name in names)
