"""How executions end: the status, and what others are told."""

from __future__ import annotations

import msgspec

from flawless.core.entries import Cancelled, Completed, End, Failed
from flawless.core.protocol import error_object, stopped_object
from flawless.core.status import Status
from flawless.errors import FlawlessError, GuestTrapped
from flawless.wasm.backtrace import own_functions, told

_STATUS = {Failed: Status.FAILED, Cancelled: Status.CANCELLED}


def status_of(final: End) -> Status:
    """Return the status of an execution that ended so."""
    return _STATUS.get(type(final), Status.COMPLETED)


def outcome_for_parent(execution: str, final: End) -> bytes:
    """Return what a parent's inbox gets: the JSON of `ok` or `error`."""
    if isinstance(final, Completed):
        return b'{"ok":%b}' % final.payload
    error = msgspec.json.decode(final.payload)
    message = str(error.get("message", ""))
    fields: dict[str, object] = {"execution": execution}
    if isinstance(final, Cancelled):
        kind, reason = "ExecutionCancelled", message or "it was cancelled"
        text = f"execution {execution!r} was cancelled: {reason}"
        fields |= {"reason": reason}
    else:
        kind, type_ = "ExecutionFailed", full_type(error)
        text = f"execution {execution!r} failed: {type_}: {message}"
        fields |= {
            "type": type_,
            "message": message,
            "traceback": str(error.get("traceback", "")),
        }
    told = {"type": kind, "module": "flawless", "message": text, "fields": fields}
    return msgspec.json.encode({"error": told})


def full_type(error: dict[str, object]) -> str:
    """Return the name of an error's class as people write it."""
    name = f"{error.get('module', '')}.{error.get('type', '')}"
    return name.removeprefix("builtins.").strip(".")


def error_of(error: Exception) -> bytes:
    """Return the error object of an execution that the engine has to stop."""
    type_ = type(error)
    if not isinstance(error, FlawlessError):
        return error_object("EngineError", f"internal error: {type_.__name__}: {error}")
    if isinstance(error, GuestTrapped) and (names := own_functions(error.backtrace)):
        return stopped_object(type_.__name__, str(error), told(names))
    return error_object(type_.__name__, str(error))
