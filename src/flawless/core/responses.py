"""The bytes a guest gets as answers, and the errors that the machine itself reports.

Payloads are JSON texts already; they are pasted in, never parsed.
"""

from __future__ import annotations

import msgspec

from flawless.core.protocol import error_object

EMPTY = b"{}"
NULL = b"null"
WHERE = b'{"where":true}'
"""Asks the guest for its call stack, to say in an error where it stands."""


def time_only(now_us: int) -> bytes:
    """Return the answer that carries nothing but the time, in microseconds since the epoch."""
    return b'{"now":%d}' % now_us


def outcome(now_us: int, failed: bool, payload: bytes) -> bytes:
    """Return the answer to an effect the guest waited for."""
    if failed:
        return b'{"now":%d,"error":%b}' % (now_us, payload)
    return b'{"now":%d,"ok":%b}' % (now_us, payload)


def completion(now_us: int, effect: int, failed: bool, payload: bytes) -> bytes:
    """Return the answer that tells how a started effect ended."""
    if failed:
        return b'{"now":%d,"id":%d,"error":%b}' % (now_us, effect, payload)
    return b'{"now":%d,"id":%d,"ok":%b}' % (now_us, effect, payload)


def cancelled(now_us: int, reason: str) -> bytes:
    """Return the answer that tells the guest that it is cancelled."""
    return b'{"now":%d,"cancel":%b}' % (now_us, msgspec.json.encode(reason))


def message(name: str, payload: bytes, id_: str | None) -> bytes:
    """Return the outcome of a `receive`."""
    text = b'{"name":%b,"payload":%b' % (msgspec.json.encode(name), payload)
    return text + (b"}" if id_ is None else b',"id":%b}' % msgspec.json.encode(id_))


def problem(error: bytes) -> bytes:
    """Return the answer to a request without an id that was refused."""
    return b'{"error":%b}' % error


def interrupted(label: str) -> bytes:
    """Return the error for an effect that nobody knows the outcome of."""
    return error_object(
        "Interrupted",
        f"the engine stopped while it performed {label}; whether that happened is not known, and "
        "it is not repeated (at most once). Find out, then go on or compensate",
        effect=label,
    )


def too_large(what: str, size_bytes: int, limit_bytes: int) -> bytes:
    """Return the error for a value above the size limit."""
    return error_object(
        "ValueTooLarge",
        f"{what} is {size_bytes:,} bytes long, the limit is {limit_bytes:,}: store it elsewhere "
        "and pass a reference",
        what=what,
        size_bytes=size_bytes,
        limit_bytes=limit_bytes,
    )


def cannot_be_read(what: str, why: str) -> bytes:
    """Return the error for a value that is not one to whoever would read it."""
    return error_object("InputInvalid", f"{what} cannot be read: {why}")


def too_many(effects_max: int) -> bytes:
    """Return the error for one started effect too many."""
    return error_object(
        "EffectError",
        f"{effects_max:,} effects are under way: wait for some before starting others (the limit "
        "is `effects_in_flight_max`)",
    )


def too_deep(depth_max: int) -> bytes:
    """Return the error for a child of a child of a child, too often."""
    return error_object(
        "EffectError",
        f"this execution has {depth_max:,} ancestors already: does a workflow start itself as its "
        "child? (the limit is `child_depth_max`)",
    )


def bad_child_id(child: str) -> bytes:
    """Return the error for a child whose id cannot be one."""
    shown = child if len(child) <= 100 else f"{child[:100]}..."
    return error_object(
        "InputInvalid",
        f"{shown!r} cannot be the id of a child: use letters, digits and _ . : @ + = -, beginning "
        "with a letter or digit",
    )


def no_such_workflow(name: str) -> bytes:
    """Return the error for a child of a workflow that nothing has."""
    return error_object(
        "UsageError",
        f"{name!r} is no workflow of this deployment, nor of another that serves: define it at the "
        "top level of a module that is deployed",
    )


def no_second_response() -> bytes:
    """Return the error for a second answer to the caller."""
    return error_object(
        "UsageError", "the workflow has responded already: use publish(...) for what follows"
    )


def cancelled_error(reason: str) -> bytes:
    """Return the error an execution ends with when it is stopped without its own doing."""
    return error_object("ExecutionCancelled", reason or "it was cancelled", reason=reason)


def bad_duration(seconds: float, what: str = "sleep for") -> bytes:
    """Return the error for a time that is negative, endless or absurdly long."""
    message = f"cannot {what} {seconds:g} s: use 0 s to 100 years"
    return error_object("ValueError", message, module="builtins")
