"""A workflow's arguments, checked against its signature before anything is started."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, get_type_hints

import msgspec

from flawless import codec
from flawless.engine.signatures import Signature
from flawless.errors import InputInvalid, WorkflowNotFound
from flawless.functions import Workflow

if TYPE_CHECKING:
    from flawless.engine.service import Service

_CACHED_MAX = 1_024


def native_function(
    service: Service, name: str, workflow: Workflow[..., Any] | str
) -> Callable[..., Any] | None:
    """Return the native function of a workflow, if this process has imported its module.

    Raises `WorkflowNotFound` when no deployment knows the name and there is no such function.
    """
    found = workflow if isinstance(workflow, Workflow) else native_workflow(service, name)
    return None if found is None else found.function


def native_workflow(service: Service, name: str) -> Workflow[..., Any] | None:
    """Return the workflow of that name as this process has imported it, or None."""
    info = service.workflows.get(name)
    if info is None or service.signature(name) is not None:
        return None
    found: Any = service.entry_modules.get(info.module) or sys.modules.get(info.module)
    for part in info.function.split("."):
        found = getattr(found, part, None)
    return found if isinstance(found, Workflow) else None


def from_values(
    function: Callable[..., Any] | None,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    signature: Signature | None = None,
) -> bytes:
    """Encode Python values as a workflow's input; raises `InputInvalid` naming the parameter.

    They are held to `function`, natively, or to the `signature` that a component describes.
    """
    try:
        if function is not None:
            _signature(function).bind(*args, **kwargs)
        encoded = codec.encode_call(tuple(args), dict(kwargs))
        if function is not None:
            codec.decode_call(encoded, function, strict=True)
    except codec.CodecError as error:
        raise InputInvalid(str(error), path=error.path) from error
    except TypeError as error:
        raise _unfit(error) from error
    if signature is not None:
        signature.check(encoded)
    return msgspec.json.encode(encoded)


def check_call(service: Service, workflow: str, call: Any) -> None:
    """Raise `InputInvalid` unless an encoded call fits the workflow as it serves now."""
    signature = service.signature(workflow)
    if signature is not None:
        signature.check(call)
        return
    function = native_function(service, workflow, workflow)
    if function is not None:
        _check_natively(function, call)


def _check_natively(function: Callable[..., Any], call: Any) -> None:
    try:
        args, kwargs = codec.decode_call(call, function, strict=True)
        inspect.signature(function).bind(*args, **kwargs)
    except codec.CodecError as error:
        raise InputInvalid(str(error), path=error.path) from error
    except TypeError as error:
        raise _unfit(error) from error


def _unfit(error: TypeError) -> InputInvalid:
    named = re.search(r"'(\w+)'", str(error))
    return InputInvalid(
        f"the arguments do not fit the workflow: {error}", path=named[1] if named else ""
    )


def from_json(service: Service, workflow: str, input: Any) -> bytes:  # noqa: A002 (the word of the API)
    """Encode plain JSON (object: keyword arguments, array: positional) as a workflow's input.

    Raises `WorkflowNotFound`, and `InputInvalid` naming the parameter.
    """
    info = service.workflows.get(workflow)
    if info is None:
        raise WorkflowNotFound(workflow, list(service.workflows))
    if input is not None and not isinstance(input, list | dict):
        raise InputInvalid(
            "the input is a JSON object (keyword arguments) or a JSON array (positional ones), not "
            f"{type(input).__name__}",
            path="input",
        )
    function = native_function(service, workflow, workflow)
    if function is None:
        args, kwargs = (input, {}) if isinstance(input, list) else ((), input or {})
        return from_values(None, args, kwargs, service.signature(workflow))
    try:
        args, kwargs = codec.bind(function, input)
        return msgspec.json.encode(codec.encode_call(args, kwargs))
    except codec.CodecError as error:
        raise InputInvalid(str(error), path=error.path) from error


def return_annotation(function: Callable[..., Any] | None) -> Any:
    """Return what a workflow's result is declared to be, or Any."""
    return Any if function is None else _return_annotation(function)


@lru_cache(_CACHED_MAX)
def _return_annotation(function: Callable[..., Any]) -> Any:
    try:
        return get_type_hints(function).get("return", Any)
    except Exception:  # (annotations are the user's code)
        return Any


@lru_cache(_CACHED_MAX)
def _signature(function: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(function)


def check_message(service: Service, workflow: str, name: str, payload: bytes) -> None:
    """Raise `InputInvalid` unless a message to that workflow holds what it is declared to hold.

    Declared are the types that the workflow's decorator names, and the classes of the workflow's
    module: `receive(Confirm)` receives messages named `Confirm`. A component says itself what its
    workflows receive. What nobody has declared may hold anything.
    """
    try:
        signature = service.signature(workflow)
        if signature is not None:
            signature.check_message(name, payload)
            return
        wanted = _message_type(service, workflow, name)
        if wanted is not None:
            codec.loads(payload, wanted, path="payload")
    except (codec.CodecError, InputInvalid) as error:
        raise InputInvalid(
            f"the message {name!r} does not fit what {workflow} receives: {error}", path=error.path
        ) from error


def _message_type(service: Service, workflow: str, name: str) -> Any:
    native = native_workflow(service, workflow)
    if native is None:
        return None
    if name in native.messages:
        return native.messages[name]
    named = native.function.__globals__.get(name)
    return named if isinstance(named, type) and named.__name__ == name else None
