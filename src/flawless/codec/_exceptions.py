"""What there is to an exception besides its class, and how to make one again."""

from __future__ import annotations

from typing import Any

from ._classes import public_module
from ._errors import class_name


def raw_reference(cls: type) -> str:
    """Return the name of a class in a tag, whether it can be found by it or not."""
    return f"{public_module(cls.__module__)}:{cls.__qualname__}"


def printed(value: Any) -> str:
    """Return the `str` of a value as valid text; never fails."""
    try:
        text = str(value)
    except Exception:
        text = f"<{class_name(type(value))}>"
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def arguments(error: BaseException) -> tuple[Any, ...]:
    """Return what to build the exception from: `args`, and what OSError keeps elsewhere."""
    args: tuple[Any, ...] = error.args
    if isinstance(error, OSError) and len(args) == 2 and error.filename is not None:
        if error.filename2 is not None:
            return (*args, error.filename, None, error.filename2)
        return (*args, error.filename)
    return args


def attributes(error: BaseException) -> dict[str, Any]:
    """Return the instance's dictionary (notes are in it) and what built-in classes keep apart."""
    found = {k: v for k, v in vars(error).items() if type(k) is str}
    if isinstance(error, ImportError):
        found.update(name=error.name, path=error.path)
    elif isinstance(error, (AttributeError, NameError)):
        found.update(name=error.name)
    return found


def new_exception(cls: Any, args: tuple[Any, ...]) -> Exception:
    """Make an exception from its `args` without its class's own `__init__`.

    That may want other arguments than it left in `args`, so only the `__init__` of the built-in
    class beneath runs: it sets what C code keeps outside the dictionary (`errno`, `value`).
    """
    builtin: Any = next(base for base in cls.__mro__ if base.__module__ == "builtins")
    try:
        error: Exception = cls.__new__(cls, *args)
    except Exception:
        error = builtin.__new__(cls, *args)
    try:
        builtin.__init__(error, *args)
    except Exception:
        error.args = args
    return error
