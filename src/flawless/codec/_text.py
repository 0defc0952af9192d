"""JSON text: the C encoder and the C parser of the standard library, set up strictly once."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from typing import Any

from ._errors import CodecError


def _c_writer() -> Callable[[Any], str]:
    options: dict[str, Any] = {
        "ensure_ascii": False,
        "check_circular": False,
        "allow_nan": False,
        "separators": (",", ":"),
    }
    encoder = json.JSONEncoder(**options)
    make = getattr(json.encoder, "c_make_encoder", None)
    quote = getattr(json.encoder, "encode_basestring", None)
    if make is None or quote is None:
        return encoder.encode
    # What `encoder.encode` builds anew on every call, kept: half the time of a small value.
    chunks = make(None, encoder.default, quote, None, ":", ",", False, False, False)
    join = "".join

    def write(obj: Any) -> str:
        return quote(obj) if type(obj) is str else join(chunks(obj, 0))

    return write


write: Callable[[Any], str] = _c_writer()
"""JSON-able objects to compact text; what `dumps` does after `encode`."""


def read(text: str | bytes, *, path: str = "value") -> Any:
    """Parse JSON text strictly (no NaN) without decoding it; invalid JSON is a `CodecError`."""
    try:
        if not isinstance(text, str):
            text = text.decode("utf-8-sig")
        if _STACK_IS_SMALL and _is_deep(text):
            raise CodecError("is nested too deeply", path)
        try:
            obj, end = _scan(text, 0)
            if end == len(text):
                return obj
        except StopIteration:
            pass  # white space first, or an error: the whole parser knows
        return _PARSER.decode(text)
    except RecursionError:
        raise CodecError("is nested too deeply", path) from None
    except ValueError as error:
        raise CodecError(f"is not valid JSON: {error}", path) from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_PARSER = json.JSONDecoder(parse_constant=_no_constant)
_scan: Callable[[str, int], tuple[Any, int]] = _PARSER.scan_once  # type: ignore[attr-defined]  # in every CPython, not in its types

# Inside WebAssembly the C parser does not notice the end of its stack, and the guest would be lost.
_STACK_IS_SMALL = sys.platform == "wasi"
_PARSED_DEPTH_MAX = 1_000
_NOT_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"|[^][{}"]++', re.DOTALL)


def _is_deep(text: str) -> bool:
    if text.count("[") + text.count("{") <= _PARSED_DEPTH_MAX:
        return False
    depth = 0
    for bracket in _NOT_BRACKETS.sub("", text):
        depth += 1 if bracket in "[{" else -1
        if depth > _PARSED_DEPTH_MAX:
            return True
    return False


def may_be_tagged(text: str | bytes) -> bool:
    """Tell whether the text can have a `"$"` key; False means it is plain JSON."""
    if isinstance(text, str):
        return '"$"' in text or "\\u0024" in text
    return b'"$"' in text or b"\\u0024" in text
