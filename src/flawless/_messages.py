"""Messages as workflows see them: their names, their types, what arrives.

Standard library only: the same file serves host and guest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from flawless import codec
from flawless.errors import UsageError

NAME_CHARS_MAX = 200

_CACHED_MAX = 1024
_NOT_GUIDED: tuple[Any, ...] = (Any, object)
_PLAIN = (str, int, float, bool, bytes, list, tuple, dict, set, frozenset, type(None))


@dataclass(frozen=True)
class Message:
    """A message that was received. `id` is the one its sender gave it, if any."""

    name: str
    payload: Any
    id: str | None = None


def check_name(name: str) -> str:
    """Return a message's name, or raise `UsageError` when nobody could send that."""
    if not 0 < len(name) <= NAME_CHARS_MAX:
        raise UsageError(f"a message's name has 1 to {NAME_CHARS_MAX} characters, not {len(name)}")
    if not name.isprintable():
        raise UsageError(f"a message's name has printable characters only, unlike {name!r}")
    if name[0] == ":":
        raise UsageError(f"a message's name does not begin with a colon, as {name!r} does")
    return name


def check_type(annotation: Any, what: str) -> Any:
    """Return the type of a payload, or raise `CodecError` when nothing decodes to it."""
    try:
        known = _decodes(annotation)
    except TypeError:  # unhashable
        known = _decodes.__wrapped__(annotation)
    if known:
        return annotation
    shown = annotation.__qualname__ if isinstance(annotation, type) else repr(annotation)
    raise codec.CodecError(
        f"no message decodes to {shown}: make it a dataclass, or receive it by its name alone", what
    )


@lru_cache(_CACHED_MAX)
def _decodes(annotation: Any) -> bool:
    if annotation in _NOT_GUIDED or codec.schema(annotation):
        return True
    return isinstance(annotation, type) and issubclass(annotation, Exception)


def selection(what: Any, of_type: Any, what_for: str) -> tuple[str, Any]:
    """Return name and type that `receive(what, type=...)` asks for; type None: not given."""
    if isinstance(what, str):
        return check_name(what), None if of_type is None else check_type(of_type, what)
    if not isinstance(what, type):
        raise UsageError(
            f"{what_for} takes a message's name or a class, not {what!r}: write "
            f'{what_for}("confirm"), or {what_for}(Confirm) for a dataclass Confirm'
        )
    if of_type is not None:
        raise UsageError(
            f"{what_for}({what.__name__}, type=...): a class says the type already; give the name "
            "as a text to decode it to another"
        )
    return check_name(what.__name__), check_type(what, what.__name__)


def named_value(name_or_value: Any, payload: Any) -> tuple[str, Any]:
    """Return name and payload of what `send` is given."""
    if isinstance(name_or_value, str):
        return check_name(name_or_value), payload
    kind = type(name_or_value)
    if isinstance(name_or_value, _PLAIN) or kind is type:
        raise UsageError(
            f'a message needs a name: write send(id, "confirm", payload), or send(id, value) '
            f"with an instance of a dataclass, not {name_or_value!r}"
        )
    if payload is not None:
        raise UsageError(
            f"send({kind.__name__}(...), payload): the instance is the payload; give a name as a "
            "text to send something else"
        )
    return check_name(kind.__name__), name_or_value


def declared(messages: Any) -> dict[str, Any]:
    """Return the types by name of `@workflow(messages=...)`."""
    if messages is None:
        return {}
    if isinstance(messages, Mapping):
        for name in messages:
            if not isinstance(name, str):
                raise UsageError(f"messages={{name: type}}: {name!r} is not a text")
        return {check_name(name): check_type(kind, name) for name, kind in messages.items()}
    if isinstance(messages, str) or not isinstance(messages, Iterable):
        raise UsageError(f"messages= takes {{name: type}} or a list of classes, not {messages!r}")
    listed = list(messages)
    for kind in listed:
        if not isinstance(kind, type):
            raise UsageError(
                f"messages=[...] takes classes, not {kind!r}: use {{name: type}} for other types"
            )
    return {check_name(kind.__name__): check_type(kind, kind.__name__) for kind in listed}
