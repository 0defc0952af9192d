"""Sleeps, timers and clocks of one execution."""

from __future__ import annotations

import pytest

from flawless.core.entries import (
    ClockRead,
    Invoked,
    Polled,
    Slept,
)
from flawless.core.waiting import ForPoll, ForSleep

from .requests import (
    after,
    ask,
    create,
    decode,
    log,
    read,
    rebuild,
    sleep,
    step,
    wait,
)


def test_sleep() -> None:
    """A sleep costs one entry, and the guest wakes at exactly its time, however late it is."""
    machine = create()
    assert machine.request(sleep(1, 10), after(1)) is None
    assert isinstance(machine.waiting, ForSleep)
    assert machine.wake_us == after(11)
    assert machine.woke(after(10)) is None
    assert read(machine.woke(after(15))) == {"now": after(11), "ok": None}
    assert machine.woke(after(16)) is None, "it wakes once"
    entries = decode(machine.take_chunk())
    assert [type(entry) for entry in entries] == [Invoked, Slept]
    late = rebuild(entries)
    assert read(late.request(sleep(1, 10), after(500))) == {"now": after(11), "ok": None}
    early = rebuild(entries)
    assert early.request(sleep(1, 10), after(5)) is None
    assert early.live
    assert early.wake_us == after(11)


def test_waking_does_not_show_arrivals() -> None:
    """An outcome recorded while the guest slept does not change the time it wakes at.

    A replay cannot know whether the outcome came before the guest woke or after.
    """
    machine = create()
    raws = [step(1, start=True), sleep(2, 10)]
    for raw in raws:
        machine.request(raw, after(1))
    machine.arrived(1, False, b"1", [], after(20))
    assert read(machine.woke(after(21)))["now"] == after(11)
    again = rebuild(decode(machine.take_chunk()))
    assert read([again.request(raw, after(30)) for raw in raws][-1])["now"] == after(11)
    assert read(again.request(ask(op="clock"), after(0)))["now"] == after(20)


def test_sleeps_already_slept_need_no_clock() -> None:
    """What the journal tells that the guest slept through is over, whatever the clock shows."""
    machine = create()
    machine.request(sleep(1, 10), after(1))
    machine.woke(after(11))
    machine.request(log(), after(12))
    again = rebuild(decode(machine.take_chunk()))
    assert read(again.request(sleep(1, 10), after(-99)))["now"] == after(11)
    assert again.request(log(), after(-99)) == b"{}"
    assert not again.live


def test_sleep_of_nothing() -> None:
    """A sleep of 0 s is over at once, also when the clock went back."""
    machine = create()
    machine.request(log(), after(5))
    assert read(machine.request(sleep(1, 0), after(2))) == {"now": after(5), "ok": None}


@pytest.mark.parametrize("seconds", [-1, 1e12, -0.001])
@pytest.mark.parametrize("start", [False, True])
def test_bad_durations(seconds: float, start: bool) -> None:
    """A senseless sleep raises ValueError in the guest; a started one comes as a completion."""
    machine = create()
    raw = sleep(1, seconds, start=start)
    response = read(machine.request(raw, after(1)))
    if start:
        assert response == {}
        response = read(machine.request(wait(), after(1)))
        assert response["id"] == 1
    assert (response["error"]["type"], response["error"]["module"]) == ("ValueError", "builtins")
    assert "use 0 s to 100 years" in response["error"]["message"]
    again = rebuild(decode(machine.take_chunk()))
    assert again.request(raw, after(9)) is not None


def test_wasi_poll() -> None:
    """A blocking poll is a durable sleep."""
    machine = create()
    assert not machine.poll(after(10), after(1))
    assert isinstance(machine.waiting, ForPoll)
    assert machine.wake_us == after(10)
    assert machine.woke(after(9)) is None
    assert machine.woke(after(12)) == b""
    assert machine.now_us == after(10)
    assert machine.poll(after(3), after(13)), "it is over already"
    assert machine.clock(after(14)) == after(14)
    entries = decode(machine.take_chunk())
    assert [type(entry) for entry in entries] == [Invoked, Polled, Polled, ClockRead]
    again = rebuild(entries)
    assert again.poll(after(10), after(0))
    assert again.poll(after(3), after(0))
    assert again.clock(after(0)) == after(14)
    assert not again.live
    assert rebuild(entries).replayed == 0
    assert again.replayed == 3


def test_clock_never_goes_back() -> None:
    """Time stands still until a clock that was set back has caught up."""
    machine = create()
    assert machine.clock(after(10)) == after(10)
    assert machine.clock(after(5)) == after(10)
    assert read(machine.request(ask(op="clock"), after(4))) == {"now": after(10)}
    entries = decode(machine.take_chunk())
    again = rebuild(entries)
    assert [again.clock(after(-9)) for _ in range(3)] == [after(10)] * 3
    assert again.clock(after(-9)) == after(10)
    assert again.failed(b"{}", after(-9)).at == 10_000_000


def test_clock_after_a_recorded_arrival() -> None:
    """The journal's time never decreases, even if the next clock is behind an outcome's."""
    machine = create()
    machine.request(step(1, start=True), after(1))
    machine.arrived(1, False, b"1", [], after(50))
    again = rebuild(decode(machine.take_chunk()))
    again.request(step(1, start=True), after(2))
    assert read(again.request(wait(), after(2)))["now"] == after(50)
