"""Effects that a person has to decide about."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flawless.core.entries import Called, Entered, Entry, Parked, Repeated, Resolved, Started
from flawless.core.interruption import WhenInterrupted
from flawless.core.machine import Machine
from flawless.core.waiting import ForEffect

from .requests import (
    after,
    create,
    decode,
    drop,
    effects,
    message,
    park,
    read,
    rebuild,
    step,
    wait,
)
from .stories import Script, Story, check

ASK = "app.pay.ask"


def kinds(entries: list[Entry]) -> list[type[Entry]]:
    """Return what stands behind entry 0."""
    return [type(entry) for entry in entries[1:]]


def decision(number: int, effect: int = 1, **fields: Any) -> Any:
    """Return a person's decision as it comes from the inbox."""
    return message(number, ":resolve", {"effect": effect, "by": "ann", **fields})


def crashed(start: bool) -> tuple[list[Entry], list[bytes]]:
    """Return the journal of a process that died while it performed an effect, and the requests."""
    machine = create()
    asked = [step(1, ASK, start=start)]
    machine.request(asked[0], after(1))
    if start:
        asked.append(wait())
        machine.request(asked[1], after(1))
    assert effects(machine) == [1]
    return decode(machine.take_chunk()), asked


def parked(start: bool) -> tuple[Machine, list[Entry], list[bytes]]:
    """Return the machine of the process that came after the crash, its journal, the requests."""
    entries, asked = crashed(start)
    machine = rebuild(entries)
    assert [machine.request(raw, after(2)) for raw in asked][-1] is None
    assert set(machine.parked) == {1}
    assert effects(machine) == []
    entries += decode(machine.take_chunk())
    assert entries[-1] == Parked(2_000_000, 1, "step app.pay.ask")
    return machine, entries, asked


def answered(entries: list[Entry], asked: list[bytes]) -> Any:
    """Return what a replay answers to the last request; the clock plays no part."""
    machine = rebuild(entries)
    response = [machine.request(raw, after(0)) for raw in asked][-1]
    assert not machine.live
    assert not machine.dirty
    return read(response)


DECISIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"value": [7]}, {"ok": [7]}),
    ({}, {"ok": None}),
    ({"failed": True, "value": {"type": "StepFailed"}}, {"error": {"type": "StepFailed"}}),
]


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(("fields", "outcome"), DECISIONS)
def test_decision(start: bool, fields: dict[str, Any], outcome: dict[str, Any]) -> None:
    """A person's word is the outcome of a parked effect: live, replayed, and after a crash."""
    machine, entries, asked = parked(start)
    response = read(machine.deliver(decision(1, **fields), after(3)))
    expected = {"now": after(3), **({"id": 1} if start else {}), **outcome}
    assert response == expected
    assert not machine.parked
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (1,)
    entries += decode(chunk)
    assert isinstance(entries[-2], Resolved)
    assert entries[-2].by == "ann"
    assert answered(entries, asked) == expected
    # A crash between the two entries cannot happen: they are one chunk. The outcome is there:
    again = rebuild(entries[:-1])
    response = read([again.request(raw, after(9)) for raw in asked][-1])
    assert response == {**expected, "now": after(9)}
    assert effects(again) == []


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(("fields", "outcome"), DECISIONS)
def test_decision_while_replaying(
    start: bool, fields: dict[str, Any], outcome: dict[str, Any]
) -> None:
    """A decision that comes while the guest replays is recorded behind what is there."""
    _, entries, asked = parked(start)
    machine = rebuild(entries)
    assert machine.deliver(decision(1, **fields), after(3)) is None
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (1,)
    resolved = [*entries, *decode(chunk)]
    assert isinstance(resolved[-1], Resolved)
    for one in (machine, rebuild(resolved)):
        response = read([one.request(raw, after(4)) for raw in asked][-1])
        assert response == {"now": after(4), **({"id": 1} if start else {}), **outcome}
        assert not one.parked
        assert effects(one) == []


@pytest.mark.parametrize("start", [False, True])
def test_retry(start: bool) -> None:
    """Told to do it again, the engine does; if it dies then, it asks again."""
    machine, entries, asked = parked(start)
    assert machine.deliver(decision(1, retry=True), after(3)) is None
    assert not machine.parked
    assert effects(machine) == [1]
    retried = [*entries, *decode(machine.take_chunk())]
    assert [type(entry) for entry in retried[len(entries) :]] == (
        [Resolved] if start else [Resolved, Entered]
    )
    assert read(machine.arrived(1, False, b"7", [], after(5)))["ok"] == 7
    assert answered([*retried, *decode(machine.take_chunk())], asked)["ok"] == 7

    again = rebuild(retried)
    assert [again.request(raw, after(6)) for raw in asked][-1] is None
    assert set(again.parked) == {1}
    assert effects(again) == []
    assert [type(entry) for entry in decode(again.take_chunk())] == [Parked]
    assert read(again.deliver(decision(2, value=8), after(7)))["ok"] == 8


@pytest.mark.parametrize("start", [False, True])
def test_retry_while_replaying(start: bool) -> None:
    """A retry decided while the guest replays is carried out when it is live, and once."""
    _, entries, asked = parked(start)
    machine = rebuild(entries)
    assert machine.deliver(decision(1, retry=True), after(3)) is None
    assert effects(machine) == []
    assert [machine.request(raw, after(4)) for raw in asked][-1] is None
    assert not machine.parked
    assert effects(machine) == [1]
    entries += decode(machine.take_chunk())
    assert read(machine.arrived(1, False, b"7", [], after(5)))["ok"] == 7
    again = rebuild(entries)
    assert [again.request(raw, after(6)) for raw in asked][-1] is None
    assert effects(again) == []
    assert set(again.parked) == {1}, "it may have happened: ask again"


def test_a_parked_effect_stays_parked() -> None:
    """Processes come and go; the question is recorded once."""
    for start in (False, True):
        _, entries, asked = parked(start)
        for _ in range(2):
            again = rebuild(entries)
            assert [again.request(raw, after(9)) for raw in asked][-1] is None
            assert set(again.parked) == {1}
            assert not again.dirty
            assert effects(again) == []


@pytest.mark.parametrize("start", [False, True])
def test_a_decision_about_nothing(start: bool) -> None:
    """A decision about an effect that is not parked is taken out of the inbox, and that is all."""
    machine, entries, asked = parked(start)
    for one in (machine, rebuild(entries)):
        assert one.deliver(decision(1, effect=2, value=7), after(3)) is None
        chunk = one.take_chunk()
        assert chunk is not None
        assert (chunk.count, chunk.received) == (0, (1,))
    assert set(machine.parked) == {1}
    assert machine.deliver(decision(2, value=7), after(4)) is not None
    machine.take_chunk()
    assert machine.deliver(decision(3, value=8), after(4)) is None, "somebody decided first"
    chunk = machine.take_chunk()
    assert chunk is not None
    assert (chunk.count, chunk.received) == (0, (3,))

    twice = rebuild(entries)
    for number in (1, 2):
        twice.deliver(decision(number, value=number), after(3))
    assert [type(entry) for entry in decode(twice.take_chunk())] == [Resolved]
    assert read([twice.request(raw, after(4)) for raw in asked][-1])["ok"] == 1


def test_a_parked_effect_that_is_given_up() -> None:
    """Dropped by the guest, it needs no decision any more: live and replayed."""
    machine = create()
    machine.request(step(1, ASK, start=True), after(1))
    machine.request(step(2, "app.other"), after(1))
    entries = decode(machine.take_chunk())
    machine = rebuild(entries)
    machine.request(step(1, ASK, start=True), after(2))
    machine.request(step(2, "app.other"), after(2))
    assert set(machine.parked) == {1}
    machine.arrived(2, False, b"2", [], after(3))
    machine.request(drop(1), after(4))
    assert not machine.parked
    entries += decode(machine.take_chunk())
    again = rebuild(entries)
    assert again.deliver(decision(1, value=7), after(5)) is None
    chunk = again.take_chunk()
    assert chunk is not None
    assert (chunk.count, chunk.received) == (0, (1,))
    for raw in (step(1, ASK, start=True), step(2, "app.other"), drop(1)):
        again.request(raw, after(5))
    assert not again.parked


def test_decided_while_the_guest_is_busy() -> None:
    """The outcome of a started effect is there when the guest looks."""
    machine = create()
    asked = [step(1, ASK, start=True), step(2, "app.other")]
    for raw in asked:
        machine.request(raw, after(1))
    machine = rebuild(decode(machine.take_chunk()))
    for raw in asked:
        machine.request(raw, after(2))
    assert machine.deliver(decision(1, value=7), after(3)) is None
    machine.arrived(2, False, b"2", [], after(4))
    assert read(machine.request(wait(), after(5))) == {"now": after(5), "id": 1, "ok": 7}


def test_what_parks_no_longer() -> None:
    """A step that was told meanwhile that it may be repeated is, and nobody has to decide."""
    for start in (False, True):
        entries, asked = parked(start)[1:]
        machine = rebuild(entries)
        machine._frontier._when_interrupted = lambda _: WhenInterrupted.REPEAT
        machine._waits._when_interrupted = lambda _: WhenInterrupted.REPEAT
        assert [machine.request(raw, after(3)) for raw in asked][-1] is None
        assert not machine.parked
        assert effects(machine) == [1]


# --- the guest asks -------------------------------------------------------------------------------


def test_park() -> None:
    """A guest may ask for a decision itself; then a retry is an answer, too."""
    for fields, outcome in (
        ({"value": 7}, {"ok": {"ok": 7}}),
        ({"retry": True}, {"ok": {"retry": True}}),
        ({"failed": True, "value": {"type": "E"}}, {"error": {"type": "E"}}),
    ):
        machine = create()
        assert machine.request(park(1), after(1)) is None
        assert isinstance(machine.waiting, ForEffect)
        assert machine.wake_us is None
        assert set(machine.parked) == {1}
        assert effects(machine) == []
        entries = decode(machine.take_chunk())
        assert entries[1:] == [Parked(1_000_000, 1, "undo app.refund", True)]
        assert read(machine.deliver(decision(1, **fields), after(2))) == {
            "now": after(2),
            **outcome,
        }
        entries += decode(machine.take_chunk())
        assert kinds(entries) == [Parked, Resolved, Called]
        assert answered(entries, [park(1)]) == {"now": after(2), **outcome}


def unlucky() -> Script:
    """An effect, then a person who wants it again twice, then is content."""
    yield step(1)
    tries = 0
    while True:
        tries += 1
        told = yield park(1 + tries)
        if told.get("ok") != {"retry": True}:
            break
    return {"ok": [tries, told.get("ok"), told.get("error")]}


def test_park_until_content() -> None:
    """Each question is asked and answered once, whenever the process dies."""
    decisions: dict[int, list[dict[str, Any]]] = {
        2: [{"retry": True}],
        3: [{"retry": True}],
        4: [{"value": "fine"}],
    }
    life = check(Story(unlucky, {1: 1}, decisions=decisions))
    assert life.end is not None
    assert json.loads(life.end.payload) == [3, {"ok": "fine"}, None]
    assert life.kinds.count("Parked") == 3
    assert life.received == [1, 2, 3]


def test_interrupted_at_every_place() -> None:
    """Effects that ask are performed once for each time that somebody said so."""

    def guest() -> Script:
        yield step(1, ASK, start=True)
        first = yield step(2, ASK)
        second = yield wait()
        return {"ok": [first["ok"], second["ok"]]}

    decisions: dict[int, list[dict[str, Any]]] = {
        1: [{"retry": True}, {"value": 1}],
        2: [{"retry": True}, {"value": 2}],
    }
    life = check(Story(guest, {1: 1, 2: 2}, decisions=decisions))
    assert life.performed == {1: 1, 2: 1}
    assert not any(isinstance(entry, Parked | Repeated) for entry in life.entries)
    assert sum(isinstance(entry, Started | Entered) for entry in life.entries) == 2
