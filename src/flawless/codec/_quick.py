"""The quick look: is a value plain JSON as it stands? And the bounds of what is."""

from __future__ import annotations

import math
from typing import Any

DEPTH_MAX = 100
"""Levels of nesting a value may have. Parsers of other languages stop at 128."""

INT_PLAIN_BITS_MAX = 1023
"""Larger integers are written in hexadecimal: parsers refuse or round them."""

INT_BOUND = 1 << INT_PLAIN_BITS_MAX
FACTORIES = {f.__name__: f for f in (list, dict, set, tuple, str, int, float, bool)}


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_plain(value: Any, depth: int) -> bool:
    """Tell whether a value, at most `depth` levels deep, is JSON without any change."""
    cls: Any = type(value)
    fits: bool
    if cls is str:
        fits = value.isascii() or _is_text(value)
        return fits
    if cls is int:
        fits = -INT_BOUND < value < INT_BOUND
        return fits
    if value is None or cls is bool:
        return True
    if cls is float:
        return math.isfinite(value)
    if cls is dict:
        if depth == 0 or "$" in value:
            return False
        depth -= 1
        for key, item in value.items():
            if type(key) is not str or not (key.isascii() or _is_text(key)):
                return False
            if type(item) is str:
                if not (item.isascii() or _is_text(item)):
                    return False
            elif not is_plain(item, depth):
                return False
        return True
    if cls is list:
        if depth == 0:
            return False
        depth -= 1
        for item in value:
            if type(item) is str:
                if not (item.isascii() or _is_text(item)):
                    return False
            elif not is_plain(item, depth):
                return False
        return True
    return False
