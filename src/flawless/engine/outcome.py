"""How an effect ended, in the form in which journal and guest get it."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Callable
from typing import Any

import msgspec

from flawless import codec
from flawless.core.entries import Attempt
from flawless.core.protocol import error_object

MESSAGE_CHARS_MAX = 20_000
"""Longer messages and tracebacks of exceptions are cut."""


class Outcome(msgspec.Struct, frozen=True):
    """`payload` is the JSON of the value, or of the error object when `failed`."""

    failed: bool
    payload: bytes
    attempts: list[Attempt] = []


Report = Callable[[Outcome], None]
"""What a performer calls, on the engine's loop, when an effect has ended."""


def succeeded(value: Any, what: str) -> Outcome:
    """Encode a value; a value that cannot be carried is an error that names its path."""
    try:
        return Outcome(False, codec.dumps(value, path=what).encode())
    except codec.CodecError as error:
        return Outcome(True, error_object("CodecError", str(error)))


def raised(error: BaseException, *, skip_frames: int = 0) -> Outcome:
    """Encode an exception with its traceback, without the innermost engine frames."""
    tb = error.__traceback__
    for _ in range(skip_frames):
        tb = tb.tb_next if tb is not None else None
    text = "".join(traceback.format_exception(type(error), error, tb))
    fields: dict[str, Any] = {
        "type": type(error).__qualname__,
        "module": codec.public_module(type(error).__module__),
        "message": _message(error)[:MESSAGE_CHARS_MAX],
        "traceback": text[-MESSAGE_CHARS_MAX:],
    }
    if isinstance(error, Exception):
        # Without a value it reaches the workflow as StepFailed, with type, message, traceback.
        with contextlib.suppress(codec.CodecError):
            fields["value"] = codec.encode_exception(error)
    try:
        return Outcome(True, msgspec.json.encode(fields))
    except (msgspec.MsgspecError, TypeError, ValueError, UnicodeError):
        fields.pop("value", None)
        plain = {key: _printable(value) for key, value in fields.items()}
        return Outcome(True, msgspec.json.encode(plain))


def host_error(type_: str, message: str, **fields: Any) -> Outcome:
    """An error that Flawless itself reports; `type_` is a class of `flawless.errors`."""
    return Outcome(True, error_object(type_, message, **fields))


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as problem:  # (it is the user's code)
        return f"<its text cannot be made: {type(problem).__name__}>"


def _printable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()
