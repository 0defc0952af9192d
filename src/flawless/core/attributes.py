"""What callers say about an execution when they start it, to find it by: texts by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from flawless.errors import InputInvalid

ATTRIBUTES_MAX = 16
NAME_CHARS_MAX = 64
VALUE_CHARS_MAX = 256

_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9_.-]{{0,{NAME_CHARS_MAX - 1}}}")


def checked_attributes(attributes: Mapping[str, str]) -> dict[str, str]:
    """Return attributes as a dict of their own; raises `InputInvalid`, which says what is wrong."""
    if not isinstance(attributes, Mapping):
        raise InputInvalid("attributes are texts by name", path="attributes")
    if len(attributes) > ATTRIBUTES_MAX:
        raise InputInvalid(
            f"an execution has at most {ATTRIBUTES_MAX} attributes, not {len(attributes)}",
            path="attributes",
        )
    items: Iterable[tuple[object, object]] = attributes.items()
    for name, value in items:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise InputInvalid(
                f"{name!r} cannot be the name of an attribute: use up to {NAME_CHARS_MAX} letters, "
                "digits and _ . -, beginning with a letter",
                path="attributes",
            )
        if not isinstance(value, str):
            raise InputInvalid(
                f"the attribute {name} is a text, not {value!r}", path=f"attributes.{name}"
            )
        if not (0 < len(value) <= VALUE_CHARS_MAX and value.isprintable()):
            raise InputInvalid(
                f"the attribute {name} has 1 to {VALUE_CHARS_MAX} printable characters",
                path=f"attributes.{name}",
            )
    return dict(attributes)
