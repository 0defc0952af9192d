"""Random programs under a simulated engine that crashes, evicts, and turns back the clock."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flawless.core.entries import (
    ASIDES,
    Arrived,
    Called,
    Cancelled,
    CancelObserved,
    Completed,
    Continued,
    Failed,
    Observed,
    Parked,
)
from flawless.core.history import history
from flawless.core.protocol import decode_request
from flawless.errors import Divergence
from sharing import examples

from . import requests
from .forks import fork
from .program import Ask, Finish, Guest, Op, ops
from .simulator import Simulation, Trouble, answer, arrivals, replay_to_end

seeds = st.integers(0, 2**32 - 1)
random_runs = settings(
    max_examples=examples(500, 80),
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def outcomes(simulation: Simulation) -> list[bytes]:
    """Return all recorded errors."""
    return [
        entry.payload or b""
        for entry in simulation.entries
        if isinstance(entry, Called | Observed | Arrived) and entry.failed
    ]


def check_end(simulation: Simulation) -> None:
    """Check a finished execution: its journal replays to the same end, and does nothing."""
    entries = simulation.entries
    assert simulation.final is not None
    assert entries[-1] == simulation.final
    assert all(one.at <= other.at for one, other in pairwise(entries)), "time ran backwards"
    guest = simulation.guest
    if not simulation.stopped:
        machine, final, guest = replay_to_end(simulation)
        assert final == simulation.final
        assert guest.asked == simulation.guest.asked
        assert machine.replayed == len(guest.asked)
        assert not machine.take_actions()
        assert not machine.dirty
        assert machine.length == len(entries)
    for entry in entries:
        if isinstance(entry, Called | Observed | Arrived):
            if not _is_performed(simulation, entry.effect):
                continue
            interrupted = b"Interrupted" in (entry.payload or b"Interrupted")
            assert interrupted or simulation.performed[entry.effect] >= 1
    assert sum(isinstance(entry, CancelObserved) for entry in entries) <= 1
    check_messages(simulation)
    if not simulation.stopped:
        state = guest.published[-1:]
        assert simulation.state == (b"%d" % state[0] if state else None)
        response = guest.responded[:1]
        assert simulation.response == (b"%d" % response[0] if response else None)


def check_messages(simulation: Simulation) -> None:
    """Check that the guest saw each message at most once, in order for each name, and lost none."""
    seen: dict[str, list[int]] = defaultdict(list)
    for entry in simulation.entries:
        if isinstance(entry, Observed) and entry.payload is not None:
            raw = simulation.performable[entry.effect]
            if b'"op":"receive"' in raw and not entry.failed:
                told = json.loads(entry.payload)
                names = json.loads(raw)["names"]
                assert not names or told["name"] in names
                seen[told["name"]].append(told["payload"])
    for name, numbers in seen.items():
        assert numbers == sorted(set(numbers)), "out of order, or twice"
        assert all(simulation.sent[number] == name for number in numbers)
    known = {number for numbers in seen.values() for number in numbers}
    left = set(simulation.inbox) & set(simulation.sent)
    assert not known & left
    assert known | left == set(simulation.sent), "a message was lost"


def _is_performed(simulation: Simulation, effect: int) -> bool:
    kind = json.loads(simulation.performable[effect])["op"]
    return kind in ("step", "http", "send", "cancel")


@random_runs
@given(ops, seeds)
def test_undisturbed(program: list[Op], seed: int) -> None:
    """Without crashes every effect happens exactly once, and its journal replays."""
    simulation = Simulation(program, seed, Trouble(clock_jump=0.05)).run()
    check_end(simulation)
    assert set(simulation.performed.values()) <= {1}
    assert not any(b"Interrupted" in error for error in outcomes(simulation))


@random_runs
@given(ops, seeds, st.sampled_from([0.02, 0.1, 0.3]))
def test_crashes(program: list[Op], seed: int, crash: float) -> None:
    """Whenever the process dies, the guest sees again what it saw, and the journal replays."""
    simulation = Simulation(program, seed, Trouble(crash, 0.1, 0.05)).run()
    check_end(simulation)
    event(f"crashes: {min(simulation.crashes, 5)}")
    event(f"arrivals: {min(arrivals(simulation.entries), 3)}")
    event(f"parked: {any(isinstance(entry, Parked) for entry in simulation.entries)}")
    event(f"messages: {min(len(simulation.sent) - len(simulation.inbox), 3)}")


@random_runs
@given(ops, seeds, st.sampled_from([0.01, 0.1]), st.sampled_from([0.0, 0.1]))
def test_cancelled_at_any_moment(program: list[Op], seed: int, cancel: float, crash: float) -> None:
    """Cancelled, terminated or out of time, an execution keeps all the other promises."""
    simulation = Simulation(program, seed, Trouble(crash, 0.1, 0.05, cancel)).run()
    check_end(simulation)
    told = any(isinstance(entry, CancelObserved) for entry in simulation.entries)
    assert told or simulation.stopped or not isinstance(simulation.final, Cancelled)
    event(f"told: {told}, stopped: {simulation.stopped}, {type(simulation.final).__name__}")


@random_runs
@given(ops, seeds, st.sampled_from([0.05, 0.2]))
def test_crashes_change_nothing(program: list[Op], seed: int, crash: float) -> None:
    """With crashes the result and the guest's requests are those of the undisturbed run."""
    calm = Simulation(program, seed, pure=True).run()
    shaken = Simulation(program, seed, Trouble(crash, 0.05, 0.05), pure=True).run()
    check_end(shaken)
    assert _requests(shaken) == _requests(calm)
    assert shaken.final is not None
    assert calm.final is not None
    assert shaken.final.payload == calm.final.payload
    for effect, raw in shaken.guest.performable.items():
        request: Any = decode_request(raw)
        if effect in calm.performed and requests.may_repeat(request):
            assert shaken.performed[effect] >= 1 or _dropped(shaken, effect)


@random_runs
@given(ops, seeds, st.sampled_from([0.2, 0.5]))
def test_evictions_change_nothing(program: list[Op], seed: int, evict: float) -> None:
    """Evicted and replayed, with outcomes coming meanwhile, every effect still happens once."""
    calm = Simulation(program, seed, pure=True).run()
    evicted = Simulation(program, seed, Trouble(evict=evict), pure=True).run()
    check_end(evicted)
    event(f"evictions: {min(evicted.evictions, 5)}")
    assert _requests(evicted) == _requests(calm)
    assert evicted.final is not None
    assert calm.final is not None
    assert evicted.final.payload == calm.final.payload
    assert set(evicted.performed.values()) <= {1}
    assert not any(b"Interrupted" in error for error in outcomes(evicted))


@random_runs
@given(ops, seeds, st.sampled_from([0.0, 0.1]), st.data())
def test_retries(program: list[Op], seed: int, crash: float, data: st.DataObject) -> None:
    """Failed and retried from any effect, an execution keeps its promises, as often as one likes.

    Without children: whether one that exists already tells its end again is for the store.
    """
    program = [op for op in program if op[0] != "start child"]
    program += [("log", 0)] * (-len(program) % 5)  # this many end with an error
    simulation = Simulation(program, seed, Trouble(crash, 0.1, 0.05)).run()
    for _ in range(data.draw(st.integers(1, 3))):
        check_end(simulation)
        assert isinstance(simulation.final, Failed)
        past = history(simulation.entries).entries
        seen = sorted({entry.effect for entry in past if isinstance(entry, Called | Observed)})
        if not seen:
            return
        simulation.go_on(data.draw(st.sampled_from(seen)))
        simulation.run()
    check_end(simulation)


@settings(random_runs, max_examples=examples(200, 40))
@given(ops, seeds, st.sampled_from([0.0, 0.05]), st.sampled_from([0.0, 0.1]), st.data())
def test_forks(
    program: list[Op], seed: int, cancel: float, crash: float, data: st.DataObject
) -> None:
    """A fork, or a fork of one, at any place keeps all promises, in a world that knows nothing."""
    one = Simulation(program, seed, Trouble(crash, 0.1, 0.05, cancel)).run()
    for _ in range(data.draw(st.integers(1, 2))):
        entries = one.entries
        at = data.draw(st.integers(1, len(entries) - 1))
        one = fork(one, at, seed + at, Trouble(crash, 0.1, 0.05, cancel)).run()
        assert one.entries[1:at] == entries[1:at]
        check_end(one)


@random_runs
@given(ops, seeds, st.data())
def test_changed_programs_diverge(program: list[Op], seed: int, data: st.DataObject) -> None:
    """A program with one operation more stops where the journal tells otherwise, by source line."""
    simulation = Simulation(program, seed, Trouble(0.05, 0.1)).run()
    entries = simulation.entries
    place = data.draw(st.integers(0, len(program)))
    changed = [*program[:place], ("log", 99), *program[place:]]
    machine = requests.rebuild(entries)
    guest = Guest(changed, began_us=machine.invoked.began_us)
    positions = _positions(simulation)
    response = None
    while response != b'{"where":true}':
        turn = guest.turn(response)
        assert not isinstance(turn, Finish), "nobody noticed"
        response = answer(machine, turn, 0)
    frames = [{"file": "outer.py", "line": 1}, {"file": "app.py", "line": 7, "text": " log(99)"}]
    with pytest.raises(Divergence) as caught:
        machine.request(requests.ask(op="where", frames=frames), 0)
    position = positions[len(guest.asked) - 1]
    while isinstance(entries[position], ASIDES):
        position += 1
    assert caught.value.position == position
    assert caught.value.requested.startswith("a log message '99 ")
    assert caught.value.where == "app.py:7 (log(99))"
    assert caught.value.recorded in str(caught.value)
    with pytest.raises(Divergence):
        machine.finished(b'{"ok":1}', 0)


def _positions(simulation: Simulation) -> list[int]:
    """Return where in the journal the unchanged guest stood before each of its requests."""
    machine = requests.rebuild(simulation.entries)
    guest = Guest(simulation.program, began_us=machine.invoked.began_us)
    positions: list[int] = []
    response = None
    while True:
        turn = guest.turn(response)
        if len(guest.asked) > len(positions):
            positions.append(machine._replay.cursor.position)
        if isinstance(turn, Finish):
            return positions
        response = answer(machine, turn, 0)


def _requests(simulation: Simulation) -> list[bytes]:
    asked = [turn for turn, _ in simulation.guest.asked]
    return [turn.raw for turn in asked if isinstance(turn, Ask)]


def _dropped(simulation: Simulation, effect: int) -> bool:
    return requests.drop(effect) in _requests(simulation)


def test_all_ends_are_seen() -> None:
    """The random programs end with results, with errors, and to go on in another run."""
    finals = {type(Simulation([("log", 0)] * n, 1).run().final) for n in (4, 5, 6)}
    assert finals == {Completed, Failed, Continued}
