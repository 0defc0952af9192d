"""Errors the engine reports, turned back into exceptions."""

from __future__ import annotations

import builtins
from typing import Any

from flawless import codec, errors, refusals


class StepTraceback(Exception):
    """Not an error of its own: shows, as the cause, where in the native step it happened."""

    __module__ = "flawless"

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.text = text

    def __str__(self) -> str:
        return f'in the step\n"""\n{self.text.rstrip()}\n"""'


def from_engine(error: dict[str, Any]) -> BaseException:
    """Return the exception for an error object of the protocol.

    A step's exception comes back as itself when its class can be found here, else as `StepFailed`.
    """
    if error.get("module") == "flawless":
        return _own(error)
    text = error.get("traceback") or ""
    made = None
    if "value" in error:
        try:
            made = codec.decode_exception(error["value"])
        except Exception:
            made = None  # a class with an unusual constructor: StepFailed tells all there is
    if made is None:
        made = errors.StepFailed(_full_name(error), error.get("message", ""), text)
    if text and made.__cause__ is None:
        made.__cause__ = StepTraceback(text)
    return made


def _own(error: dict[str, Any]) -> BaseException:
    name, message = error.get("type", ""), error.get("message", "")
    for place in (errors, refusals, codec, builtins):
        kind = getattr(place, name, None)
        if isinstance(kind, type) and issubclass(kind, Exception):
            break
    else:
        kind = errors.EffectError
    if kind is codec.CodecError:
        return kind(message)
    if kind is errors.StepFailed:
        fields = error.get("fields") or {}
        return kind(fields.get("type", "EngineError"), message)
    made = kind.__new__(kind)
    made.args = (message,)
    fields = error.get("fields")
    if fields:
        made.__dict__.update(fields)
    if kind is errors.ExecutionFailed:
        made.__dict__.setdefault("error", fields or {})
    return made


def _full_name(error: dict[str, Any]) -> str:
    module, name = error.get("module", ""), error.get("type", "Exception")
    return name if module in {"", "builtins"} else f"{module}.{name}"
