"""Messages between executions and the world: each is received once, in order, or refused."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
import talk_programs as programs
from lives import gate, marks, open_gate, until
from talking import (
    FORMS,
    MOSTLY_ASYNC,
    MOSTLY_PLAIN,
    STORES,
    SkippingClock,
    engine_on,
    life_on,
    no_guests,
    waits,
)

import flawless
from flawless.engine.service import Service


@pytest.fixture(scope="module")
def clock() -> SkippingClock:
    """A clock that can skip days."""
    return SkippingClock()


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, clock: SkippingClock
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("messages"), request.param, clock=clock) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"talk_programs.{name}{form}", *args)


def send_all(engine: flawless.Engine, to: str, count: int, first: int = 0) -> None:
    """Send many messages at once, in order."""

    async def work(service: Service) -> None:
        control = service.control
        await asyncio.gather(
            *(control.send(to, "word", str(n).encode()) for n in range(first, first + count))
        )

    engine.call(work)


@pytest.mark.parametrize("form", FORMS)
def test_sent_while_it_waits(engine: flawless.Engine, form: str) -> None:
    """Messages come in the order in which they were sent."""
    run = start(engine, "hears", form, 3)
    waits(run)
    for word in ("one", "two", "three"):
        assert run.send("word", word)
    assert run.result(30) == ["one", "two", "three"]


@pytest.mark.parametrize("form", FORMS)
def test_sent_before_it_waits(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """A message is kept while the workflow does something else."""
    gate(tmp_path, "busy")
    run = start(engine, "works_then_hears", form, str(tmp_path), "busy")
    run.send("word", 1)
    until(lambda: "begin busy" in marks(tmp_path), "the step")
    run.send("word", 2)
    run.send("word", 3)  # nobody receives it
    open_gate(tmp_path, "busy")
    assert run.result(30) == [1, 2]


@pytest.mark.parametrize("form", FORMS)
def test_names_are_received_apart(engine: flawless.Engine, form: str) -> None:
    """What is not asked for stays until it is, in order within its name."""
    run = start(engine, "hears_in_order", form, ["b", "a", "a", "b"])
    for name, value in (("a", 1), ("a", 2), ("b", 3), ("b", 4)):
        run.send(name, value)
    assert run.result(30) == [3, 1, 2, 4]


@pytest.mark.parametrize("form", FORMS)
def test_typed(engine: flawless.Engine, form: str) -> None:
    """A dataclass arrives as one, by the name of its class or by any other."""
    run = start(engine, "hears_typed", form)
    run.send(programs.Confirm("ann", 7))
    run.send("plain", {"by": "bob"})
    assert run.result(30) == "ann 7 bob"


@pytest.mark.parametrize("form", FORMS)
def test_declared(engine: flawless.Engine, form: str) -> None:
    """What the decorator declares is how payloads are decoded, and what senders are held to."""
    run = start(engine, "hears_declared", form)
    with pytest.raises(flawless.InputInvalid, match=r"'confirm' does not fit .*payload"):
        run.send("confirm", {"whose": "ann"})
    with pytest.raises(flawless.InputInvalid, match=r"amounts.*\[1\]") as refused:
        run.send("amounts", [1, "two"])
    assert refused.value.path == "payload[1]"
    run.send("amounts", [1, 2])
    run.send("confirm", {"by": "ann"})
    assert run.result(30) == ["ann", [1, 2]]


@pytest.mark.parametrize("form", FORMS)
def test_of_any_name(engine: flawless.Engine, form: str) -> None:
    """`messages()` gives name, payload and id."""
    run = start(engine, "hears_any", form, 3)
    run.send("a", 1)
    run.send("b", None, id="m-1")
    run.send(programs.Confirm("ann"))
    heard = run.result(30)
    assert heard[:2] == [["a", 1, None], ["b", None, "m-1"]]
    assert heard[2][0] == "Confirm"


@pytest.mark.parametrize("form", FORMS)
def test_timeouts(engine: flawless.Engine, clock: SkippingClock, form: str) -> None:
    """After the timeout there is None; a message in time ends the wait."""
    assert start(engine, "hears_within", form, 0.01).result(30) is None
    late = start(engine, "hears_within", form, 3600.0)
    early = start(engine, "hears_within", form, 3600.0)
    waits(late)
    waits(early)
    early.send("word", "in time")
    assert early.result(30) == "in time"
    clock.skip(3601)
    assert late.result(30) is None


def test_without_waiting(engine: flawless.Engine, tmp_path: Path) -> None:
    """A timeout of 0 takes what is there."""
    assert engine.start(programs.hears_within, 0.0).result(30) is None


@pytest.mark.parametrize("form", FORMS)
def test_iterating_ends_with_the_timeout(engine: flawless.Engine, form: str) -> None:
    """`messages(timeout=)` ends when nothing has come for so long."""
    run = start(engine, "collects", form, 0.5)
    send_all(engine, run.id, 20)
    assert run.result(30) == list(range(20))


@pytest.mark.parametrize("form", FORMS)
def test_ids(engine: flawless.Engine, form: str) -> None:
    """A message with an id that was sent before is not sent again, received or not."""
    run = start(engine, "hears", form, 2)
    assert run.send("word", 1, id="m")
    assert not run.send("word", 1, id="m")
    waits(run)
    assert not run.send("word", "another", id="m")
    assert run.send("word", 2)
    assert run.result(30) == [1, 2]
    assert not run.send("word", 3, id="m")  # it was delivered: no error, and nothing happens
    with pytest.raises(flawless.ExecutionEnded):
        run.send("word", 3, id="n")


@pytest.mark.parametrize("form", FORMS)
def test_asleep_for_days(engine: flawless.Engine, clock: SkippingClock, form: str) -> None:
    """A message to a sleeper is kept and does not wake it."""
    run = start(engine, "sleeps_then_hears", form, 3)
    waits(run)
    run.send("word", "good morning")
    assert run.status == "waiting"
    clock.skip(86_400)
    assert run.status == "waiting"
    clock.skip(2 * 86_400)
    assert run.result(30) == "good morning"


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_evicted(tmp_path: Path, form: str) -> None:
    """A message finds an execution whose guest is gone, and one that the store alone knows."""
    with engine_on(tmp_path) as engine:
        run = start(engine, "hears", form, 3)
        for word in ("one", "two", "three"):
            waits(run)
            no_guests(engine)
            run.send("word", word)
            if word != "three":
                until(lambda: run.status == "waiting", "it waits again")
        assert run.result(30) == ["one", "two", "three"]
        assert engine.health()["in_memory"] == 0


@pytest.mark.parametrize("form", FORMS)
def test_a_receive_given_up_takes_nothing(engine: flawless.Engine, form: str) -> None:
    """A message belongs to whoever looks at it, not to a wait that was given up."""
    run = start(engine, "changes_its_mind", form)
    until(lambda: run.state() == "listens again", "the second receive")
    run.send("word", "kept")
    assert run.result(30) == [None, "kept"]


@pytest.mark.sweep
@pytest.mark.parametrize("form", FORMS)
def test_ten_thousand_wait(tmp_path: Path, form: str) -> None:
    """So many are kept and received in order; one more is refused until some were received."""
    most = 10_000
    gate(tmp_path, "busy")
    with engine_on(tmp_path, "memory") as engine:
        run = start(engine, "works_then_hears", form, str(tmp_path), "busy")
        send_all(engine, run.id, most)
        with pytest.raises(flawless.InboxFull, match=r"10,000.*send again when it has received"):
            run.send("word", "too many")
        told = start(engine, "tells", form, run.id, "word", 1).result(30)
        assert told.startswith("InboxFull: ")
        open_gate(tmp_path, "busy")
        assert run.result(30) == [0, 1]
        many = start(engine, "hears", form, most)
        send_all(engine, many.id, most)
        assert many.result(60) == list(range(most))


def test_small_inboxes(tmp_path: Path) -> None:
    """The bounds of an inbox are settings; messages that were received make room."""
    limits = flawless.Limits(inbox_messages_max=2, inbox_bytes_max=1000)
    with engine_on(tmp_path, limits=limits) as engine:
        run = engine.start(programs.hears_in_order, ["go", "word", "word", "word"])
        run.send("word", 1)
        run.send("word", 2)
        with pytest.raises(flawless.InboxFull):
            run.send("word", 3)
        with pytest.raises(flawless.InboxFull):
            run.send("go", None)
        other = engine.start(programs.hears, 1)
        with pytest.raises(flawless.InboxFull):
            other.send("word", "x" * 1001)
        other.send("word", "x" * 900)
        assert len(other.result(30)[0]) == 900
        run.cancel("no room for go")
        with pytest.raises(flawless.ExecutionCancelled):
            run.result(30)


def test_addressees_that_are_not_there(engine: flawless.Engine) -> None:
    """Unknown and ended executions are told apart, and the text says where to look."""
    with pytest.raises(flawless.ExecutionNotFound, match="flawless list"):
        flawless.Execution(engine, "nobody").send("word", 1)
    run = engine.start(programs.hears, 0)
    run.result(30)
    with pytest.raises(flawless.ExecutionEnded, match=f"flawless show {run.id}") as ended:
        run.send("word", 1)
    assert ended.value.status == "completed"


def test_messages_that_are_refused(engine: flawless.Engine) -> None:
    """Names, ids and payloads that cannot be sent are told to the sender."""
    run = engine.start(programs.hears, 1)
    for name, match in (
        ("", "1 to 200 printable"),
        ("x" * 201, "1 to 200 printable"),
        ("a\nb", "printable"),
        (":cancel", "the engine's own"),
    ):
        with pytest.raises(flawless.InputInvalid, match=match):
            run.send(name, 1)
    for message_id in ("", "x" * 201, "\ud800"):
        with pytest.raises(flawless.InputInvalid, match="1 to 200 printable characters"):
            run.send("word", 1, id=message_id)
    for no_message in (programs.Confirm, None, 3, [1], {"by": "ann"}):
        with pytest.raises(flawless.InputInvalid, match=r"send\(Confirm\(\.\.\.\)\)"):
            run.send(no_message)
    with pytest.raises(flawless.InputInvalid, match="lone surrogate"):
        run.send("word", "\ud800")
    with pytest.raises(flawless.InputInvalid, match="lone surrogate"):
        run.cancel("\ud800")
    with pytest.raises(flawless.InputInvalid, match="payload"):
        run.send("word", object())
    with pytest.raises(flawless.InputInvalid, match=r"does not fit what talk_programs\.hears"):
        run.send("Confirm", {"by": 3})
    with pytest.raises(flawless.ValueTooLarge, match="pass a reference"):
        run.send("word", "x" * 5_000_000)
    run.send("word", 1)
    assert run.result(30) == [1]


@pytest.mark.parametrize("form", FORMS)
def test_from_workflow_to_workflow(engine: flawless.Engine, form: str) -> None:
    """Messages and their refusals, as from outside."""
    hears = engine.start(programs.hears, 1)
    assert start(engine, "tells", form, hears.id, "word", {"a": [1]}).result(30) == "sent"
    assert hears.result(30) == [{"a": [1]}]
    told = start(engine, "tells", form, hears.id, "word", 1).result(30)
    assert told.startswith("ExecutionEnded: ")
    told = start(engine, "tells", form, "nobody", "word", 1).result(30)
    assert told.startswith("ExecutionNotFound: ")
    typed = engine.start(programs.hears_declared)
    told = start(engine, "tells", form, typed.id, "confirm", 1).result(30)
    assert told.startswith("InputInvalid: ")
    assert start(engine, "tells", form, typed.id, "amounts", [1]).result(30) == "sent"
    typed.send("confirm", {"by": "x"})
    assert typed.result(30) == ["x", [1]]
    objects = engine.start(programs.hears_typed)
    engine.start(programs.tells_object, objects.id).result(30)
    assert objects.result(30) == "ann 3 bob"


@pytest.mark.parametrize("form", FORMS)
def test_to_and_fro(engine: flawless.Engine, form: str) -> None:
    """Two workflows play; each ball is hit once."""
    one, two = f"left{form}-{id(engine)}", f"right{form}-{id(engine)}"
    left = engine.start(f"talk_programs.plays{form}", two, 10, False, id=one)
    right = engine.start(f"talk_programs.plays{form}", one, 10, True, id=two)
    assert left.result(30) == list(range(0, 20, 2))
    assert right.result(30) == list(range(1, 20, 2))


@pytest.mark.parametrize("form", FORMS)
def test_to_oneself(engine: flawless.Engine, form: str) -> None:
    """A workflow may send to itself."""
    me = f"self{form}-{id(engine)}"
    run = engine.start(f"talk_programs.plays{form}", me, 4, True, id=me)
    assert run.result(30) == [0, 1, 2, 3]


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_a_crowd(tmp_path: Path, form: str) -> None:
    """With three guests for many executions, and evictions all the time, nothing is lost."""
    with engine_on(tmp_path, guests_max=3) as engine:
        runs = [start(engine, "hears", form, 4) for _ in range(20)]
        for n in range(4):
            for run in runs:
                run.send("word", n)
        for run in runs:
            assert run.result(60) == [0, 1, 2, 3]


@pytest.mark.sweep
def test_many_wait_over_a_restart(tmp_path: Path) -> None:
    """Thousands of messages in the inbox of an execution that is loaded from the store."""
    with engine_on(tmp_path) as engine:
        engine.start(programs.hears_in_order, ["go", *["word"] * 3000], id="a")
        send_all(engine, "a", 3000)
    with engine_on(tmp_path) as engine:
        run = engine.get("a")
        run.send("go", None)
        assert run.result(60) == [None, *range(3000)]


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_killed_between_messages(tmp_path: Path, form: str) -> None:
    """After `kill -9` no message is lost, none is received twice, and none is sent twice."""
    folder = str(tmp_path)
    with life_on(tmp_path) as life:
        life.ask("start", f"talk_programs.hears_and_marks{form}", "ears", folder, 6)
        life.ask("send", "ears", "word", 0)
        until(lambda: "heard 0" in marks(tmp_path), "the first word")
        life.ask("send", "ears", "word", 1, "m-1")
        life.kill()
    with life_on(tmp_path, evict_after_s=0.0) as life:
        assert life.ask("send", "ears", "word", 1, "m-1") is False
        until(lambda: "heard 1" in marks(tmp_path), "the second word")
        life.ask("send", "ears", "word", 2)
        life.ask("start", "talk_programs.tells_many", "mouth", "ears", 3)
        life.kill()
    with engine_on(tmp_path) as engine:
        assert engine.get("mouth").result(30) == 3
        assert engine.get("ears").result(30) == [0, 1, 2, 0, 1, 2]
    heard = [line for line in marks(tmp_path) if "heard" in line]
    # A kill may fall between a step and the record of it: then that step runs again.
    assert [line for line, _ in groupby(heard)] == [f"heard {n}" for n in (0, 1, 2, 0, 1, 2)]
    assert len(heard) <= 6 + 2


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_a_sender_killed_sends_each_once(tmp_path: Path, form: str) -> None:
    """A workflow that is killed while it sends goes on with the message it had come to."""
    count = 60
    with life_on(tmp_path) as life:
        life.ask("start", f"talk_programs.hears{form}", "ears", count)
        life.ask("start", f"talk_programs.tells_many{form}", "mouth", "ears", count)
        life.kill()
    with life_on(tmp_path) as life:
        life.ask("health")
        life.kill()
    with engine_on(tmp_path) as engine:
        assert engine.get("mouth").result(30) == count
        assert engine.get("ears").result(30) == list(range(count))


def test_an_engine_that_stops_keeps_messages(tmp_path: Path) -> None:
    """What was sent before the engine was closed is received with the next one."""
    with engine_on(tmp_path) as engine:
        run = engine.start(programs.hears, 2, id="ears")
        run.send("word", "before", id="m")
        until(lambda: run.journal()[-1] and run.status == "waiting", "it waits")
    with engine_on(tmp_path) as engine:
        again = engine.get("ears")
        assert not again.send("word", "before", id="m")
        again.send("word", "after")
        assert again.result(30) == ["before", "after"]
        assert again.replay().end is not None


@pytest.mark.parametrize(
    ("what", "kind", "part"),
    [
        ("receive nothing", "UsageError", 'write receive("confirm"), or receive(Confirm)'),
        ("receive opaque", "CodecError", "make it a dataclass, or receive it by its name alone"),
        ("receive colon", "UsageError", "does not begin with a colon"),
        ("receive negative", "ValueError", "-1"),
        ("receive huge", "ValueError", "100 years"),
        ("sleep negative", "ValueError", "-1"),
        ("sleep huge", "ValueError", "100 years"),
        ("sleep nan", "ValueError", "nan"),
        ("start huge", "ValueError", "100 years"),
        ("send colon", "UsageError", "does not begin with a colon"),
        ("send list", "UsageError", 'write send(id, "confirm", payload)'),
        ("respond twice", "UsageError", "publish(...) what changes later"),
        ("gather call", "UsageError", "write step.start(...) instead of step(...)"),
        ("gather list", "UsageError", "write gather(*futures)"),
        ("select nothing", "UsageError", "give it one future or more"),
        ("future as argument", "CodecError", ".result()"),
        ("publish much", "ValueTooLarge", "pass a reference"),
    ],
)
def test_misuse_inside_a_workflow(engine: flawless.Engine, what: str, kind: str, part: str) -> None:
    """Each mistake is refused where it is made, with what to do instead."""
    told = engine.start(programs.misuses, what).result(30)
    assert told.startswith(f"{kind}: ")
    assert part in told


def test_a_future_as_result(engine: flawless.Engine) -> None:
    """A future belongs to its execution and cannot be returned from it."""
    with pytest.raises(flawless.ExecutionFailed, match=r"\.result\(\)"):
        engine.start(programs.returns_a_future).result(30)
