"""The state machine of one execution, event by event."""

from __future__ import annotations

import pytest

from flawless.core.entries import (
    Arrived,
    Attempt,
    Called,
    Completed,
    Dropped,
    Elapsed,
    Entered,
    Failed,
    Invoked,
    Logged,
    Observed,
    Started,
)
from flawless.core.machine import Cancel
from flawless.core.waiting import ForEffect, ForNext
from flawless.errors import Divergence, GuestTrapped

from .requests import (
    BEGAN_US,
    SEED,
    after,
    ask,
    create,
    decode,
    drop,
    effects,
    http,
    log,
    read,
    rebuild,
    sleep,
    step,
    wait,
)

# --- the first entry ------------------------------------------------------------------------------


def test_create() -> None:
    """A new execution has entry 0 to be made durable, and nothing to do."""
    machine = create()
    assert machine.length == 1
    assert machine.dirty
    assert not machine.live
    assert machine.now_us == BEGAN_US
    (first,) = decode(machine.take_chunk())
    assert first == machine.invoked
    assert isinstance(first, Invoked)
    assert (first.workflow, first.seed, first.began_us) == ("app.checkout", SEED, BEGAN_US)
    assert machine.take_chunk() is None
    assert not machine.dirty
    assert machine.take_actions() == []


def test_chunks_follow_each_other() -> None:
    """Each chunk begins where the one before it ended."""
    machine = create()
    machine.request(log("a"), after(1))
    first = machine.take_chunk()
    machine.request(log("b"), after(2))
    machine.request(log("c"), after(3))
    second = machine.take_chunk()
    assert first is not None
    assert second is not None
    assert (first.first_seq, first.count) == (0, 2)
    assert (second.first_seq, second.count) == (2, 2)
    assert [entry.at for entry in decode(second)] == [2_000_000, 3_000_000]
    assert machine.length == 4


# --- effects the guest waits for ------------------------------------------------------------------


def test_step() -> None:
    """A step is performed after what came before it is durable, and answered with its outcome."""
    machine = create()
    assert machine.request(step(1), after(1)) is None
    assert isinstance(machine.waiting, ForEffect)
    assert machine.wake_us is None
    assert effects(machine) == [1]
    assert set(machine.in_flight) == {1}
    assert len(decode(machine.take_chunk())) == 1, "a step that may be repeated costs one entry"
    attempts = [Attempt(5, "OSError", "down")]
    response = machine.arrived(1, False, b'"ref"', attempts, after(2))
    assert read(response) == {"now": after(2), "ok": "ref"}
    assert machine.waiting is None
    assert not machine.in_flight
    (entry,) = decode(machine.take_chunk())
    assert isinstance(entry, Called)
    assert (entry.label, entry.payload, entry.attempts) == ("step app.charge", b'"ref"', attempts)


def test_failed_step() -> None:
    """An error reaches the guest as an error."""
    machine = create()
    machine.request(step(1), after(1))
    response = machine.arrived(1, True, b'{"type":"ValueError"}', [], after(2))
    assert read(response) == {"now": after(2), "error": {"type": "ValueError"}}


@pytest.mark.parametrize("raw", [step(1, "app.pay.once"), http(1, "POST")])
def test_interrupted_call(raw: bytes) -> None:
    """An effect that must not be repeated is announced first, and interrupted after a crash."""
    machine = create()
    assert machine.request(raw, after(1)) is None
    entries = decode(machine.take_chunk())
    assert isinstance(entries[1], Entered)
    machine = rebuild(entries)
    response = read(machine.request(raw, after(9)))
    assert response["error"]["type"] == "Interrupted"
    assert response["error"]["module"] == "flawless"
    assert "at most once" in response["error"]["message"]
    assert effects(machine) == []
    again = rebuild([*entries, *decode(machine.take_chunk())])
    assert read(again.request(raw, after(99))) == response
    assert not again.dirty


def test_call_interrupted_by_nothing() -> None:
    """The entry before an effect is no harm when the outcome was recorded."""
    machine = create()
    machine.request(http(1, "POST"), after(1))
    response = machine.arrived(1, False, b"{}", [], after(2))
    again = rebuild(decode(machine.take_chunk()))
    assert again.request(http(1, "POST"), after(5)) == response
    assert again.request(step(2), after(6)) is None
    assert effects(again) == [2]


def test_idempotent_post_is_sent_again() -> None:
    """A request that says so may be repeated."""
    machine = create()
    raw = http(1, "POST", idempotent=True)
    machine.request(raw, after(1))
    machine = rebuild(decode(machine.take_chunk()))
    assert machine.request(raw, after(2)) is None
    assert effects(machine) == [1]


@pytest.mark.parametrize("raw", [step(1), step(1, "app.pay.once"), http(1, "POST")])
def test_evicted_call(raw: bytes) -> None:
    """An effect of an evicted guest goes on; the replayed guest waits for it, or finds it."""
    machine = create()
    machine.request(raw, after(1))
    entries = decode(machine.take_chunk())

    waiting = rebuild(entries, in_flight={1})
    assert waiting.request(raw, after(2)) is None
    assert effects(waiting) == []
    assert read(waiting.arrived(1, False, b"7", [], after(3)))["ok"] == 7

    found = rebuild(entries, in_flight={1})
    assert found.arrived(1, False, b"7", [], after(3)) is None
    arrived = decode(found.take_chunk())
    assert arrived == [Arrived(3_000_000, 1, False, b"7")]
    assert read(found.request(raw, after(4))) == {"now": after(4), "ok": 7}
    assert effects(found) == []

    crashed = rebuild([*entries, *arrived])
    assert read(crashed.request(raw, after(5))) == {"now": after(5), "ok": 7}
    again = rebuild([*entries, *arrived, *decode(crashed.take_chunk())])
    assert read(again.request(raw, after(99))) == {"now": after(5), "ok": 7}


# --- started effects ------------------------------------------------------------------------------


def test_completions_come_in_order_of_arrival() -> None:
    """What arrived first is observed first; the journal keeps the order."""
    machine = create()
    for effect in (1, 2, 3):
        assert machine.request(step(effect, start=True), after(1)) == b"{}"
    assert effects(machine) == [1, 2, 3]
    assert machine.arrived(3, False, b"3", [], after(2)) is None
    assert machine.arrived(1, True, b"1", [], after(3)) is None
    assert read(machine.request(wait(), after(4))) == {"now": after(4), "id": 3, "ok": 3}
    assert read(machine.request(wait(), after(5))) == {"now": after(5), "id": 1, "error": 1}
    assert machine.request(wait(), after(6)) is None
    assert isinstance(machine.waiting, ForNext)
    response = machine.arrived(2, False, b"2", [], after(7))
    assert read(response) == {"now": after(7), "id": 2, "ok": 2}
    kinds = [type(entry) for entry in decode(machine.take_chunk())][1:]
    assert kinds == [Started, Started, Started, Arrived, Arrived, Observed, Observed, Observed]


def test_arrival_order_survives_a_crash() -> None:
    """Outcomes nobody looked at keep their order across a crash."""
    machine = create()
    for effect in (1, 2):
        machine.request(step(effect, start=True), after(1))
    machine.arrived(2, False, b"2", [], after(2))
    machine.arrived(1, False, b"1", [], after(3))
    again = rebuild(decode(machine.take_chunk()))
    for effect in (1, 2):
        again.request(step(effect, start=True), after(9))
    assert [read(again.request(wait(), after(9)))["id"] for _ in range(2)] == [2, 1]
    assert effects(again) == []


def test_crash_with_started_effects() -> None:
    """Started effects without outcome are performed again, or interrupted, each by its kind."""
    machine = create()
    raws = [step(1, start=True), http(2, "POST", start=True), sleep(3, 60, start=True)]
    raws += [http(4, start=True)]
    for raw in raws:
        machine.request(raw, after(1))
    machine.arrived(4, False, b"4", [], after(2))
    again = rebuild(decode(machine.take_chunk()))
    for raw in raws:
        assert again.request(raw, after(3)) == b"{}"
    assert not again.live
    response = read(again.request(wait(), after(3)))
    assert again.live
    assert response["id"] == 4
    assert effects(again) == [1]
    response = read(again.request(wait(), after(4)))
    assert response["id"] == 2
    assert response["error"]["type"] == "Interrupted"
    assert again.request(wait(), after(5)) is None
    assert again.wake_us == after(61)


def test_timers() -> None:
    """A timer that is due comes before outcomes, and the guest never sees it early."""
    machine = create()
    machine.request(sleep(1, 5, start=True), after(1))
    machine.request(sleep(2, 3, start=True), after(1))
    assert machine.request(wait(), after(2)) is None
    assert machine.wake_us == after(4)
    assert machine.woke(after(3.9)) is None
    assert read(machine.woke(after(4.5))) == {"now": after(4.5), "id": 2, "ok": None}
    assert machine.request(wait(after(5)), after(4.6)) is None
    assert machine.wake_us == after(5)
    assert read(machine.woke(after(5.5))) == {"now": after(5.5)}
    assert read(machine.request(wait(), after(7))) == {"now": after(7), "id": 1, "ok": None}
    with pytest.raises(GuestTrapped, match="can never happen"):
        machine.request(wait(), after(8))


def test_poll_never_waits() -> None:
    """A poll answers at once, also when the clock went back behind the beginning."""
    machine = create()
    machine.request(step(1, start=True), after(1))
    assert read(machine.request(wait(poll=True), after(-100))) == {"now": after(1)}
    machine.arrived(1, False, b"1", [], after(2))
    assert read(machine.request(wait(poll=True), after(3)))["id"] == 1
    kinds = [type(entry) for entry in decode(machine.take_chunk())][2:]
    assert kinds == [Elapsed, Arrived, Observed]


def test_drop() -> None:
    """A dropped effect is cancelled, and its outcome goes nowhere, also after a crash."""
    machine = create()
    raws = [step(1, start=True), step(2, start=True), drop(1)]
    for raw in raws[:2]:
        machine.request(raw, after(1))
    assert effects(machine) == [1, 2]
    assert machine.request(drop(1), after(2)) == b"{}"
    assert machine.take_actions() == [Cancel(1)]
    assert machine.arrived(1, False, b"1", [], after(3)) is None
    entries = decode(machine.take_chunk())
    assert type(entries[-1]) is Dropped
    again = rebuild(entries)
    for raw in raws:
        assert again.request(raw, after(4)) == b"{}"
    assert again.request(wait(), after(5)) is None
    assert effects(again) == [2]


def test_drop_before_it_began() -> None:
    """An effect that is dropped before the engine took it is never performed."""
    machine = create()
    machine.request(step(1, start=True), after(1))
    machine.request(step(2, start=True), after(1))
    machine.request(drop(1), after(1))
    assert effects(machine) == [2]
    assert set(machine.in_flight) == {2}


def test_drop_of_an_effect_that_goes_on_after_eviction() -> None:
    """A replayed drop cancels what this process still performs."""
    machine = create()
    for raw in (step(1, start=True), drop(1)):
        machine.request(raw, after(1))
    again = rebuild(decode(machine.take_chunk()), in_flight={1})
    for raw in (step(1, start=True), drop(1)):
        again.request(raw, after(2))
    assert again.take_actions() == [Cancel(1)]


def test_drop_of_nothing() -> None:
    """Dropping what is over, or never was, changes nothing."""
    machine = create()
    assert machine.request(drop(7), after(1)) == b"{}"
    assert machine.take_actions() == []


def test_dropped_timer_does_not_wake() -> None:
    """A timer given up is not waited for."""
    machine = create()
    machine.request(sleep(1, 5, start=True), after(1))
    machine.request(step(2, start=True), after(1))
    machine.request(drop(1), after(1))
    assert machine.request(wait(), after(2)) is None
    assert machine.wake_us is None
    assert machine.woke(after(99)) is None


def test_effect_ids_rise() -> None:
    """An id belongs to one effect, before and after a replay."""
    machine = create()
    machine.request(step(2, start=True), after(1))
    entries = decode(machine.take_chunk())
    for raw in (step(2), step(1), sleep(2, 1), http(1, start=True)):
        again = rebuild(entries)
        again.request(step(2, start=True), after(2))
        with pytest.raises(GuestTrapped, match="ids must rise"):
            again.request(raw, after(3))


# --- the end --------------------------------------------------------------------------------------


def test_result() -> None:
    """A result is recorded once, and a replay ends with the same entry."""
    machine = create()
    final = machine.finished(b'{"ok":{"total":1}}', after(1))
    assert final == Completed(1_000_000, b'{"total":1}')
    entries = decode(machine.take_chunk())
    again = rebuild(entries)
    assert again.finished(b'{"ok":{"total":1}}', after(9)) == final
    assert not again.dirty
    with pytest.raises(Divergence, match="to end otherwise"):
        rebuild(entries).finished(b'{"ok":2}', after(9))
    with pytest.raises(Divergence, match="to end otherwise"):
        rebuild(entries).finished(b'{"error":{}}', after(9))


def test_error() -> None:
    """A workflow that raises ends as failed."""
    machine = create()
    assert machine.finished(b'{"error":{"type":"E"}}', after(1)) == Failed(
        1_000_000, b'{"type":"E"}'
    )


@pytest.mark.parametrize(
    "output",
    [b"", b"null", b"{}", b"[1]", b'{"ok":1,"error":2}', b"\xff", b'{"ok":' + b"[" * 99_999],
)
def test_unreadable_end(output: bytes) -> None:
    """A guest that ends with nonsense is stopped, and the failure can be recorded."""
    machine = create()
    with pytest.raises(GuestTrapped, match="the guest ended with"):
        machine.finished(output, after(1))
    assert machine.failed(b"{}", after(1)) == Failed(1_000_000, b"{}")


def test_the_end_cancels_what_is_under_way() -> None:
    """No outcome is recorded behind the end; what runs is stopped, nothing more begins."""
    machine = create()
    machine.request(step(1, start=True), after(1))
    assert effects(machine) == [1]
    machine.request(step(2, start=True), after(1))
    machine.finished(b'{"ok":1}', after(2))
    assert machine.take_actions() == [Cancel(1)]
    assert not machine.in_flight
    assert machine.arrived(1, False, b"1", [], after(3)) is None
    assert type(decode(machine.take_chunk())[-1]) is Completed


def test_stopped_while_waiting() -> None:
    """An execution stopped from outside waits for nothing any more."""
    machine = create()
    machine.request(step(1), after(1))
    assert effects(machine) == [1]
    assert machine.failed(b'{"type":"GuestCpuExceeded"}', after(2)).payload
    assert machine.waiting is None
    assert machine.wake_us is None
    assert machine.take_actions() == [Cancel(1)]


# --- questions for code, logs ---------------------------------------------------------------------


def test_code_is_not_journaled() -> None:
    """Questions for code are answered anywhere in a replay and leave no trace."""
    machine = create()
    load = ask(op="load", name="app.orders")
    source = ask(op="source", name="app.orders")
    for raw in (load, source):
        assert read(machine.request(raw, after(1)))["name"] == "app.orders"
    assert not machine.live
    machine.request(log(), after(1))
    entries = decode(machine.take_chunk())
    assert len(entries) == 2
    again = rebuild(entries)
    assert read(again.request(load, after(1)))["kind"] == "missing"
    assert again.request(log(), after(1)) == b"{}"
    assert again.replayed == 1


def test_long_logs_are_cut() -> None:
    """A huge message is cut and says so."""
    machine = create(log_chars_max=10)
    machine.request(ask(op="log", level=20, logger="l" * 999, message="x" * 1_234), after(1))
    entry = decode(machine.take_chunk())[-1]
    assert isinstance(entry, Logged)
    assert entry.message == "x" * 10 + "... (1,224 more characters)"
    assert len(entry.logger) == 200


def test_unasked_where() -> None:
    """A guest that tells where it stands unasked breaks the protocol."""
    machine = create()
    with pytest.raises(GuestTrapped, match="without being asked"):
        machine.request(ask(op="where"), after(1))
    machine.request(log(), after(1))
    with pytest.raises(GuestTrapped, match="without being asked"):
        rebuild(decode(machine.take_chunk())).request(ask(op="where"), after(1))


# --- cost -----------------------------------------------------------------------------------------


def test_thousands_of_effects_stay_linear() -> None:
    """Ten thousand effects at once work; were anything quadratic, this would take minutes."""
    machine = create(effects_in_flight_max=20_000)
    count = 10_000
    asked = [step(n, start=True) for n in range(1, count + 1)]
    asked += [drop(n) for n in range(1, count + 1, 2)]
    for raw in asked:
        machine.request(raw, after(1))
    assert len(effects(machine)) == count // 2
    for effect in range(count, 0, -2):
        machine.arrived(effect, False, b"1", [], after(2))
    asked += [wait()] * (count // 2)
    seen = [machine.request(raw, after(3)) for raw in asked[-count // 2 :]]
    assert read(seen[0])["id"] == count
    again = rebuild(decode(machine.take_chunk()), effects_in_flight_max=20_000)
    replayed = [again.request(raw, after(9)) for raw in asked]
    assert replayed[-count // 2 :] == seen
    assert not again.dirty
