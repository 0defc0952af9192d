"""What comes to an execution through its inbox and is no message for the workflow.

Their names begin with a colon, which no user can send: the end of a child, and what people decide
about an execution. Payloads are JSON.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from flawless.errors import GuestTrapped

SIGN = ":"
"""Names that begin with this are the engine's own."""


class ChildEnded(msgspec.Struct, frozen=True):
    """The child started as `effect` in the run `run` has ended."""

    run: int
    effect: int
    failed: bool
    payload: bytes


class CancelSignal(msgspec.Struct, frozen=True):
    """End, after cleaning up; `grace_s` bounds the cleaning up."""

    reason: str = ""
    by: str = ""
    grace_s: float | None = None


class TerminateSignal(msgspec.Struct, frozen=True):
    """End at once."""

    reason: str = ""
    by: str = ""


class ResolveSignal(msgspec.Struct, frozen=True):
    """A decision about a parked effect: `retry`, or an outcome."""

    effect: int
    retry: bool = False
    failed: bool = False
    value: msgspec.Raw = msgspec.Raw(b"null")
    by: str = ""


Signal: TypeAlias = ChildEnded | CancelSignal | TerminateSignal | ResolveSignal


class _End(msgspec.Struct):
    ok: msgspec.Raw = msgspec.Raw()
    error: msgspec.Raw = msgspec.Raw()


CANCEL = ":cancel"
TERMINATE = ":terminate"
RESOLVE = ":resolve"
CHILD = ":child"
PARENT = ":parent"
"""Who asks when a parent ends: that is no second request, and none follows it."""

_kinds: dict[str, type[CancelSignal | TerminateSignal | ResolveSignal]] = {
    CANCEL: CancelSignal,
    TERMINATE: TerminateSignal,
    RESOLVE: ResolveSignal,
}


def child_name(run: int, effect: int) -> str:
    """Return the name under which a parent hears of its child's end."""
    return f"{CHILD}:{run}:{effect}"


def read_signal(name: str, payload: bytes) -> Signal | None:
    """Return what a message with this name says, or None when it is one for the workflow.

    Raises `GuestTrapped` when it is unreadable: a newer engine may have written it.
    """
    if not name.startswith(SIGN):
        return None
    try:
        return _read(name, payload)
    except (ValueError, msgspec.MsgspecError) as error:
        raise GuestTrapped(
            f"the inbox holds something this engine does not know ({name}: {error}): did a newer "
            "engine write it?"
        ) from error


def _read(name: str, payload: bytes) -> Signal:
    if name.startswith(CHILD):
        _, _, run, effect = name.split(":")
        end = msgspec.json.decode(payload, type=_End)
        if bool(bytes(end.ok)) == bool(bytes(end.error)):
            raise ValueError(f"{name!r} tells neither a result nor an error, or both")
        failed = bool(bytes(end.error))
        return ChildEnded(int(run), int(effect), failed, bytes(end.error if failed else end.ok))
    if name not in _kinds:
        raise ValueError("there is no such signal")
    return msgspec.json.decode(payload, type=_kinds[name])
