"""Values that a guest wrote, and that others will read: the API, other workflows, a later run.

A guest may write what it likes. What no reader could take, such as a number beyond all floats or a
thousand arrays in each other, is refused where it would become visible.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

NESTING_MAX: Final = 320
"""Arrays and objects in each other. A value of the codec may have 100 levels, of three at most."""

_NOT_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_ALL_BUT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))


def unreadable(raw: bytes) -> str | None:
    """Return why a value cannot be read, or None: it can."""
    return "it is nested too deeply" if is_deep(raw) else _wrong(raw, object)


def no_call(raw: bytes) -> str | None:
    """Return why this is no encoded call, `{"a": [...], "k": {...}}`, or None: it is one."""
    if (why := unreadable(raw)) is not None:
        return why
    why = _wrong(raw, _Call)
    return None if why is None else f"it is no encoded call ({why})"


def no_object(raw: bytes) -> str | None:
    """Return why this is no object, or None: it is one."""
    return unreadable(raw) or _wrong(raw, dict)


def no_error(raw: bytes) -> str | None:
    """Return why this is no error object of the protocol, or None: it is one."""
    return unreadable(raw) or _wrong(raw, _Error)


def is_deep(raw: bytes) -> bool:
    """Tell whether a JSON text has more levels than `NESTING_MAX`."""
    if raw.count(b"[") + raw.count(b"{") <= NESTING_MAX:
        return False
    left = _NOT_BRACKETS.sub(b"", raw).translate(None, _ALL_BUT_BRACKETS)
    for _ in range(NESTING_MAX):  # each turn takes away the innermost level
        if not left:
            return False
        left = left.replace(b"[]", b"").replace(b"{}", b"")
    return bool(left)


class _Call(msgspec.Struct):
    a: list[object]
    k: dict[str, object]


class _Error(msgspec.Struct):
    type: str = ""
    module: str = ""
    message: str = ""
    traceback: str = ""


def _wrong(raw: bytes, type_: type) -> str | None:
    try:
        msgspec.json.decode(raw, type=type_)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        return str(error)
    return None
