"""Random programs under a simulated engine that crashes, evicts, and turns back the clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from flawless.core.entries import Arrived, Called, Failed, Observed
from flawless.core.protocol import decode_request
from flawless.errors import Divergence

from . import requests
from .program import Ask, Finish, Guest, Op, ops
from .simulator import Simulation, Trouble, answer, arrivals, replay_to_end

seeds = st.integers(0, 2**32 - 1)
random_runs = settings(
    max_examples=500,
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
    machine, final, guest = replay_to_end(simulation)
    assert final == simulation.final
    assert guest.asked == simulation.guest.asked
    assert machine.replayed == len(guest.asked)
    assert not machine.take_actions()
    assert not machine.dirty
    assert machine.length == len(entries)
    for entry in entries:
        if isinstance(entry, Called | Observed | Arrived) and not _is_timer(guest, entry.effect):
            interrupted = b"Interrupted" in (entry.payload or b"Interrupted")
            assert interrupted or simulation.performed[entry.effect] >= 1


def _is_timer(guest: Guest, effect: int) -> bool:
    return b'"op":"sleep"' in guest.performable[effect]


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
        if effect in calm.performed and requests.may_repeat(decode_request(raw)):
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
    while isinstance(entries[position], Arrived):
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


def test_ends_are_both_seen() -> None:
    """The random programs end with results and with errors."""
    finals = {type(Simulation([("log", 0)] * n, 1).run().final) for n in (4, 5)}
    assert len(finals) == 2
    assert Failed in finals
