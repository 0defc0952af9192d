"""Exceptions as error objects: the user's file, line and source text, nothing of our own inside."""

from __future__ import annotations

import gc
import linecache
import sys
import traceback
from types import FrameType
from typing import Any

from flawless import _loader, codec

CHARS_MAX = 100_000
FRAMES_MAX = 50
_HERE = __file__.rpartition("/")[0] + "/"
_HIDDEN = (_HERE, "<frozen importlib", "/python/asyncio/", "/python/importlib/")
_LAUNCHER = "flawless_guest.py"


def hidden(file: str) -> bool:
    """Tell whether a frame of this file is machinery, of no interest to the user."""
    return file.startswith(_HIDDEN) or file.endswith(_LAUNCHER)


def error_object(error: BaseException) -> dict[str, Any]:
    """Return the protocol's error object for an exception."""
    if isinstance(error, MemoryError | RecursionError):
        # Give back what the frames hold, or describing the error fails as well.
        traceback.clear_frames(error.__traceback__)
        gc.collect()
    kind = type(error)
    message = message_of(error)
    described: dict[str, Any] = {
        "type": kind.__qualname__,
        "module": kind.__module__,
        "message": message,
    }
    try:
        summary = traceback.TracebackException(kind, error, error.__traceback__, compact=True)
        _clean(summary, set())
        described["traceback"] = _cut("".join(summary.format()))
        described["frames"] = _frames(summary)
    except Exception as second:  # an exception's own code may fail: the error still gets out
        described["traceback"] = f"{kind.__qualname__}: {message}\n(no traceback: {second!r})\n"
        described["frames"] = []
    if isinstance(error, Exception) and not isinstance(error, MemoryError | RecursionError):
        try:
            described["value"] = codec.encode_exception(error)
        except Exception:
            described.pop("value", None)  # type, message and traceback are there all the same
    return described


def format_exception(error: BaseException) -> str:
    """Return the traceback of an exception without our own frames."""
    summary = traceback.TracebackException(type(error), error, error.__traceback__, compact=True)
    _clean(summary, set())
    return "".join(summary.format())


def message_of(error: BaseException) -> str:
    """Return what the exception says; for `sys.exit` also what to do instead."""
    if isinstance(error, SystemExit):
        return f"the workflow called sys.exit({error.code!r}): return a value, or raise an error"
    try:
        return _cut(str(error))
    except Exception as second:
        return f"<its __str__ raised {type(second).__name__}>"


def current_frames() -> list[dict[str, Any]]:
    """Return where the workflow stands now, innermost last.

    Source text is given as far as it is here: nothing may be asked of the engine meanwhile.
    """
    found: list[dict[str, Any]] = []
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and len(found) < FRAMES_MAX:
        file = frame.f_code.co_filename
        if not hidden(file):
            unit = _loader.units.get(frame.f_globals.get("__name__", ""))
            lines = (unit.source or "").splitlines() if unit else []
            line = frame.f_lineno
            found.append(
                {
                    "file": file,
                    "line": line,
                    "function": frame.f_code.co_qualname,
                    "text": lines[line - 1].strip() if line <= len(lines) else "",
                }
            )
        frame = frame.f_back
    return found[::-1]


def _clean(summary: traceback.TracebackException, seen: set[int]) -> None:
    if id(summary) in seen:
        return
    seen.add(id(summary))
    summary.stack[:] = [frame for frame in summary.stack if not hidden(frame.filename)]
    for other in (summary.__cause__, summary.__context__, *(summary.exceptions or ())):
        if other is not None:
            _clean(other, seen)


def _frames(summary: traceback.TracebackException) -> list[dict[str, Any]]:
    return [
        {
            "file": frame.filename,
            "line": frame.lineno or 0,
            "function": frame.name,
            "text": (frame.line or "").strip(),
        }
        for frame in summary.stack[-FRAMES_MAX:]
    ]


def _cut(text: str) -> str:
    if len(text) <= CHARS_MAX:
        return text
    half = CHARS_MAX // 2
    return f"{text[:half]}\n... {len(text) - 2 * half:,} characters left out ...\n{text[-half:]}"


def forget_sources() -> None:
    """Forget the lines cached for tracebacks."""
    linecache.clearcache()
