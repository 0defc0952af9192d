"""What a guest ended with."""

from __future__ import annotations

import msgspec

from flawless.core import responses
from flawless.core.entries import Cancelled, Completed, Continued, End, Failed
from flawless.core.values import no_call, no_error, unreadable
from flawless.errors import GuestTrapped


class _Output(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()
    go_on: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="continue")
    cancelled: bool = False


def read_output(output: bytes, at: int, bytes_max: int) -> End:
    """Return the final entry that the guest's last word means.

    Raises `GuestTrapped` when it is none of `{"ok": ...}`, `{"error": ...}`, `{"continue": ...}`. A
    result or error of more than `bytes_max`, or one that nobody can read, is a failure that says
    so.
    """
    try:
        result = msgspec.json.decode(output, type=_Output)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise GuestTrapped(f"the guest ended with something unreadable: {error}") from error
    payload, problem, go_on = bytes(result.ok), bytes(result.error), bytes(result.go_on)
    if bool(payload) + bool(problem) + bool(go_on) != 1:
        raise GuestTrapped("the guest ended with neither a result nor an error, or with both")
    for what, value in (("the result", payload), ("the error", problem), ("the input", go_on)):
        if len(value) > bytes_max:
            return Failed(at, responses.too_large(what, len(value), bytes_max))
    for what, value, check in (
        ("the result", payload, unreadable),
        ("the error", problem, no_error),
        ("the input", go_on, no_call),
    ):
        if value and (why := check(value)) is not None:
            return Failed(at, responses.cannot_be_read(what, why))
    if go_on:
        return Continued(at, go_on)
    if problem:
        return Cancelled(at, problem) if result.cancelled else Failed(at, problem)
    return Completed(at, payload)
