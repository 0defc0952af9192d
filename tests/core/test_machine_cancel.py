"""Cancelling and stopping an execution, whatever it waits for."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from typing import Any

import pytest

from flawless.core.entries import Cancelled, CancelObserved, Completed, Entered
from flawless.core.machine import Cancel
from flawless.errors import GuestTrapped

from .requests import (
    after,
    ask,
    child,
    create,
    decode,
    effects,
    http,
    log,
    message,
    park,
    read,
    rebuild,
    receive,
    sleep,
    step,
    wait,
)
from .stories import Letter, Script, Story, check, replay, stopped, tell

ENOUGH = {"reason": "enough", "by": "ann"}


def cleaning(*begin: bytes) -> Callable[[], Script]:
    """Return a guest that asks for these, expects the last to be cancelled, and cleans up."""

    def guest() -> Script:
        told: Any = None
        for raw in begin:
            told = yield raw
        if "cancel" not in told:
            told = yield from interrupted(told)
        assert told["cancel"] == "enough", told
        assert "now" in told
        undone = yield step(50, "app.undo")
        yield sleep(51, 2)
        error = {"type": "CancelledError", "undone": undone["ok"]}
        return {"error": error, "cancelled": True}

    return guest


def interrupted(told: Any) -> Generator[bytes, Any, Any]:
    """Expect that the effect was interrupted by a crash, and wait for something else."""
    assert told["error"]["type"] == "Interrupted"
    return (yield sleep(49, 60))


WAITS: dict[str, tuple[bytes, ...]] = {
    "step": (step(1),),
    "step once": (step(1, "app.pay.once"),),
    "http": (http(1),),
    "post": (http(1, "POST"),),
    "sleep": (sleep(1, 60),),
    "next": (step(1, start=True), wait()),
    "next timer": (sleep(1, 60, start=True), wait()),
    "receive": (receive(1, "x"), wait()),
    "child": (child(1), wait()),
    "park": (park(1),),
}
ONCE = {"step once", "post"}
"""After a crash these are interrupted first."""


@pytest.mark.parametrize("name", sorted(WAITS))
def test_cancel_while_waiting(name: str) -> None:
    """Whatever a guest waits for, it is told, cleans up, and ends as cancelled; once."""
    begin = WAITS[name]
    letters = (Letter(len(begin), ":cancel", ENOUGH),)
    story = Story(cleaning(*begin), {50: "undone"}, letters=letters)
    life = check(story, same=name not in ONCE)
    assert isinstance(life.end, Cancelled)
    assert json.loads(life.end.payload)["undone"] == "undone"
    assert life.received == [1]
    told = [entry for entry in life.entries if isinstance(entry, CancelObserved)]
    assert len(told) == 1
    assert told[0].effect == (0 if b'"next"' in begin[-1] else 1)
    if name in ("step", "step once", "http", "post"):
        assert life.cancelled == [1]
    assert life.performed[50] == 1


@pytest.mark.parametrize("name", sorted(WAITS))
def test_cancel_while_computing(name: str) -> None:
    """A guest that computes is told at the next point where it waits, and begins nothing more."""
    begin = WAITS[name]
    letters = (Letter(1, ":cancel", ENOUGH),)
    story = Story(cleaning(log(), *begin), {50: "undone"}, letters=letters)
    life = check(story)
    assert isinstance(life.end, Cancelled)
    assert not any(isinstance(entry, Entered) for entry in life.entries)
    assert "Slept" not in life.kinds[:-3]
    assert life.performed[1] == int(name == "next"), "a started effect had begun before"


def test_parked_effects_are_given_up() -> None:
    """Cancelled while a person has to decide, the execution waits for nobody."""
    for raw in (step(1, "app.pay.ask"), park(1)):
        machine = create()
        machine.request(raw, after(1))
        entries = decode(machine.take_chunk())
        machine = rebuild(entries)
        assert machine.request(raw, after(2)) is None
        assert set(machine.parked) == {1}
        assert read(machine.deliver(message(1, ":cancel", ENOUGH), after(3)))["cancel"] == "enough"
        assert not machine.parked
        entries += decode(machine.take_chunk()) if raw != park(1) else []
        decision = message(2, ":resolve", {"effect": 1, "value": 7})
        assert machine.deliver(decision, after(4)) is None
        chunk = machine.take_chunk()
        if chunk is not None and raw != park(1):
            assert (chunk.count, chunk.received) == (0, (2,))


def test_started_parked_effects_outlive_the_cancel() -> None:
    """What was started goes on; a decision about it still counts while the guest cleans up."""
    machine = create()
    raw = step(1, "app.pay.ask", start=True)
    machine.request(raw, after(1))
    machine = rebuild(decode(machine.take_chunk()))
    machine.request(raw, after(2))
    assert machine.request(wait(), after(2)) is None
    assert set(machine.parked) == {1}
    assert read(machine.deliver(message(1, ":cancel", ENOUGH), after(3)))["cancel"] == "enough"
    assert machine.request(wait(), after(4)) is None
    decision = message(2, ":resolve", {"effect": 1, "value": 7})
    assert read(machine.deliver(decision, after(5))) == {"now": after(5), "id": 1, "ok": 7}


def test_a_poll_is_not_interrupted() -> None:
    """WASI's own sleep has no answer to carry the news: the next request does."""
    machine = create()
    assert not machine.poll(after(10), after(1))
    assert machine.deliver(message(1, ":cancel", ENOUGH), after(2)) is None
    assert machine.woke(after(10)) == b""
    assert read(machine.request(sleep(1, 5), after(11)))["cancel"] == "enough"
    entries = decode(machine.take_chunk())
    again = rebuild(entries)
    assert again.poll(after(10), after(0))
    assert read(again.request(sleep(1, 5), after(0))) == {"now": after(11), "cancel": "enough"}


def test_requests_that_do_not_wait_are_not_told() -> None:
    """Logging, starting and looking at the clock are answered as ever."""
    machine = create()
    machine.deliver(message(1, ":cancel", ENOUGH), after(1))
    assert machine.request(log(), after(2)) == b"{}"
    assert read(machine.request(ask(op="clock"), after(3))) == {"now": after(3)}
    assert machine.request(step(1, start=True), after(3)) == b"{}"
    assert machine.request(receive(2), after(3)) == b"{}"
    assert read(machine.request(wait(poll=True), after(3)))["cancel"] == "enough"


def test_a_known_outcome_comes_first() -> None:
    """What has happened is told before the cancellation."""
    for raw in (step(1), step(1, "app.pay.once")):
        machine = create()
        machine.request(raw, after(1))
        again = rebuild(decode(machine.take_chunk()), in_flight={1})
        again.arrived(1, False, b"7", [], after(2))
        again.deliver(message(1, ":cancel", ENOUGH), after(2))
        assert read(again.request(raw, after(3)))["ok"] == 7
        assert read(again.request(step(2), after(4)))["cancel"] == "enough"


def test_interrupted_comes_first() -> None:
    """That nobody knows whether an effect happened is told before the cancellation."""
    machine = create()
    raw = step(1, "app.pay.once")
    machine.request(raw, after(1))
    again = rebuild(decode(machine.take_chunk()))
    again.deliver(message(1, ":cancel", ENOUGH), after(2))
    assert read(again.request(raw, after(3)))["error"]["type"] == "Interrupted"
    assert read(again.request(sleep(2, 1), after(4)))["cancel"] == "enough"
    assert effects(again) == []


def test_an_effect_of_an_evicted_guest_is_given_up() -> None:
    """An effect that goes on while its guest is replayed is stopped by the cancellation."""
    machine = create()
    machine.request(step(1), after(1))
    again = rebuild(decode(machine.take_chunk()), in_flight={1})
    again.deliver(message(1, ":cancel", ENOUGH), after(2))
    assert read(again.request(step(1), after(3)))["cancel"] == "enough"
    assert again.take_actions() == [Cancel(1)]
    assert again.arrived(1, False, b"1", [], after(4)) is None


def test_a_sleep_that_is_over_comes_first() -> None:
    """A sleeper whose time has come wakes; one whose time has not is told."""
    machine = create()
    machine.request(sleep(1, 10), after(1))
    entries = decode(machine.take_chunk())
    for now_s, word in ((12, "ok"), (5, "cancel")):
        again = rebuild(entries)
        again.deliver(message(1, ":cancel", ENOUGH), after(now_s))
        assert word in read(again.request(sleep(1, 10), after(now_s)))


def test_second_cancel() -> None:
    """Who asks twice means it: the execution ends without any cleaning up."""
    begin = (sleep(1, 60),)
    letters = (Letter(1, ":cancel", ENOUGH), Letter(2, ":cancel", {"reason": "really"}))
    story = Story(cleaning(*begin), {}, letters=letters)
    life = check(story)
    assert stopped(life)["message"] == "really"
    assert stopped(life)["type"] == "ExecutionCancelled"
    assert life.received == [1, 2]
    assert life.kinds == ["Slept", "CancelObserved", "Cancelled"]


def test_second_cancel_before_the_guest_was_told() -> None:
    """Two requests stop a guest that computes, or has not even been loaded."""
    machine = create()
    machine.deliver(message(1, ":cancel", ENOUGH), after(1))
    machine.deliver(message(2, ":cancel", {}), after(2))
    assert isinstance(machine.end, Cancelled)
    assert json.loads(machine.end.payload)["message"] == "it was cancelled twice"


def test_a_parent_does_not_escalate() -> None:
    """A parent that ends asks politely, however often; a person's second request is the one."""
    parent = {"reason": "its parent ended", "by": ":parent"}
    for first in (ENOUGH, parent):
        machine = create()
        machine.request(sleep(1, 60), after(1))
        machine.take_chunk()
        assert b"cancel" in (machine.deliver(message(1, ":cancel", first), after(2)) or b"")
        machine.request(sleep(2, 60), after(2))
        machine.take_chunk()
        assert machine.deliver(message(2, ":cancel", parent), after(3)) is None
        assert machine.end is None
        chunk = machine.take_chunk()
        assert chunk is not None
        assert (chunk.count, chunk.received) == (0, (2,))
        machine.deliver(message(3, ":cancel", ENOUGH), after(4))
        assert (machine.end is None) == (first is parent)
        machine.deliver(message(4, ":cancel", ENOUGH), after(4))
        assert isinstance(machine.end, Cancelled)


# --- times ----------------------------------------------------------------------------------------


def test_grace() -> None:
    """The time for cleaning up counts from when the guest was told, also across a crash."""
    machine = create()
    machine.request(sleep(1, 60), after(1))
    assert machine.wake_us == after(61)
    machine.deliver(message(1, ":cancel", {**ENOUGH, "grace_s": 5}), after(10))
    assert machine.request(step(2), after(11)) is None
    assert machine.wake_us == after(15)
    assert machine.woke(after(14)) is None
    assert machine.end is None
    again = rebuild(decode(machine.take_chunk()))
    again.request(sleep(1, 60), after(12))
    again.request(step(2), after(12))
    assert again.wake_us == after(15)
    for one in (machine, again):
        assert effects(one) == [2]
        assert one.woke(after(15)) is None
        assert isinstance(one.end, Cancelled)
        assert b"the time for cleaning up is over" in one.end.payload
        assert one.take_actions() == [Cancel(2)]
        assert one.wake_us is None
        assert one.woke(after(16)) is None, "a timer that comes late is no harm"


def test_grace_runs_out() -> None:
    """A guest that does not stop cleaning up is stopped, at every replay in the same place."""

    def guest() -> Script:
        yield sleep(1, 60)
        for effect in range(2, 100):
            yield sleep(effect, 0.7)
        return {"ok": 1}

    letters = (Letter(1, ":cancel", {**ENOUGH, "grace_s": 5}),)
    life = check(Story(guest, letters=letters), same=False)
    assert "time for cleaning up" in stopped(life)["message"]
    assert 5 < life.kinds.count("Slept") < 12


def test_grace_that_is_not_needed() -> None:
    """A guest that is done in time ends as it wants, also well."""

    def guest() -> Script:
        told = yield sleep(1, 60)
        return {"ok": told["cancel"]}

    letters = (Letter(1, ":cancel", {**ENOUGH, "grace_s": 5}),)
    life = check(Story(guest, letters=letters))
    assert life.end is not None
    assert isinstance(life.end, Completed)


@pytest.mark.parametrize("name", sorted(WAITS))
def test_deadline(name: str) -> None:
    """At its deadline an execution is cancelled without anybody asking, whatever it waits for."""
    begin = WAITS[name]

    def guest() -> Script:
        told: Any = None
        for raw in begin:
            told = yield raw
        if "cancel" not in told:
            told = yield from interrupted(told)
        assert told["cancel"] == "its deadline has passed"
        yield sleep(50, 1)
        return {"error": {"type": "CancelledError"}, "cancelled": True}

    life = check(Story(guest, settings={"deadline": 20_000_000}), same=name not in ONCE)
    assert isinstance(life.end, Cancelled)
    (told,) = [entry for entry in life.entries if isinstance(entry, CancelObserved)]
    assert 20_000_000 <= told.at < 21_000_000
    assert told.until == told.at + 60_000_000


def test_deadline_in_a_poll() -> None:
    """A deadline that passes in a WASI poll does not make the engine turn in circles."""
    machine = create(deadline=5_000_000)
    machine.poll(after(10), after(1))
    assert machine.wake_us == after(5)
    assert machine.woke(after(5)) is None
    assert machine.wake_us == after(10)
    assert machine.woke(after(10)) == b""
    assert "cancel" in read(machine.request(step(1), after(11)))


def test_deadline_after_a_cancel() -> None:
    """Once somebody has asked, the deadline is nobody's business."""
    machine = create(deadline=5_000_000)
    machine.request(sleep(1, 60), after(1))
    machine.deliver(message(1, ":cancel", ENOUGH), after(2))
    machine.request(step(2), after(3))
    assert machine.wake_us is None
    assert machine.woke(after(6)) is None
    assert machine.end is None


def test_deadline_of_a_computing_guest() -> None:
    """A deadline that passes while the guest computes is told at the next wait."""
    machine = create(deadline=5_000_000)
    assert machine.wake_us is None
    assert machine.request(step(1), after(9)) is None
    assert machine.wake_us == after(5)
    assert read(machine.woke(after(9)))["cancel"] == "its deadline has passed"


# --- stopping for good ----------------------------------------------------------------------------


def test_terminate() -> None:
    """An execution that is terminated does nothing more, and what it does is stopped."""

    def guest() -> Script:
        yield step(1, start=True)
        yield step(2)
        return {"ok": 1}

    letters = (Letter(2, ":terminate", {"reason": "now", "by": "ann"}),)
    life = check(Story(guest, letters=letters))
    assert stopped(life)["fields"] == {"reason": "now"}
    assert sorted(life.cancelled) == [1, 2]
    assert life.received == [1]


def test_terminate_while_replaying() -> None:
    """The end comes behind what is recorded, wherever the guest stands."""
    machine = create()
    for effect in (1, 2):
        machine.request(step(effect), after(effect))
        machine.arrived(effect, False, b"1", [], after(effect))
    entries = decode(machine.take_chunk())
    for asked in (0, 1, 2):
        again = rebuild(entries, in_flight={9})
        for effect in range(1, asked + 1):
            again.request(step(effect), after(5))
        assert again.deliver(message(1, ":terminate", {}), after(5)) is None
        assert isinstance(again.end, Cancelled)
        assert b"it was terminated" in again.end.payload
        chunk = again.take_chunk()
        assert decode(chunk) == [again.end]
        assert chunk is not None
        assert (chunk.first_seq, chunk.received) == (len(entries), (1,))
        assert again.take_actions() == [Cancel(9)]
        assert again.deliver(message(2, ":terminate", {}), after(6)) is None
        assert again.take_chunk() is None


def test_a_guest_cannot_invent_its_cancellation() -> None:
    """Only who was told may end as cancelled."""
    output = b'{"error":{"type":"CancelledError"},"cancelled":true}'
    machine = create()
    with pytest.raises(GuestTrapped, match="nobody told it so"):
        machine.finished(output, after(1))
    asked = create()
    asked.deliver(message(1, ":cancel", ENOUGH), after(1))
    with pytest.raises(GuestTrapped, match="nobody told it so"):
        asked.finished(output, after(1))


def test_a_cancel_that_comes_too_late() -> None:
    """A guest that ends before it waits again has not been cancelled."""
    machine = create()
    machine.deliver(message(1, ":cancel", ENOUGH), after(1))
    assert machine.finished(b'{"ok":1}', after(2)) == Completed(2_000_000, b"1")
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (), "it goes with the whole inbox"


def test_cancelled_end_replays() -> None:
    """A recorded cancellation is what a replay ends with, whatever error the guest has now."""
    begin = WAITS["sleep"]
    letters = (Letter(1, ":cancel", ENOUGH),)
    life = tell(Story(cleaning(*begin), {50: 1}, letters=letters))
    machine = replay(life)
    assert machine.end == life.end
