"""What a guest ended with."""

from __future__ import annotations

import msgspec

from flawless.core import responses
from flawless.core.entries import Completed, Failed
from flawless.errors import GuestTrapped


class _Output(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


def read_output(output: bytes, at: int, bytes_max: int) -> Completed | Failed:
    """Return the final entry that the guest's last word means.

    Raises `GuestTrapped` when it is not `{"ok": ...}` or `{"error": ...}`. A result or error of
    more than `bytes_max` is a failure that says so.
    """
    try:
        result = msgspec.json.decode(output, type=_Output)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise GuestTrapped(f"the guest ended with something unreadable: {error}") from error
    payload, problem = bytes(result.ok), bytes(result.error)
    if bool(payload) == bool(problem):
        raise GuestTrapped("the guest ended with neither a result nor an error, or with both")
    if len(payload) > bytes_max:
        return Failed(at, responses.too_large("the result", len(payload), bytes_max))
    if len(problem) > bytes_max:
        return Failed(at, responses.too_large("the error", len(problem), bytes_max))
    return Failed(at, problem) if problem else Completed(at, payload)
