"""The bytes a guest gets as answers, and the errors that the machine itself reports.

Payloads are JSON texts already; they are pasted in, never parsed.
"""

from __future__ import annotations

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


def too_many(effects_max: int) -> bytes:
    """Return the error for one started effect too many."""
    return error_object(
        "EffectError",
        f"{effects_max:,} effects are under way: wait for some before starting others (the limit "
        "is `effects_in_flight_max`)",
    )


def bad_duration(seconds: float) -> bytes:
    """Return the error for a sleep that is negative, endless or absurdly long."""
    message = f"cannot sleep for {seconds:g} s: use 0 s to 100 years"
    return error_object("ValueError", message, module="builtins")
