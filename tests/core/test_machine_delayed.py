"""An execution that begins later: what may happen before its time, and what its guest sees."""

from __future__ import annotations

import json

import pytest

from flawless.core.entries import Cancelled, CancelObserved, ClockRead, Entry, Invoked
from flawless.core.inbox import Message
from flawless.core.interruption import WhenInterrupted
from flawless.core.limits import Limits
from flawless.core.machine import Machine
from flawless.core.signals import CANCEL, RESOLVE, TERMINATE

from .requests import (
    BEGAN_US,
    after,
    answers,
    create,
    decode,
    effects,
    message,
    receive,
    step,
    wait,
)


def delayed(*, deadline: int | None = None) -> Machine:
    """Return the machine of an execution that has not begun."""
    first = create(deadline=deadline).invoked
    return Machine(
        "order-1",
        [first],
        limits=Limits(),
        when_interrupted=lambda _: WhenInterrupted.REPEAT,
        answers=answers,
        delayed=True,
    )


def signal(name: str, number: int = 1, **fields: object) -> Message:
    """Return a signal of the engine in the inbox."""
    return message(number, name, fields)


def recorded(machine: Machine) -> list[Entry]:
    """Return what is to be made durable."""
    return decode(machine.take_chunk())


@pytest.mark.parametrize("now_s", [-100, -0.000_001, 0, 50])
@pytest.mark.parametrize("name", [CANCEL, TERMINATE])
def test_who_ends_it_before_it_begins(name: str, now_s: float) -> None:
    """It ends there and then, as cancelled, with who and why; the request leaves the inbox."""
    machine = delayed()
    machine.deliver(signal(name, 3, reason="no more", by="ann"), after(now_s))
    assert isinstance(machine.end, Cancelled)
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (3,)
    (end,) = decode(chunk)
    assert isinstance(end, Cancelled)
    assert end.by == "ann"
    assert json.loads(end.payload)["message"] == "no more"
    assert end.at == max(0, round(now_s * 1_000_000))  # a journal has no times before its beginning
    assert not machine.take_actions()


def test_it_begins_at_its_time() -> None:
    """Not a microsecond earlier; and then it is as any other."""
    machine = delayed()
    assert not machine.begin(BEGAN_US - 1)
    assert not machine.begin(BEGAN_US - 1)
    assert machine.begin(BEGAN_US)
    assert machine.clock(after(2)) == after(2)
    assert recorded(machine) == [ClockRead(2_000_000)]
    assert machine.begin(BEGAN_US - 1)  # a clock that is set back stops nobody


def test_one_that_begins_at_once_may_always_begin() -> None:
    """Whatever the clock shows: it may have been set back since the start."""
    assert create().begin(BEGAN_US - 1_000_000)


def test_messages_that_came_before_are_there() -> None:
    """They stay in the inbox until the guest receives them."""
    machine = delayed()
    assert machine.deliver(message(1, "confirm", "early"), BEGAN_US - 5) is None
    assert not machine.dirty
    assert machine.begin(BEGAN_US)
    assert machine.request(receive(1, "confirm"), BEGAN_US) is not None
    response = machine.request(wait(), BEGAN_US)
    assert response is not None
    assert b'"early"' in response


def test_a_cancel_after_its_beginning_is_told() -> None:
    """Then it may clean up, like any other."""
    machine = delayed()
    assert machine.begin(BEGAN_US)
    assert machine.request(step(1), BEGAN_US) is None
    assert effects(machine) == [1]
    told = machine.deliver(signal(CANCEL, reason="enough"), after(1))
    assert told is not None
    assert machine.end is None
    assert any(isinstance(entry, CancelObserved) for entry in recorded(machine))


def test_what_means_nothing_before_it_begins() -> None:
    """A decision about an effect that there cannot be changes nothing."""
    machine = delayed()
    machine.deliver(signal(RESOLVE, effect=1, retry=True), BEGAN_US - 5)
    assert machine.end is None
    assert not machine.begin(BEGAN_US - 5)
    assert machine.length == 1


def test_its_deadline_counts_from_its_beginning() -> None:
    """Until it begins, no deadline passes."""
    machine = delayed(deadline=1_000_000)
    assert isinstance(machine.invoked, Invoked)
    assert machine.begin(BEGAN_US)
    assert machine.request(step(1), BEGAN_US) is None
    assert machine.wake_us == after(1)
    assert machine.woke(after(0.5)) is None
    assert machine.woke(after(1)) is not None
