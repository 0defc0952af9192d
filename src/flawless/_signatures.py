"""Whether arguments fit a function, told before it is called.

Standard library only: the same file serves host and guest.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

_CACHED_MAX = 1024


def check(function: Callable[..., Any], args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
    """Raise `TypeError` if a call with these arguments cannot fit the function's signature.

    A function that does not tell its signature (some built-in ones) takes anything.
    """
    try:
        signature = _signature(function)
    except TypeError:  # an unhashable callable
        signature = _signature.__wrapped__(function)
    if signature is not None:
        signature.bind(*args, **kwargs)


@lru_cache(_CACHED_MAX)
def _signature(function: Callable[..., Any]) -> inspect.Signature | None:
    options: dict[str, Any] = {}
    if sys.version_info >= (3, 14):
        import annotationlib

        # As text: evaluating them may fail, and they do not matter here.
        options["annotation_format"] = annotationlib.Format.STRING
    try:
        return inspect.signature(function, **options)
    except Exception:  # whatever a callable's own attributes may raise
        return None
