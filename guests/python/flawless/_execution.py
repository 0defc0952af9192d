"""The two exports: run a workflow, describe the modules."""

from __future__ import annotations

import importlib
import os
import random
import sys
from asyncio import CancelledError
from contextlib import suppress
from typing import Any

from flawless import (
    _description,
    _futures,
    _guards,
    _host,
    _loader,
    _loop,
    _output,
    _preparing,
    _standins,
    _tracebacks,
    _workflows,
    codec,
)
from flawless._host import session
from flawless._runs import ContinueAsNew
from flawless.errors import DeploymentInvalid, UsageError, WorkflowNotFound

PROTOCOL = 1
_SEED_BYTES = 64


def execution_id() -> str:
    """Return the id of this execution."""
    session.asked = True
    return session.execution


def install() -> None:
    """Prepare the interpreter, once, while the component is built."""
    _loop.install()
    _output.install()
    _guards.install()
    session.frames = _tracebacks.current_frames
    finder: Any = _loader.Finder
    kept = [one for one in sys.meta_path if one.__name__ != "PathFinder"]  # type: ignore[attr-defined]  # finders are classes here
    sys.meta_path[:] = [*kept, finder]
    sys.path.clear()
    sys.path_importer_cache.clear()


def load(modules: list[str]) -> None:
    """Import the user's modules, as far as they are not there already."""
    sys.argv = ["workflow"]  # it is emptied at each start; argparse wants a first element
    for name in modules:
        if name in sys.modules:
            continue
        importlib.import_module(name)
        if _standins.covers(name):
            raise DeploymentInvalid(
                f"module {name!r} cannot run as a workflow module: {name} is native"
            )


def run(text: str) -> str:
    """Run one workflow to its end: the input and the output of the export of that name."""
    try:
        given = codec.read(text)
        _check_protocol(given)
        if "prepare" in given:
            return _preparing.prepare(lambda: load(given["modules"]), _run)
        if session.mark:
            random.seed(os.urandom(_SEED_BYTES))  # that of the preparation is everybody's
        session.execution = given["execution"]
        session.run = given.get("run", 1)
        session.now_us = given["now"]
        load(given["modules"])
        output = _run(given)
    except BaseException as error:
        session.active = True  # what is left to print is logged
        output = _failed(error)
    _output.finish()
    return output


def describe(text: str) -> str:
    """Tell what the modules hold: the input and the output of the export of that name."""
    try:
        given = codec.read(text)
        _check_protocol(given)
        load(given["modules"])
        return _host.encode({"ok": _description.describe()})
    except BaseException as error:
        return _failed(error)


def _run(given: dict[str, Any]) -> str:
    name = given["workflow"]
    workflow = _workflows.registry.get(name)
    if workflow is None:
        raise WorkflowNotFound(name, list(_workflows.registry))
    with _standins.tolerant():
        args, kwargs = codec.decode_call(given["args"], workflow.function)
    session.workflow = workflow
    session.active = True
    try:
        result = workflow.function(*args, **kwargs)
        if workflow.is_async:
            result = _loop.run(result)
    except BaseException as error:
        again = _continuation(error)
        if again is None:
            with suppress(CancelledError):  # the children are no longer waited for
                _host.settle_children()
            raise
        call = again.call
    else:
        _host.settle()
        _futures.tell_unseen()
        encoded = codec.encode(result, path="result")
        return f'{{"ok":{_host.encode(encoded)}}}'
    _host.settle()
    _futures.tell_unseen()
    return f'{{"continue":{_host.encode(call)}}}'


def _continuation(error: BaseException) -> ContinueAsNew | None:
    """Return the `ContinueAsNew` that an exception is, or that a task group made a group of."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error if isinstance(error, ContinueAsNew) else None


def _failed(error: BaseException) -> str:
    output: dict[str, Any] = {}
    try:
        output["error"] = _tracebacks.error_object(error)
        if session.cancelled and isinstance(error, CancelledError):
            output["cancelled"] = True
        return _host.encode(output)
    except BaseException as second:  # e.g. no memory is left to describe it
        kind = type(error)
        reason = f"{kind.__name__} (it cannot be described: {type(second).__name__})"
        described = {"type": kind.__name__, "module": kind.__module__, "message": reason}
        return _host.encode({"error": {**described, "traceback": reason, "frames": []}})


def _check_protocol(given: dict[str, Any]) -> None:
    version = given.get("protocol")
    if version != PROTOCOL:
        raise UsageError(
            f"the engine speaks protocol {version}, this guest speaks {PROTOCOL}: use an engine "
            "that is not older than the deployment"
        )
