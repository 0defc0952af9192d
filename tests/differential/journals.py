"""Comparing what is left of two lives of the same case."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
from parts import Left

from flawless.core.entries import (
    Arrived,
    Called,
    CancelObserved,
    Entered,
    Entry,
    Observed,
    Parked,
    Repeated,
    Resolved,
)


class Open(Exception):
    """The two lives went apart where either way is right."""


def differences(calm: dict[str, Left], other: dict[str, Left]) -> list[str]:
    """Return what is not the same, one sentence each.

    Raises `Open` when they went apart where a message and an outcome, or messages for two
    receivers, were both there before the guest looked: the order in which it sees those is not
    promised (it is recorded when it looks). Also when the guest looked with another deadline: its
    time has shifted, by an effect that was done again after a person's decision, say, and what is
    a matter of time may come out otherwise from there on.
    """
    return [*_differences(calm, other)]


def _differences(calm: dict[str, Left], other: dict[str, Left]) -> Iterator[str]:
    for name in sorted(calm.keys() & other.keys(), key=lambda name: calm[name].record.created_us):
        yield from _paths(name, path(calm[name].entries), path(other[name].entries))
    for name in calm.keys() - other.keys():
        yield f"{name} does not exist"
    for name in other.keys() - calm.keys():
        yield f"{name} should not exist"
    for name in sorted(calm.keys() & other.keys()):
        one, two = calm[name], other[name]
        if one.record.status is not two.record.status:
            yield f"{name} is {two.record.status}, expected {one.record.status}"
        for what in ("state", "response"):
            a, b = getattr(one, what), getattr(two, what)
            if _visible(a) != _visible(b):
                yield f"the {what} of {name} is {_visible(b)}, expected {_visible(a)}"
        if one.unread != two.unread:
            yield f"{name} leaves the messages {two.unread}, expected {one.unread}"


def _paths(name: str, one: list[Any], two: list[Any]) -> Iterator[str]:
    for n, (a, b) in enumerate(zip(one, two, strict=False)):
        if a != b:
            if _is_open(a, b, one[:n]) or _is_shifted(a, b):
                raise Open(f"{name} at {n}")
            yield f"{name} sees at {n}:\n    {b}, expected\n    {a}"
            return
    if len(one) != len(two):
        longer = (one if len(one) > len(two) else two)[min(len(one), len(two))]
        yield f"{name} sees {len(two)} things, expected {len(one)}; one has {longer}"


def _is_open(a: Any, b: Any, before: list[Any]) -> bool:
    """Whether the guest looked, and one saw a message and the other an outcome kept for it."""
    if a["kind"] != "Observed" or b["kind"] != "Observed":
        return False
    started = {entry["effect"]: entry["label"] for entry in before if entry["kind"] == "Started"}
    labels = [started.get(one["effect"], "") for one in (a, b)]
    receives = [label.startswith("receive ") for label in labels]
    kept = [one.kept for one in (a, b)]
    if all(receives):
        return True
    return sorted(receives) == [False, True] and kept[receives.index(False)]


def _is_shifted(a: Any, b: Any) -> bool:
    """Whether only the looks themselves differ, which tell until when the guest would wait."""
    if a["kind"] != b["kind"] or a["kind"] not in ("Observed", "Elapsed"):
        return False
    return {**a, "fingerprint": 0} == {**b, "fingerprint": 0}


class _Seen(dict[str, Any]):
    """One thing that a guest saw; `kept` is not compared: the outcome came before it looked."""

    def __init__(self, fields: dict[str, Any], *, kept: bool) -> None:
        super().__init__(fields)
        self.kept = kept


def path(entries: list[Entry]) -> list[Any]:
    """Return what a guest saw, in order: without times, and without what a crash may add."""
    outcomes = {
        entry.effect: entry.payload
        for entry in entries
        if isinstance(entry, Arrived | Resolved) and entry.payload is not None
    }
    found: list[Any] = []
    for entry in entries:
        if isinstance(entry, Arrived | Resolved | Entered | Parked | Repeated):
            continue
        fields = dict(msgspec.structs.asdict(entry), kind=type(entry).__name__)
        for name in ("at", "until", "attempts", "seed", "deployment"):
            fields.pop(name, None)
        kept = isinstance(entry, Called | Observed) and entry.payload is None
        if isinstance(entry, Called | Observed) and entry.payload is None:
            fields["payload"] = outcomes[entry.effect]
        if isinstance(entry, CancelObserved) and found and _is_sleep(found[-1], entry.effect):
            found.pop()  # it was told before or behind the moment in which it began to sleep
        found.append(_Seen({"kind": fields.pop("kind"), **fields}, kept=kept))
    return found


def _is_sleep(seen: Any, effect: int) -> bool:
    return seen["kind"] == "Slept" and seen["effect"] == effect


def _visible(value: Any) -> Any:
    return None if value is None else value.value
