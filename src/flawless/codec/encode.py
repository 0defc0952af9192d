"""Python values to JSON.

`None`, booleans, integers, finite floats, strings, lists and dictionaries with string keys are
written as they are. Everything else becomes an object whose `"$"` names what it is:

    {"$":"tuple","v":[1,2]}                         set, frozenset, deque alike
    {"$":"datetime","v":"2024-05-01T12:00:00","zone":"Europe/Berlin","fold":1}
    {"$":"dataclass","c":"app.orders:Order","f":{"id":7}}
    {"$":"dict","v":[[1,"one"]]}                    keys that are not strings, or a "$" among them

`docs/reference/protocol.md` lists all of them; they only ever grow, because a journal is read for
ever. Equal values give equal bytes: dictionaries keep their order, which is part of their
meaning in Python, and sets are sorted by the JSON of their elements.

Most values are plain. So the first thing done with a value is to look whether it is, and then it
goes to the C encoder of the standard library as it stands. Only others are rebuilt, with a record
of the way to them for the error message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ._encoder import Encoder
from ._errors import CodecError, SizeExceeded
from ._exceptions import printed, raw_reference
from ._quick import DEPTH_MAX, is_plain
from ._text import write


def encode(value: Any, *, path: str = "value") -> Any:
    """Return the JSON form of a value, as Python objects for `json.dumps`.

    Plain parts are shared with the value, not copied. Raises `CodecError` with the path, beginning
    with `path`, of the first thing that cannot be carried.
    """
    try:
        return value if is_plain(value, DEPTH_MAX) else Encoder().encode(value)
    except CodecError as error:
        error.under(path)
        raise
    except RecursionError:
        raise CodecError("is nested too deeply for the stack that is left", path) from None


def dumps(value: Any, *, path: str = "value", max_bytes: int | None = None) -> str:
    """Return a value as compact JSON text, always valid UTF-8.

    Raises `CodecError` as `encode` does, and its subclass `SizeExceeded` when the text is longer
    than `max_bytes`.

    >>> dumps({"id": 7, "tags": {"b", "a"}})
    '{"id":7,"tags":{"$":"set","v":["a","b"]}}'
    """
    obj = encode(value, path=path)
    try:
        text = write(obj)
    except RecursionError:
        raise CodecError("is nested too deeply for the stack that is left", path) from None
    if max_bytes is not None and len(text) * 4 > max_bytes:
        size = len(text) if text.isascii() else len(text.encode())
        if size > max_bytes:
            raise SizeExceeded(path, size, max_bytes)
    return text


def encode_call(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    *,
    names: Sequence[str] = (),
    path: str = "",
) -> dict[str, Any]:
    """Return the arguments of a call as `{"a": [...], "k": {...}}`.

    `names` are the names of the positional parameters, for the path in an error (`order.id`);
    without them it counts (`args[0].id`). `path` is put before either.
    """
    positional = []
    for i, value in enumerate(args):
        if is_plain(value, DEPTH_MAX):
            positional.append(value)
        else:
            part = names[i] if i < len(names) else f"args[{i}]"
            positional.append(encode(value, path=f"{path}.{part}" if path else part))
    named = {}
    for name, value in kwargs.items():
        if is_plain(value, DEPTH_MAX):
            named[name] = value
        else:
            named[name] = encode(value, path=f"{path}.{name}" if path else name)
    return {"a": positional, "k": named}


def encode_exception(error: BaseException) -> dict[str, Any]:
    """Return an exception as JSON; never fails.

    Class, message, `args`, attributes and notes are kept, as far as they can be carried: an
    argument that cannot is replaced by its `str`, an attribute that cannot is left out.
    """
    try:
        return Encoder().exception(error)
    except RecursionError:
        return {"$": "exception", "c": raw_reference(type(error)), "m": printed(error), "a": []}
