"""What happens when a guest leaves its recorded path."""

from __future__ import annotations

from typing import Any

import pytest

from flawless.core.machine import Machine
from flawless.errors import Divergence

from .requests import (
    after,
    ask,
    create,
    decode,
    drop,
    http,
    log,
    rebuild,
    sleep,
    step,
    wait,
)


def recorded_machine() -> Machine:
    """Return a machine whose journal holds a log message, a step and the end."""
    machine = create()
    machine.request(log(), after(1))
    machine.request(step(1), after(2))
    machine.arrived(1, False, b"1", [], after(3))
    machine.finished(b'{"ok":1}', after(4))
    return rebuild(decode(machine.take_chunk()))


WHERE = ask(
    op="where",
    frames=[
        {"file": "lib.py", "line": 1, "function": "f", "text": "g()"},
        {"file": "app.py", "line": 12, "function": "checkout", "text": "  charge(2)"},
    ],
)


LONG = "x" * 70
LOGGED = {"op": "log", "level": 20, "logger": "app", "message": LONG + "a"}


@pytest.mark.parametrize(
    ("raw", "requested"),
    [
        (step(1, "app.refund"), "step app.refund (effect 1)"),
        (step(1, arg=2), "step app.charge (effect 1)"),
        (step(2), "step app.charge (effect 2)"),
        (step(1, start=True), "the start of step app.charge (effect 1)"),
        (http(1), "GET http://shop/items (effect 1)"),
        (sleep(1, 1), "sleep (effect 1)"),
        (log("bye"), "a log message 'bye'"),
        (wait(), "a wait for started effects"),
        (drop(1), "to give up effect 1"),
        (ask(op="clock"), "a look at the clock"),
    ],
)
def test_divergence(raw: bytes, requested: str) -> None:
    """A changed program is stopped with position, both effects, and the source line."""
    machine = recorded_machine()
    assert machine.request(log(), after(9)) == b"{}"
    assert machine.request(raw, after(9)) == b'{"where":true}'
    with pytest.raises(Divergence) as caught:
        machine.request(WHERE, after(9))
    error = caught.value
    assert error.execution == "order-1"
    assert error.position == 2
    assert error.recorded == "step app.charge (effect 1)"
    assert error.requested == requested
    assert error.where == "app.py:12 (charge(2))"
    assert "app.py:12" in str(error)
    assert not machine.take_actions()
    assert not machine.dirty


@pytest.mark.parametrize(
    ("changed", "recorded", "requested"),
    [
        ({"level": 30}, f"{LONG[:60]!r} of 'app' (level 20)", f"{LONG[:60]!r} of 'app' (level 30)"),
        (
            {"logger": "lib"},
            f"{LONG[:60]!r} of 'app' (level 20)",
            f"{LONG[:60]!r} of 'lib' (level 20)",
        ),
        ({"message": LONG + "b"}, "with 'a' at character 70", "with 'b' at character 70"),
    ],
)
def test_log_messages_that_begin_the_same(
    changed: dict[str, Any], recorded: str, requested: str
) -> None:
    """What differs is named: the logger, the level, or the text far behind."""
    machine = create()
    machine.request(ask(**LOGGED), after(1))
    machine.finished(b'{"ok":1}', after(2))
    machine = rebuild(decode(machine.take_chunk()))
    machine.request(ask(**LOGGED | changed), after(9))
    with pytest.raises(Divergence) as caught:
        machine.request(WHERE, after(9))
    assert caught.value.recorded == f"a log message {recorded}"
    assert caught.value.requested == f"a log message {requested}"


@pytest.mark.parametrize("reply", [b"", b"null", step(1), log(), ask(op="where"), b"\xff"])
def test_divergence_without_a_line(reply: bytes) -> None:
    """A guest that does not tell where it stands is stopped all the same."""
    machine = recorded_machine()
    assert machine.request(step(5), after(9)) == b'{"where":true}'
    with pytest.raises(Divergence) as caught:
        machine.request(reply, after(9))
    assert caught.value.where == ""
    assert caught.value.recorded == "a log message 'hello'"


def test_divergence_outside_the_protocol() -> None:
    """Clocks, polls and ends are compared too; there is no way to ask for the line."""
    for position, act, requested in (
        (1, lambda m: m.clock(after(9)), "a look at the clock"),
        (1, lambda m: m.poll(after(5), after(9)), "a sleep until 5.000000 s after the beginning"),
        (1, lambda m: m.finished(b'{"ok":1}', after(9)), "to end"),
    ):
        machine = recorded_machine()
        with pytest.raises(Divergence) as caught:
            act(machine)
        assert (caught.value.position, caught.value.requested) == (position, requested)
        with pytest.raises(Divergence):
            machine.request(log(), after(9))


def test_a_longer_program_diverges_at_the_end() -> None:
    """A program that goes on where the recorded one ended is stopped."""
    machine = recorded_machine()
    for raw in (log(), step(1)):
        machine.request(raw, after(9))
    assert machine.request(step(2), after(9)) == b'{"where":true}'
    with pytest.raises(Divergence, match="the workflow's return"):
        machine.request(WHERE, after(9))


def test_a_diverged_guest_cannot_go_on() -> None:
    """A guest that ignores the question is stopped by whatever it does next."""
    for act in (
        lambda m: m.request(log(), after(9)),
        lambda m: m.clock(after(9)),
        lambda m: m.poll(after(9), after(9)),
        lambda m: m.finished(b'{"ok":1}', after(9)),
    ):
        machine = recorded_machine()
        machine.request(step(7), after(9))
        with pytest.raises(Divergence, match="entry 1"):
            act(machine)
