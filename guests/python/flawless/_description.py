"""What `describe` tells about the user's modules, and what a deployment must hold to run them.

The modules were just imported, so what was loaded is known. Imports inside functions are not
executed then; `_lazy` looks for them in the source, so that the deployment has those modules too.
"""

from __future__ import annotations

import marshal
from base64 import b64encode
from typing import Any

from flawless import _lazy, _loader, _standins, _steps, _workflows, codec


def describe() -> dict[str, Any]:
    """Return the answer of the `describe` export."""
    lazy = _lazy.units()
    with _standins.tolerant():
        workflows = [_workflow(w) for w in _workflows.registry.values()]
    return {
        "workflows": workflows,
        "steps": [
            {"name": s.name, "doc": _doc(s.function), "is_async": s.is_async}
            for s in _steps.registry.values()
        ],
        "standins": sorted(_standins.names),
        "standin_reasons": _standins.names,
        "modules": [
            *(_module(unit, lazy=False) for unit in _loader.units.values()),
            *(_module(unit, lazy=True) for unit in lazy),
        ],
    }


def _workflow(workflow: _workflows.Workflow[..., Any]) -> dict[str, Any]:
    function = workflow.function
    declared: dict[str, Any] = {}
    if workflow.messages:
        kinds = workflow.messages.items()
        declared["messages"] = {name: codec.schema(kind) for name, kind in kinds}
    if workflow.deadline_s is not None:
        declared["deadline_s"] = workflow.deadline_s
    return {
        "name": workflow.name,
        "module": function.__module__,
        "function": function.__qualname__,
        "doc": _doc(function),
        "is_async": workflow.is_async,
        **codec.describe_call(function),
        "file": function.__code__.co_filename,
        "line": function.__code__.co_firstlineno,
        **declared,
    }


def _module(unit: _loader.Unit, *, lazy: bool) -> dict[str, Any]:
    return {
        "name": unit.name,
        "file": unit.file,
        "package": unit.package,
        "user": unit.user,
        "lazy": lazy,
        "code": b64encode(marshal.dumps(unit.code)).decode(),
    }


def _doc(function: Any) -> str:
    return (function.__doc__ or "").strip()
