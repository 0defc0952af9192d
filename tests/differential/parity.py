"""What the journals of one program in Python and in Rust have in common: all but what is listed.

Both programs ask for the same, in the same world, at the same virtual times, with the same seeds.
So their journals are compared entry by entry and field by field.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
from parts import Left

from flawless.core.entries import Called, Cancelled, Entry, Invoked, Logged, Parked
from flawless.stores.base import Visible

DIFFERENCES = {
    "deployment": "the one is a bundle of Python sources, the other a component",
    "label of an undo": "closures of Rust have no names, so they go by their place",
    "traceback, frames": "they are of the files of the program",
    "value": "exceptions of Python travel as objects, to be raised again as themselves",
    "module of an error": "Rust has other modules, and none of Python's built-in exceptions",
    "name of the cancellation": "in Python it is asyncio's exception",
}
"""Every difference that may be, and why."""

_UNDO = re.compile(r"undo (differential_workflows\.\S+|at \S+:\d+): ")
_MODULE = re.compile(r"\b(programs::errors|builtins)\.")
_TOLD = ("traceback", "frames", "value", "module")
_REASONS = {
    "traceback": "traceback, frames",
    "frames": "traceback, frames",
    "value": "value",
    "module": "module of an error",
    "type": "name of the cancellation",
}


def differences(python: dict[str, Left], rust: dict[str, Left], met: set[str]) -> Iterator[str]:
    """Yield what differs though it must not; note in `met` what differs and may.

    Only the first difference of each execution is told.
    """
    if python.keys() != rust.keys():
        yield f"there are {sorted(rust)} in Rust, expected {sorted(python)}"
    for name in sorted(python.keys() & rust.keys()):
        one, two = python[name], rust[name]
        for what in ("status", "parent", "workflow", "run"):
            a, b = getattr(one.record, what), getattr(two.record, what)
            if a != b:
                yield f"{what} of {name} is {b} in Rust, expected {a}"
        for what in ("state", "response", "unread"):
            a, b = _shown(getattr(one, what)), _shown(getattr(two, what))
            if a != b:
                yield f"{what} of {name} is {b} in Rust, expected {a}"
        yield from _entries(name, one.entries, two.entries, met)


def _shown(what: Any) -> Any:
    """Return what is visible; it is not promised how often what was published is written."""
    return (what.value, what.at_us) if isinstance(what, Visible) else what


def _entries(name: str, python: list[Entry], rust: list[Entry], met: set[str]) -> Iterator[str]:
    for n, (a, b) in enumerate(zip(python, rust, strict=False)):
        if a == b:
            continue
        one, two = _plain(a), _plain(b)
        met.update(_met(a, b))
        if _in_order(one) != _in_order(two):
            yield f"{name} has at {n} in Rust\n    {b}, expected\n    {a}"
            return
    if len(python) != len(rust):
        longer = max(python, rust, key=len)[min(len(python), len(rust))]
        yield f"{name} has {len(rust)} entries in Rust, expected {len(python)}; one has {longer}"


def _plain(entry: Entry) -> dict[str, Any]:
    """Return an entry without what may differ."""
    fields = dict(msgspec.structs.asdict(entry), kind=type(entry).__name__)
    for name, value in [*fields.items()]:
        text = value.decode() if name in ("input", "payload") and value is not None else value
        if isinstance(text, str):
            fields[name] = _MODULE.sub("", _UNDO.sub("undo ", text))
    if isinstance(entry, Invoked):
        del fields["deployment"]
    if isinstance(entry, Logged) or str(fields.get("label")).startswith("undo "):
        fields.pop("fingerprint", None)  # of the request, which has these words in it
    for name in ("input", "payload"):
        if fields.get(name) is not None:
            fields[name] = _without(json.loads(fields[name]), isinstance(entry, Cancelled))
    return fields


def _in_order(fields: dict[str, Any]) -> str:
    """Return the fields as a text: dicts with another order of keys are equal, these are not."""
    return repr(fields)


def _without(value: Any, is_cancelled: bool) -> Any:
    """Return a payload; of the errors in it, only what they are called and what they say."""
    if isinstance(value, list):
        return [_without(item, is_cancelled) for item in value]
    if not isinstance(value, dict):
        return value
    fields = {name: _without(item, is_cancelled) for name, item in value.items()}
    if "message" in fields and "type" in fields:
        for name in (*_TOLD, *(["type"] if is_cancelled else [])):
            fields.pop(name, None)
    return fields


def _met(a: Entry, b: Entry) -> Iterator[str]:
    """Yield the differences between two entries that may be there."""
    if isinstance(a, Invoked) and isinstance(b, Invoked) and a.deployment != b.deployment:
        yield "deployment"
    if isinstance(a, Parked | Called) and isinstance(b, Parked | Called) and a.label != b.label:
        yield "label of an undo"
    one, two = getattr(a, "payload", None), getattr(b, "payload", None)
    if one is not None and two is not None and one != two:
        yield from _met_in(json.loads(one), json.loads(two))


def _met_in(one: Any, two: Any) -> Iterator[str]:
    """Yield the differences between the errors in two payloads that may be there."""
    if isinstance(one, list) and isinstance(two, list):
        for a, b in zip(one, two, strict=False):
            yield from _met_in(a, b)
    if not isinstance(one, dict) or not isinstance(two, dict):
        return
    for name in one.keys() & two.keys():
        yield from _met_in(one[name], two[name])
    if "message" in one and "type" in one:
        for name, reason in _REASONS.items():
            if one.get(name) != two.get(name):
                yield reason
