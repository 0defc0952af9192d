"""Ending a run: well, badly, cancelled, or to go on in the next."""

from __future__ import annotations

import pytest

from flawless.core import responses
from flawless.core.entries import Cancelled, Completed, Continued, End, Entry, Failed
from flawless.core.machine import Cancel
from flawless.errors import Divergence

from .requests import (
    after,
    child,
    create,
    decode,
    effects,
    log,
    message,
    read,
    rebuild,
    sleep,
    step,
)
from .stories import Letter, Script, Story, check


def test_continue() -> None:
    """A run that goes on in the next one ends with the next one's input."""

    def guest() -> Script:
        yield step(1)
        return {"continue": {"a": [2], "k": {}}}

    life = check(Story(guest, {1: 1}))
    assert isinstance(life.end, Continued)
    assert life.end.payload == b'{"a": [2], "k": {}}'


def test_continue_replays() -> None:
    """On replay the guest must go on with the very same input."""
    machine = create(run=3)
    machine.request(step(1, start=True), after(1))
    assert effects(machine) == [1]
    final = machine.finished(b'{"continue":{"a":[2],"k":{}}}', after(2))
    assert final == Continued(2_000_000, b'{"a":[2],"k":{}}')
    assert machine.end == final
    assert machine.take_actions() == [Cancel(1)]
    entries = decode(machine.take_chunk())
    again = rebuild(entries)
    again.request(step(1, start=True), after(3))
    assert again.invoked.run == 3
    assert again.finished(b'{"continue":{"a":[2],"k":{}}}', after(9)) == final
    for other in (b'{"continue":{"a":[3],"k":{}}}', b'{"ok":{"a":[2],"k":{}}}', b'{"error":{}}'):
        again = rebuild(entries)
        again.request(step(1, start=True), after(3))
        with pytest.raises(Divergence, match="to end otherwise"):
            again.finished(other, after(9))


def test_large_input() -> None:
    """An input for the next run that is too large is a failure of this one."""
    machine = create(value_bytes_max=100)
    output = b'{"continue":{"a":["%b"],"k":{}}}' % (b"x" * 100)
    final = machine.finished(output, after(1))
    assert isinstance(final, Failed)
    assert b"the input" in final.payload


NO_NEXT_RUN = responses.cancelled_error("it was cancelled, so the next run was not begun")


@pytest.mark.parametrize(
    ("output", "end"),
    [
        (b'{"ok":1}', Completed(3_000_000, b"1")),
        (b'{"error":{"type":"E"}}', Failed(3_000_000, b'{"type":"E"}')),
        (b'{"error":{"type":"C"},"cancelled":true}', Cancelled(3_000_000, b'{"type":"C"}')),
        (b'{"continue":{"a":[],"k":{}}}', Cancelled(3_000_000, NO_NEXT_RUN)),
    ],
)
def test_ends_of_a_cancelled_execution(output: bytes, end: End) -> None:
    """A workflow that was cancelled may end in every way but by going on in a next run."""
    machine = create()
    machine.request(sleep(1, 60), after(1))
    machine.deliver(message(1, ":cancel", {"reason": "enough"}), after(2))
    assert machine.finished(output, after(3)) == end
    assert machine.wake_us is None
    entries = decode(machine.take_chunk())
    again = rebuild(entries)
    assert read(again.request(sleep(1, 60), after(0)))["cancel"] == "enough"
    assert again.finished(output, after(0)) == end
    assert not again.dirty


def test_a_recorded_failure_or_cancellation_accepts_any_end() -> None:
    """The texts of errors may change with the engine: they are not compared."""
    for end in (Failed(1, b'{"type":"E"}'), Cancelled(1, b'{"type":"E"}')):
        entries: list[Entry] = [create().invoked, end]
        again = rebuild(entries)
        assert again.finished(b'{"error":{"type":"F"}}', after(9)) == end


def test_what_comes_behind_the_end() -> None:
    """An execution that is over takes no outcome, no message and no time."""
    machine = create(deadline=5_000_000)
    machine.request(step(1), after(1))
    effects(machine)
    machine.deliver(message(1, ":terminate", {}), after(2))
    end = machine.end
    assert end is not None
    machine.take_chunk()
    machine.take_actions()
    assert machine.arrived(1, False, b"1", [], after(3)) is None
    assert machine.deliver(message(2, "confirm"), after(3)) is None
    assert machine.deliver(message(3, ":cancel", {}), after(3)) is None
    assert machine.deliver(message(4, ":child:1:1", {"ok": 1}), after(3)) is None
    assert machine.woke(after(9)) is None
    assert machine.end is end
    assert not machine.dirty
    assert machine.take_actions() == []
    assert not machine.parked
    assert not machine.listening


def test_a_child_started_at_the_very_end() -> None:
    """A child that nobody waits for is created all the same."""

    def guest() -> Script:
        yield log()
        yield child(1, close="abandon")
        return {"ok": 1}

    life = check(Story(guest, letters=(Letter(1, "ignored"),)))
    assert life.children == {1: 1}
    machine = create()
    machine.request(child(1), after(1))
    machine.finished(b'{"ok":1}', after(1))
    assert len(machine.take_actions()) == 1
