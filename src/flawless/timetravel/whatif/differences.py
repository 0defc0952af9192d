"""What is different between two requests of a guest, in words and values a person understands."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from flawless import codec
from flawless.core.divergence import describe_request
from flawless.core.protocol import decode_request
from flawless.errors import GuestTrapped
from flawless.timetravel.labels import shortened

DIFFERENCES_MAX: Final = 100
"""Differences that are told of two requests."""
_SAME: Final = ("op", "id")
_MISSING: Final = object()


@dataclass(frozen=True, slots=True)
class Difference:
    """A place in a request and what stands there; None in `in_old` or `in_new`: nothing does."""

    path: str
    old: Any = None
    new: Any = None
    in_old: bool = True
    in_new: bool = True


def describe_question(question: bytes) -> str:
    """Return a few words for what a guest asked, also through WASI (`clock`, `sleep 12`)."""
    if not question.startswith(b"{"):
        kind, _, rest = question.partition(b" ")
        match kind:
            case b"clock":
                return "a look at the clock"
            case b"sleep":
                return "a blocking wait"
            case _:
                return (
                    f"a line on {kind.decode()} {rest[:60].decode('utf-8', 'replace')!r}".rstrip()
                )
    try:
        return describe_request(decode_request(question))
    except GuestTrapped:
        return question[:100].decode("utf-8", "replace")


def readable(question: bytes) -> dict[str, Any]:
    """Return a request as a document for people: values without the codec's tags."""
    document = fields(question)
    if isinstance(document.get("args"), dict):
        call = document.pop("args")
        document["args"] = codec.plain(call.get("a", []))
        named = {key: codec.plain(value) for key, value in call.get("k", {}).items()}
        document |= {"kwargs": named} if named else {}
    for name in ("value", "payload"):
        if name in document:
            document[name] = codec.plain(document[name])
    body = document.get("body")
    if isinstance(body, dict) and isinstance(text := body.get("text"), str):
        document["body"] = _parsed(text)
    return document


def fields(question: bytes) -> dict[str, Any]:
    """Return a request's fields as they are; of one through WASI its words."""
    if question.startswith(b"{"):
        try:
            # Not msgspec: requests may hold lone surrogates and large integers.
            document = json.loads(question)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
    kind, _, rest = question.partition(b" ")
    named = {"op": kind.decode("ascii", "replace")}
    return named | ({"value": rest.decode("utf-8", "replace")} if rest else {})


def compare(old: bytes, new: bytes) -> list[Difference]:
    """Return where two requests differ, field by field; none when they ask for different things.

    That is so where one is a step and the other a request, say: there is nothing to compare.
    """
    before, after = readable(old), readable(new)
    if before.get("op") != after.get("op"):
        return []
    found = list(_differences(before, after, ""))
    if not any(one.path not in _SAME for one in found):
        # Values of other classes, say, that look the same.
        found = list(_differences(fields(old), fields(new), ""))
    told = [one for one in found if one.path not in _SAME] or found
    return told[:DIFFERENCES_MAX]


def _differences(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if isinstance(old, dict) and isinstance(new, dict):
        for key in dict.fromkeys([*old, *new]):
            inner = key if not path else f"{path}.{key}"
            if not str(key).isidentifier():
                inner = f"{path}[{json.dumps(key)}]"
            yield from _either(old.get(key, _MISSING), new.get(key, _MISSING), inner)
    elif isinstance(old, list) and isinstance(new, list):
        for n in range(max(len(old), len(new))):
            one = old[n] if n < len(old) else _MISSING
            other = new[n] if n < len(new) else _MISSING
            yield from _either(one, other, f"{path}[{n}]")
    elif type(old) is not type(new) or old != new:
        yield Difference(path, old, new)


def _either(old: Any, new: Any, path: str) -> Iterator[Difference]:
    if old is _MISSING:
        yield Difference(path, None, new, in_old=False)
    elif new is _MISSING:
        yield Difference(path, old, None, in_new=False)
    else:
        yield from _differences(old, new, path)


def _parsed(text: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return text


def told_difference(one: Difference) -> str:
    """Return a difference in words: `args[0].cents 701 instead of 700`."""
    if not one.in_old:
        return f"{one.path} {_short(one.new)} more"
    if not one.in_new:
        return f"{one.path} {_short(one.old)} less"
    return f"{one.path} {_short(one.new)} instead of {_short(one.old)}"


def _short(value: Any) -> str:
    return shortened(json.dumps(value, ensure_ascii=False))
