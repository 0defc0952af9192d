"""Starting children, and hearing of their end."""

from __future__ import annotations

import json

import msgspec

from flawless.core.entries import Arrived, Invoked, Observed, Origin, Repeated, Retried, Started
from flawless.core.machine import StartChild

from .requests import after, child, create, decode, drop, log, message, read, rebuild, step, wait
from .stories import Letter, Script, Story, check, retry

ENDED = ":child:1:1"


def test_start() -> None:
    """A child is created in the same commit as the entry that tells of it."""
    machine = create()
    machine.take_chunk()
    assert machine.request(child(1, close="cancel", deadline_s=5), after(1)) == b"{}"
    chunk, actions = machine.take_chunk(), machine.take_actions()
    (entry,) = decode(chunk)
    assert isinstance(entry, Started)
    assert entry.label == "start app.ship as order-1.ship"
    (action,) = actions
    assert isinstance(action, StartChild)
    request = action.request
    assert (request.workflow, request.child, request.close) == (
        "app.ship",
        "order-1.ship",
        "cancel",
    )
    assert request.deadline_s == 5
    assert not machine.in_flight, "nobody performs it"
    assert not machine.listening


def test_a_replay_starts_no_child() -> None:
    """A child whose entry is durable exists: neither a replay nor a crash creates it again."""
    machine = create()
    machine.request(child(1), after(1))
    again = rebuild(decode(machine.take_chunk()))
    again.request(child(1), after(2))
    assert again.request(wait(), after(2)) is None
    assert again.live
    assert again.take_actions() == []


def test_end_while_the_guest_waits() -> None:
    """A child's end is its effect's outcome, and leaves the inbox with the entry."""
    machine = create()
    machine.request(child(1), after(1))
    machine.request(wait(), after(1))
    machine.take_chunk()
    response = read(machine.deliver(message(1, ENDED, {"ok": [7]}), after(2)))
    assert response == {"now": after(2), "id": 1, "ok": [7]}
    chunk = machine.take_chunk()
    assert chunk is not None
    assert chunk.received == (1,)
    (entry,) = decode(chunk)
    assert isinstance(entry, Observed)


def test_end_while_the_guest_is_busy() -> None:
    """An end that comes while the guest does something else is kept like any outcome."""
    machine = create()
    machine.request(child(1), after(1))
    machine.request(step(2), after(1))
    machine.take_chunk()
    error = {"type": "ExecutionFailed"}
    assert machine.deliver(message(1, ENDED, {"error": error}), after(2)) is None
    chunk = machine.take_chunk()
    (entry,) = decode(chunk)
    assert isinstance(entry, Arrived)
    assert (entry.effect, entry.failed, json.loads(entry.payload)) == (1, True, error)
    assert chunk is not None
    assert chunk.received == (1,)
    machine.arrived(2, False, b"2", [], after(3))
    assert read(machine.request(wait(), after(3)))["error"] == error


def test_end_during_a_replay() -> None:
    """An end that comes while the guest replays is recorded when it is live."""
    machine = create()
    machine.request(child(1), after(1))
    machine.request(log(), after(1))
    again = rebuild(decode(machine.take_chunk()))
    assert again.deliver(message(1, ENDED, {"ok": 1}), after(2)) is None
    again.request(child(1), after(2))
    again.request(log(), after(2))
    assert again.take_chunk() is None
    assert read(again.request(wait(), after(3)))["ok"] == 1
    chunk = again.take_chunk()
    assert [type(entry) for entry in decode(chunk)] == [Arrived, Observed]
    assert chunk is not None
    assert chunk.received == (1,)


def test_end_of_a_child_given_up() -> None:
    """Nobody looks at the end of a child that was dropped; it only leaves the inbox."""
    for replayed in (False, True):
        machine = create()
        machine.request(child(1), after(1))
        machine.request(drop(1), after(1))
        entries = decode(machine.take_chunk())
        assert len(machine.take_actions()) == 1, "the child exists all the same"
        if replayed:
            machine = rebuild(entries)
            machine.deliver(message(1, ENDED, {"ok": 1}), after(2))
            machine.request(child(1), after(2))
            machine.request(drop(1), after(2))
            machine.request(log(), after(2))
        else:
            assert machine.deliver(message(1, ENDED, {"ok": 1}), after(2)) is None
            assert machine.dirty
        chunk = machine.take_chunk()
        assert chunk is not None
        assert chunk.received == (1,)
        assert chunk.count == int(replayed)


def test_end_of_an_earlier_run_s_child() -> None:
    """What a child of an earlier run reports is nothing to this run's effects."""
    machine = create(run=2)
    machine.request(child(1), after(1))
    machine.request(wait(), after(1))
    machine.take_chunk()
    assert machine.deliver(message(1, ENDED, {"ok": "old"}), after(2)) is None
    chunk = machine.take_chunk()
    assert chunk is not None
    assert (chunk.received, chunk.count) == ((1,), 0)
    assert read(machine.deliver(message(2, ":child:2:1", {"ok": "new"}), after(3)))["ok"] == "new"


def test_too_deep() -> None:
    """A child of too many ancestors is refused, as a completion, and never created."""

    def guest() -> Script:
        yield child(1)
        return {"ok": (yield wait())["error"]["message"]}

    life = check(Story(guest, settings={"depth": 5, "child_depth_max": 5}))
    assert life.end is not None
    assert b"5 ancestors" in life.end.payload
    assert life.children == {}
    assert life.kinds == ["Started", "Arrived", "Observed", "Completed"]
    allowed = create(depth=4, child_depth_max=5)
    allowed.request(child(1), after(1))
    assert len(allowed.take_actions()) == 1


def test_unfit() -> None:
    """A workflow that is not there, and a deadline that cannot be, are errors of the start."""
    for workflows, request, text in (
        (["app.pack"], child(1), "'app.ship' is no workflow of this deployment"),
        (None, child(1, deadline_s=1e300), "cannot have a deadline of 1e+300 s"),
        (None, child(1, deadline_s=-1), "cannot have a deadline of -1 s"),
    ):
        machine = rebuild([create().invoked], workflows=workflows)
        assert machine.request(request, after(1)) == b"{}"
        assert machine.take_actions() == []
        response = read(machine.request(wait(), after(1)))
        assert text in response["error"]["message"]
    allowed = rebuild([create().invoked], workflows=["app.ship"])
    allowed.request(child(1), after(1))
    assert len(allowed.take_actions()) == 1


def test_unfit_after_a_retry() -> None:
    """A retry of a start that was refused is held to the same: it is refused again."""
    machine = rebuild([create().invoked], workflows=["app.pack"])
    machine.request(child(1), after(1))
    machine.request(wait(), after(1))
    machine.failed(b'{"type":"UsageError","traceback":""}', after(2))
    entries = [machine.invoked, *decode(machine.take_chunk())]
    retried = Retried(entries[-1].at, 1, entries.index(entries[-2]), "ann")
    again = rebuild([*entries, retried], workflows=["app.pack"])
    assert again.request(child(1), after(3)) == b"{}"
    response = read(again.request(wait(), after(3)))
    assert "'app.ship' is no workflow of this deployment" in response["error"]["message"]
    assert again.take_actions() == []
    allowed = rebuild([*entries, retried], workflows=["app.ship"])
    allowed.request(child(1), after(3))
    assert allowed.request(wait(), after(3)) is None
    assert len(allowed.take_actions()) == 1


def family() -> Script:
    """Start two children, do a step, and hear of both."""
    yield child(1, "one")
    yield child(2, "two", close="abandon")
    yield step(3)
    first = yield wait()
    second = yield wait()
    return {"ok": sorted([first["id"], second["id"]])}


def test_family() -> None:
    """Children are created once and their ends seen once, whenever the process dies."""
    for one, two in ((2, 2), (3, 4), (4, 4), (4, 5)):
        letters = (
            Letter(one, ENDED, {"ok": 1}),
            Letter(two, ":child:1:2", {"error": {"type": "ExecutionFailed"}}),
        )
        life = check(Story(family, {3: 3}, letters=letters))
        assert life.children == {1: 1, 2: 1}
        assert sorted(life.received) == [1, 2]


def test_retry_of_a_child_that_was_refused() -> None:
    """A retried child is asked for again: that it has its id already is for the store to see."""

    def guest() -> Script:
        yield child(1)
        told = yield wait()
        if "error" in told:
            return {"error": {"type": "ExecutionConflict", "traceback": ""}}
        return {"ok": told["ok"]}

    refused = check(Story(guest, letters=(Letter(2, ENDED, {"error": {"type": "E"}}),)))
    story = Story(guest, letters=(Letter(2, ENDED, {"error": 1}), Letter(2, ENDED, {"ok": 1})))
    base = retry(refused)
    base.story = story
    life = check(story, base)
    assert life.children == {1: 2}
    assert life.kinds.count("Repeated") == 1
    assert life.end is not None
    assert life.end.payload == b"1"


def test_a_fork_starts_the_child_as_its_own_once() -> None:
    """A child that only the origin has started is started again, and that is recorded."""
    machine = create()
    machine.request(child(1), after(1))
    shared = decode(machine.take_chunk())
    origin = Origin("order-1", len(shared), after(9) - after(0), "order-1")
    assert isinstance(shared[0], Invoked)
    entries = [msgspec.structs.replace(shared[0], origin=origin), *shared[1:]]
    fork = rebuild(entries, execution="fork")
    fork.request(child(1), after(10))
    assert fork.request(wait(), after(10)) is None
    (action,) = fork.take_actions()
    assert isinstance(action, StartChild)
    assert action.request.child == "fork.ship"
    more = decode(fork.take_chunk())
    assert more == [Repeated(after(10) - after(0), 1)]
    again = rebuild([*entries, *more], execution="fork")
    again.request(child(1), after(11))
    assert again.request(wait(), after(11)) is None
    assert again.take_actions() == []
    response = read(again.deliver(message(1, ENDED, {"ok": 7}), after(12)))
    assert response == {"now": after(12), "id": 1, "ok": 7}
