"""What comes through the inbox and is no message for the workflow."""

from __future__ import annotations

import json

import msgspec
import pytest

from flawless.core.signals import (
    CancelSignal,
    ChildEnded,
    ResolveSignal,
    Signal,
    TerminateSignal,
    child_name,
    read_signal,
)
from flawless.errors import GuestTrapped


@pytest.mark.parametrize(
    ("name", "payload", "signal"),
    [
        (":cancel", {}, CancelSignal()),
        (
            ":cancel",
            {"reason": "enough", "by": "ann", "grace_s": 2.5},
            CancelSignal("enough", "ann", 2.5),
        ),
        (":terminate", {}, TerminateSignal()),
        (":terminate", {"reason": "now", "by": "ann"}, TerminateSignal("now", "ann")),
        (":child:2:7", {"ok": [1]}, ChildEnded(2, 7, False, b"[1]")),
        (":child:1:1", {"ok": None}, ChildEnded(1, 1, False, b"null")),
        (":child:1:1", {"error": {"type": "E"}}, ChildEnded(1, 1, True, b'{"type":"E"}')),
    ],
)
def test_signals(name: str, payload: object, signal: Signal) -> None:
    """Every signal is read with its fields and defaults; fields of a newer engine are ignored."""
    encoded = msgspec.json.encode(payload)
    assert read_signal(name, encoded) == signal
    assert isinstance(payload, dict)
    assert read_signal(name, msgspec.json.encode({**payload, "later": 1})) == signal


def test_decisions() -> None:
    """A decision names its effect, and is a retry, a result or an error."""
    signal = read_signal(":resolve", b'{"effect":3,"retry":true,"by":"ann"}')
    assert signal == ResolveSignal(3, True, by="ann")
    signal = read_signal(":resolve", b'{"effect":3,"failed":true,"value":{"type":"E"}}')
    assert isinstance(signal, ResolveSignal)
    assert (signal.failed, json.loads(bytes(signal.value))) == (True, {"type": "E"})


@pytest.mark.parametrize("name", ["confirm", "", "cancel", "child:1:2", "a:b"])
def test_messages_for_the_workflow(name: str) -> None:
    """Only a name that begins with a colon is the engine's own; no other payload is even read."""
    assert read_signal(name, b"not json") is None


@pytest.mark.parametrize(
    ("name", "payload"),
    [
        (":later", b"{}"),
        (":", b"{}"),
        (":cancel", b"[]"),
        (":cancel", b"{"),
        (":cancel", b'{"grace_s":"x"}'),
        (":resolve", b"{}"),
        (":child", b'{"ok":1}'),
        (":child:1", b'{"ok":1}'),
        (":child:a:b", b'{"ok":1}'),
        (":child:1:2:3", b'{"ok":1}'),
        (":child:1:2", b"{}"),
        (":child:1:2", b'{"ok":1,"error":2}'),
    ],
)
def test_unreadable_signals(name: str, payload: bytes) -> None:
    """What a newer engine may have written is an error, not skipped."""
    with pytest.raises(GuestTrapped, match="newer engine"):
        read_signal(name, payload)


def test_child_name() -> None:
    """The name under which a child reports is read as what it was made of."""
    assert child_name(3, 12) == ":child:3:12"
    assert read_signal(child_name(3, 12), b'{"ok":1}') == ChildEnded(3, 12, False, b"1")
