"""Receiving messages, and sending them."""

from __future__ import annotations

import json

import pytest

from flawless.core.entries import Observed, Started
from flawless.core.waiting import ForNext

from .requests import (
    after,
    ask,
    create,
    decode,
    drop,
    effects,
    log,
    message,
    read,
    rebuild,
    receive,
    send,
    sleep,
    step,
    wait,
)
from .stories import Letter, Script, Story, check, tell


def test_a_message_that_waits() -> None:
    """A message that is there already is seen at the next look, and leaves the inbox with that."""
    machine = create()
    assert machine.deliver(message(1, payload={"by": "ann"}, id_="m1"), after(1)) is None
    assert machine.take_chunk() is not None, "entry 0"
    assert not machine.listening
    assert machine.request(receive(1, "confirm"), after(2)) == b"{}"
    assert machine.listening
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == ()
    response = read(machine.request(wait(), after(3)))
    expected = {"name": "confirm", "payload": {"by": "ann"}, "id": "m1"}
    assert response == {"now": after(3), "id": 1, "ok": expected}
    chunk = machine.take_chunk()
    (entry,) = decode(chunk)
    assert isinstance(entry, Observed)
    assert json.loads(entry.payload or b"") == expected
    assert chunk is not None
    assert chunk.received == (1,)
    assert not machine.listening
    assert machine.take_actions() == []


def test_a_message_that_comes_while_the_guest_waits() -> None:
    """A waiting guest is answered when the message comes."""
    machine = create()
    machine.request(receive(1), after(1))
    assert machine.request(wait(), after(1)) is None
    assert isinstance(machine.waiting, ForNext)
    assert machine.wake_us is None
    response = read(machine.deliver(message(1, "news"), after(2)))
    assert response == {"now": after(2), "id": 1, "ok": {"name": "news", "payload": None}}
    assert machine.waiting is None
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (1,)


def test_a_message_nobody_wants() -> None:
    """What no receiver wants stays in the inbox, and is told again to the next process."""
    machine = create()
    machine.request(receive(1, "confirm"), after(1))
    assert machine.request(wait(), after(1)) is None
    entries = decode(machine.take_chunk())
    assert machine.deliver(message(1, "other"), after(2)) is None
    assert machine.take_chunk() is None
    again = rebuild(entries)
    assert again.messages_seen == 0
    assert again.deliver(message(1, "other"), after(3)) is None
    assert again.messages_seen == 1
    again.request(receive(1, "confirm"), after(3))
    assert again.request(wait(), after(3)) is None
    assert again.listening
    assert read(again.deliver(message(2), after(4)))["ok"]["name"] == "confirm"


def test_a_message_delivered_twice() -> None:
    """A message that was delivered before is ignored, whoever has it by now."""
    machine = create()
    machine.deliver(message(1), after(1))
    machine.deliver(message(1), after(1))
    for effect in (1, 2):
        machine.request(receive(effect), after(1))
    assert read(machine.request(wait(), after(1)))["id"] == 1
    assert machine.request(wait(), after(1)) is None
    assert machine.deliver(message(1), after(2)) is None
    assert read(machine.deliver(message(2), after(2)))["id"] == 2
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (1, 2)


def test_mail_that_comes_during_a_replay() -> None:
    """A message that comes while the guest replays waits until it looks again."""
    machine = create()
    machine.request(receive(1, "a"), after(1))
    machine.request(step(2), after(1))
    again = rebuild(decode(machine.take_chunk()))
    assert again.deliver(message(1, "a"), after(2)) is None
    assert not again.listening
    assert again.request(receive(1, "a"), after(2)) == b"{}"
    assert not again.live
    assert again.request(step(2), after(2)) is None
    assert effects(again) == [2]
    again.arrived(2, False, b"2", [], after(3))
    assert read(again.request(wait(), after(4)))["ok"]["name"] == "a"


def test_nothing_is_received_behind_the_end() -> None:
    """An ended execution listens no more."""
    machine = create()
    machine.request(receive(1), after(1))
    machine.finished(b'{"ok":1}', after(2))
    assert not machine.listening
    assert machine.deliver(message(1), after(3)) is None
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == ()


def test_receivers_count_as_effects() -> None:
    """One receiver too many is refused like any effect."""
    machine = create(effects_in_flight_max=2)
    for effect in (1, 2, 3):
        assert machine.request(receive(effect), after(1)) == b"{}"
    response = read(machine.request(wait(), after(1)))
    assert response["id"] == 3
    assert "2 effects are under way" in response["error"]["message"]


def conversation() -> Script:
    """Receive by name, any, with a timeout that passes, and with one that does not."""
    yield receive(1, "b")
    yield receive(2)
    first = yield wait()
    second = yield wait()
    yield receive(3, "c", "d")
    now = (yield ask(op="clock"))["now"]
    assert "id" not in (yield wait(now + 5_000_000))
    yield drop(3)
    yield receive(4, "d", "c")
    third = yield wait(now + 60_000_000)
    yield log()
    yield receive(5)
    fourth = yield wait()
    return {"ok": [one["ok"] for one in (first, second, third, fourth)]}


CONVERSATION = Story(
    conversation,
    letters=(
        Letter(1, "a", 1),
        Letter(1, "b", 2, "two"),
        Letter(8, "x", 3),
        Letter(9, "c", 4),
    ),
)


def test_conversation() -> None:
    """A conversation is the same after a crash anywhere, and each message is received once."""
    life = check(CONVERSATION)
    assert sorted(life.received) == [1, 2, 3, 4]
    assert life.end is not None
    told = json.loads(life.end.payload)
    assert [one["name"] for one in told] == ["a", "b", "c", "x"], "in the order of arrival"
    assert life.kinds.count("Observed") == 4


def test_a_timeout_loses_nothing() -> None:
    """A message that comes when its receiver has been given up goes to the next one."""

    def guest() -> Script:
        yield receive(1, "a")
        now = (yield ask(op="clock"))["now"]
        yield wait(now + 1_000_000)
        yield drop(1)
        yield receive(2, "a")
        return {"ok": (yield wait())["ok"]["payload"]}

    for letter in (4, 5, 6):
        life = check(Story(guest, letters=(Letter(letter, "a", 7),)))
        assert life.received == [1]
        assert life.end is not None
        assert life.end.payload == b"7"


@pytest.mark.parametrize("start", [False, True])
def test_send(start: bool) -> None:
    """Sending is an effect: performed once its entry is durable, and again after a crash."""

    def guest() -> Script:
        first = yield send(1, start=start)
        if start:
            first = yield wait()
        second = yield send(2, start=start, payload="x")
        if start:
            second = yield wait()
        return {"ok": [first["ok"], second["error"]["type"]]}

    life = check(Story(guest, outcomes={1: None}, errors={2: {"type": "ExecutionEnded"}}))
    assert life.performed == {1: 1, 2: 1}
    if start:
        labels = [entry.label for entry in life.entries if isinstance(entry, Started)]
        assert labels == ["send confirm to order-2"] * 2


def test_large_messages_are_refused() -> None:
    """A message above the limit of a value is not sent."""
    machine = create(value_bytes_max=1_000)
    response = read(machine.request(send(1, payload="x" * 1_000), after(1)))
    assert response["error"]["type"] == "ValueTooLarge"
    assert effects(machine) == []


def test_a_deadline_while_messages_wait() -> None:
    """A timer that is due comes before messages, as before all that came."""
    machine = create()
    machine.request(receive(1), after(1))
    machine.request(sleep(2, 1, start=True), after(1))
    machine.deliver(message(1), after(1))
    assert read(machine.request(wait(), after(3)))["id"] == 2
    assert read(machine.request(wait(), after(3)))["id"] == 1


def test_a_life_without_mail_stands_still() -> None:
    """A guest that waits for a message nobody sends has nothing that could wake it."""

    def guest() -> Script:
        yield receive(1)
        yield wait()
        return {"ok": 1}

    with pytest.raises(AssertionError, match="nothing will ever happen"):
        tell(Story(guest))
