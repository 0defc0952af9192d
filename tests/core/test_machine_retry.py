"""Going on after a failure."""

from __future__ import annotations

import json

import pytest

from flawless.core.entries import Failed, Repeated, Retried

from .requests import (
    after,
    child,
    create,
    decode,
    effects,
    message,
    read,
    rebuild,
    receive,
    sleep,
    step,
    wait,
)
from .stories import Letter, Life, Script, Story, check, retry, tell

NAMES = ("app.charge", "app.pay.once", "app.pay.ask")


def buys(name: str, *, start: bool) -> Script:
    """Do two steps, the second of which may fail, and a third."""
    yield step(1)
    told = yield step(2, name, start=start)
    if start:
        told = yield wait()
    if "error" in told:
        return {"error": {**told["error"], "traceback": "..."}}
    last = yield step(3)
    return {"ok": [told["ok"], last["ok"]]}


def failed(name: str, *, start: bool) -> Life:
    """Return a life that failed with the second step."""
    life = tell(Story(lambda: buys(name, start=start), {1: 1}, {2: {"type": "StepFailed"}}))
    assert isinstance(life.end, Failed)
    return life


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_retry(name: str, start: bool) -> None:
    """The effect that failed is performed again, and nothing before it."""
    base = retry(failed(name, start=start))
    story = Story(lambda: buys(name, start=start), {1: 1, 2: 2, 3: 3})
    if name == "app.pay.ask":
        story.decisions[2] = [{"value": 2}]
    life = check(story, base, same=name != "app.pay.once")
    assert life.performed == {1: 1, 2: 2, 3: 1}
    assert life.end is not None
    assert json.loads(life.end.payload) == [2, 3]
    at_most_once = name != "app.charge"
    assert life.kinds.count("Repeated") == int(start and at_most_once)
    assert life.kinds.count("Entered") == 2 * int(not start and at_most_once)


@pytest.mark.parametrize("start", [False, True])
def test_at_most_once_for_each_retry(start: bool) -> None:
    """An effect that must not be repeated is, once, after a retry; a crash then interrupts it."""
    base = retry(failed("app.pay.once", start=start))
    asked = [step(1), step(2, "app.pay.once", start=start), *([wait()] if start else [])]
    machine = rebuild(base.entries)
    assert [machine.request(raw, after(10)) for raw in asked][-1] is None
    assert effects(machine) == [2]
    entries = [*base.entries, *decode(machine.take_chunk())]
    if start:
        assert isinstance(entries[-1], Repeated)
    for _ in range(2):
        again = rebuild(entries)
        response = read([again.request(raw, after(20)) for raw in asked][-1])
        assert response["error"]["type"] == "Interrupted"
        assert effects(again) == []
    entries += decode(again.take_chunk())
    entries.append(Failed(entries[-1].at, b'{"type":"Interrupted","traceback":""}'))
    # A second retry is as good as the first.
    point = entries.index(entries[-2])
    entries.append(Retried(entries[-1].at, 2, point, "ann"))
    more = rebuild(entries)
    assert [more.request(raw, after(30)) for raw in asked][-1] is None
    assert effects(more) == [2]


def test_what_was_cancelled_by_the_failure() -> None:
    """Effects that were under way when the execution failed: repeated, or nobody knows."""

    def guest() -> Script:
        yield step(1, start=True)
        yield step(2, "app.pay.once", start=True)
        if "error" in (yield step(3)):
            return {"error": {"type": "StepFailed", "traceback": "..."}}
        ends = sorted([(yield wait()), (yield wait())], key=lambda one: int(one["id"]))
        return {"ok": [ends[0]["ok"], ends[1]["error"]["type"]]}

    base = retry(tell(Story(guest, errors={3: {"type": "StepFailed"}})))
    assert base.commits
    life = check(Story(guest, {1: 1, 3: 3}), base)
    assert life.end is not None
    assert json.loads(life.end.payload) == [1, "Interrupted"]


def test_what_came_once_is_not_lost() -> None:
    """The end of a child and a message, seen after the place of the retry, are seen again."""

    def guest() -> Script:
        yield child(1)
        yield receive(2, "a")
        first = yield step(3)
        ends = sorted([(yield wait()), (yield wait())], key=lambda one: int(one["id"]))
        seen = [one["ok"] for one in ends]
        if "error" in first:
            return {"error": {"type": "StepFailed", "traceback": "...", "seen": seen}}
        return {"ok": seen}

    for when in (2, 4):
        letters = (Letter(when, ":child:1:1", {"ok": 1}), Letter(when, "a", 2))
        life = tell(Story(guest, errors={3: {"type": "StepFailed"}}, letters=letters))
        base = retry(life, 3)
        again = check(Story(guest, {3: 3}, letters=letters), base)
        assert again.end is not None
        assert json.loads(again.end.payload) == [1, {"name": "a", "payload": 2}]
        assert sorted(again.received) == [1, 2]
        assert again.children == {1: 1}


def test_stopped_by_the_engine() -> None:
    """An execution that the engine stopped goes on where it was, and knows all it knew."""
    machine = create()
    machine.request(step(1), after(1))
    machine.arrived(1, False, b"1", [], after(2))
    machine.request(step(2, "app.pay.once"), after(2))
    machine.failed(b'{"type":"GuestMemoryExceeded"}', after(3))
    entries = decode(machine.take_chunk())
    entries.append(Retried(3_000_000, 0, len(entries) - 1, "ann"))
    again = rebuild(entries)
    assert read(again.request(step(1), after(9))) == {"now": after(2), "ok": 1}
    response = read(again.request(step(2, "app.pay.once"), after(9)))
    assert response["error"]["type"] == "Interrupted"


def test_time_goes_on() -> None:
    """The guest is shown the old times again, and then the present: time never runs backwards."""
    base = retry(failed("app.charge", start=False))
    machine = rebuild(base.entries)
    old = read(machine.request(step(1), after(0)))
    assert old["now"] < after(1)
    assert machine.request(step(2), after(0)) is None
    new = read(machine.arrived(2, False, b"2", [], after(0)))
    assert new["now"] >= base.entries[-1].at + after(0)
    (entry,) = decode(machine.take_chunk())
    assert entry.at >= base.entries[-1].at


def test_deadline_begins_anew() -> None:
    """A retried execution has its time again."""
    machine = create(deadline=10_000_000)
    machine.request(step(1), after(1))
    machine.arrived(1, True, b"{}", [], after(2))
    machine.finished(b'{"error":{"traceback":""}}', after(2))
    entries = [*decode(machine.take_chunk()), Retried(50_000_000, 1, 1, "ann")]
    again = rebuild(entries)
    assert again.request(step(1), after(55)) is None
    assert again.wake_us == after(60)


def test_grace_begins_anew() -> None:
    """A retried clean-up has its time again, too."""
    machine = create()
    machine.request(sleep(1, 60), after(1))
    machine.deliver(message(1, ":cancel", {"grace_s": 5}), after(2))
    machine.request(step(2), after(3))
    machine.arrived(2, True, b"{}", [], after(4))
    machine.finished(b'{"error":{"traceback":""}}', after(4))
    entries = decode(machine.take_chunk())
    entries.append(Retried(50_000_000, 2, len(entries) - 2, "ann"))
    again = rebuild(entries)
    assert "cancel" in read(again.request(sleep(1, 60), after(51)))
    assert again.request(step(2), after(51)) is None
    assert again.wake_us == after(55)
    assert again.woke(after(54)) is None
    assert again.end is None


def test_many_retries() -> None:
    """However often it fails, it can go on; each try is one more performance."""
    life = failed("app.pay.once", start=True)
    story = Story(lambda: buys("app.pay.once", start=True), {1: 1}, {2: {"type": "StepFailed"}})
    for tries in range(2, 6):
        life = tell(story, retry(life).commits)
        assert isinstance(life.end, Failed)
        assert life.performed == {1: 1, 2: tries}
    good = Story(lambda: buys("app.pay.once", start=True), {1: 1, 2: 2, 3: 3})
    life = check(good, retry(life), same=False)
    assert life.end is not None
    assert json.loads(life.end.payload) == [2, 3]
