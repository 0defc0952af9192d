"""What the codec raises, and how it writes the path of the offending value."""

from __future__ import annotations

from typing import Any

_PATH_CHARS_MAX = 200
_SHOWN_CHARS_MAX = 60


class CodecError(TypeError):
    """A value cannot be carried as JSON, or JSON does not fit what was expected.

    `path` leads to the offending value (`order.items[3].price`), `reason` says what is wrong with
    it and, where one exists, what to do instead. A `TypeError`, because that is what Python itself
    raises when an argument is of the wrong kind.
    """

    __module__ = "flawless"  # the public name, which tracebacks and journals show

    def __init__(self, reason: str, path: str = "") -> None:
        super().__init__(reason, path)
        self.reason = reason
        self.path = path

    def __str__(self) -> str:
        path = self.path
        if len(path) > _PATH_CHARS_MAX:
            path = f"{path[: _PATH_CHARS_MAX // 2]}…{path[-_PATH_CHARS_MAX // 2 :]}"
        return f"{path}: {self.reason}" if path else self.reason

    def under(self, part: str) -> CodecError:
        """Put `part` before the path; called on the way out, so a success pays nothing for it."""
        if not part:
            return self
        inner = self.path
        glue = "." if inner and inner[0] not in ".[" else ""
        self.path = f"{part}{glue}{inner}"
        self.args = (self.reason, self.path)
        return self


class SizeExceeded(CodecError):
    """A value's JSON is longer than the limit; it was not carried. Both sizes are in bytes."""

    def __init__(self, path: str, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(
            f"is {size_bytes:,} bytes long, the limit is {limit_bytes:,}: store it elsewhere and "
            "pass a reference",
            path,
        )
        self.size_bytes = size_bytes
        self.limit_bytes = limit_bytes


def member(name: str) -> str:
    """Return the path part of a field or of a string key: `.price`, or `["unit price"]`."""
    return f".{name}" if name.isidentifier() else f"[{shorten(name)}]"


def shorten(value: Any) -> str:
    """Return the `repr` of a value, cut to what fits in a sentence."""
    try:
        text = repr(value)
    except Exception:
        text = f"<{class_name(type(value))}>"
    return text if len(text) <= _SHOWN_CHARS_MAX else f"{text[: _SHOWN_CHARS_MAX - 1]}…"


def class_name(cls: type) -> str:
    """Return `module.Name`, or only `Name` for a built-in class."""
    module = cls.__module__
    return cls.__qualname__ if module == "builtins" else f"{module}.{cls.__qualname__}"


def closest(name: str, names: list[str]) -> str:
    """Return `; did you mean 'x'?` for the name most like the given one, or an empty string."""
    from difflib import get_close_matches  # only errors pay for it

    found = get_close_matches(name, names, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
