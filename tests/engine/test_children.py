"""Children: started exactly once, waited for, talked to, and left as their policy says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import family_programs as programs
import pytest
from lives import gate, marks, open_gate, until
from talking import FORMS, MOSTLY_ASYNC, MOSTLY_PLAIN, STORES, engine_on, life_on, no_guests, waits

import flawless


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_on(tmp_path_factory.mktemp("children"), request.param) as made:
        yield made


def start(engine: flawless.Engine, name: str, form: str, *args: Any) -> flawless.Execution[Any]:
    """Start a workflow in one of its forms."""
    return engine.start(f"family_programs.{name}{form}", *args)


@pytest.mark.parametrize("form", FORMS)
def test_results(engine: flawless.Engine, form: str) -> None:
    """A child is an execution of its own, with an id made from its parent's."""
    run = start(engine, "asks", form, 3, 4)
    assert run.result(30) == [f"{run.id}.1", f"{run.id}.2", 7, 11]
    first, second = run.children()
    assert [first.id, second.id] == [f"{run.id}.1", f"{run.id}.2"]
    assert first.parent is not None
    assert (first.parent.id, first.parent.run, first.parent.effect) == (run.id, 1, 1)
    assert first.depth == 1
    assert engine.get(first.id).result(0) == 7
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_failures(engine: flawless.Engine, form: str) -> None:
    """A child's failure is an error with fields where the parent waits, and may pass through."""
    run = start(engine, "sees_failure", form)
    assert run.result(30) == [f"{run.id}.1", "ValueError", "broken", "True"]
    with pytest.raises(flawless.ExecutionFailed, match="broken") as failed:
        start(engine, "passes_failure_on", form).result(30)
    assert failed.value.type == "flawless.errors.ExecutionFailed"


@pytest.mark.parametrize("form", FORMS)
def test_talks_to_its_child(engine: flawless.Engine, form: str) -> None:
    """`child.send` sends to it."""
    assert start(engine, "talks", form).result(30) == [1, 2]


@pytest.mark.parametrize("form", FORMS)
def test_cancels_its_child(engine: flawless.Engine, form: str, tmp_path: Path) -> None:
    """`child.cancel` asks it to end; later it says that there is nothing to cancel."""
    run = start(engine, "cancels_child", form, str(tmp_path))
    assert run.result(30) == [True, "enough", False, True]
    assert marks(tmp_path) == ["child cancelled: enough"]
    assert engine.get(f"{run.id}.1").status == "cancelled"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("policy", ["wait", "cancel", "abandon"])
@pytest.mark.parametrize("ending", ["return", "fail", "cancel", "terminate"])
def test_policies(
    engine: flawless.Engine, form: str, policy: str, ending: str, tmp_path: Path
) -> None:
    """Each policy, with each way in which a parent can end."""
    child_id = f"{tmp_path.name}-{id(engine)}"
    how = ending if ending in ("return", "fail") else "wait"
    run = start(engine, "closes", form, str(tmp_path), policy, how, child_id)
    until(lambda: run.state() == "started", "the child")
    child = engine.get(child_id)
    if how == "wait" or policy != "cancel":  # else it is being cancelled already
        waits(child)
    if ending == "cancel":
        run.cancel("stop")
    elif ending == "terminate":
        run.terminate("stop")
    if policy == "cancel":
        with pytest.raises(flawless.ExecutionCancelled, match="its parent ended"):
            child.result(30)
        assert marks(tmp_path) == ["child cancelled: its parent ended"]
    elif policy == "wait" and ending != "terminate":
        with pytest.raises(flawless.ResultTimeout):
            run.result(0.2)
        assert not child.status.final
        child.send("word", 1)
    expected = {"return": "completed", "fail": "failed"}.get(ending, "cancelled")
    until(lambda: run.status.final, "the parent's end")
    assert run.status == expected
    if policy != "cancel":
        if policy == "abandon" or ending == "terminate":
            assert child.status == "waiting"
            child.send("word", 1)
        assert child.result(30) == "ended"
    assert run.replay().end is not None


@pytest.mark.parametrize("form", FORMS)
def test_a_second_cancel_does_not_wait_for_children(
    engine: flawless.Engine, form: str, tmp_path: Path
) -> None:
    """A parent that waits for its child while it is cancelled is ended by the next cancel."""
    child_id = f"{tmp_path.name}-{id(engine)}"
    run = start(engine, "closes", form, str(tmp_path), "wait", "wait", child_id)
    until(lambda: run.state() == "started", "the child")
    run.cancel("first")
    run.cancel("second")
    with pytest.raises(flawless.ExecutionCancelled):
        run.result(30)
    engine.get(child_id).send("word", 1)
    assert engine.get(child_id).result(30) == "ended"


@pytest.mark.parametrize("form", FORMS)
def test_ids_that_are_taken(engine: flawless.Engine, form: str) -> None:
    """A child's id is taken by anybody else's execution, even of the same workflow and input."""
    taken = f"taken{form}-{id(engine)}"
    engine.start(programs.adds, 1, 1, id=taken).result(30)
    told = start(engine, "names_child", form, taken).result(30)
    assert told.startswith("ExecutionConflict: ")
    assert "give the child another id" in told
    free = f"free{form}-{id(engine)}"
    assert start(engine, "names_child", form, free, 5).result(30) == 6
    assert engine.get(free).result(0) == 6


def test_one_id_for_two_children(engine: flawless.Engine) -> None:
    """The second child of the same id is refused, in the same execution too."""
    run = engine.start(programs.names_child_twice, f"double-{id(engine)}")
    assert run.result(30) == [2, "ExecutionConflict"]


def test_an_ancestor_as_child(engine: flawless.Engine) -> None:
    """A cycle is refused: an execution cannot be its own ancestor."""
    me = f"me-{id(engine)}"
    run = engine.start(programs.begets_its_ancestor, [me], id=me)
    assert "cannot be its own ancestor" in run.result(30)
    chain = [f"{name}-{id(engine)}" for name in ("b", "c", "a")]
    run = engine.start(programs.begets_its_ancestor, chain, id=chain[-1])
    assert "cannot be its own ancestor" in run.result(30)


def test_too_deep(tmp_path: Path) -> None:
    """Recursion ends at the bound, with an error in the deepest one."""
    limits = flawless.Limits(child_depth_max=5)
    with engine_on(tmp_path, limits=limits) as engine:
        told = engine.start(programs.descends, 0).result(30)
        assert told.startswith("5: ")
        assert "child_depth_max" in told


@pytest.mark.parametrize(
    ("what", "kind", "part"),
    [
        ("arguments", "InputInvalid", "missing a required argument: 'b'"),
        ("types", "InputInvalid", "a"),
        ("policy", "UsageError", '"wait", "cancel" or "abandon"'),
        ("id", "UsageError", "a text"),
        ("empty id", "InputInvalid", "use letters, digits"),
        ("run id", "InputInvalid", "use letters, digits"),
        ("deadline", "ValueError", "-1"),
        ("child as argument", "CodecError", ".result()"),
        ("continue", "InputInvalid", "missing a required argument: 'what'"),
        ("continue types", "InputInvalid", "what"),
    ],
)
def test_mistakes(engine: flawless.Engine, what: str, kind: str, part: str) -> None:
    """Arguments, ids and policies are checked where the child is started."""
    told = engine.start(programs.misfits, what).result(30)
    assert told.startswith(kind)
    assert told != "accepted"
    assert part in told


@pytest.mark.parametrize("form", FORMS)
def test_a_child_with_several_runs(engine: flawless.Engine, form: str) -> None:
    """A child may continue as new: its parent gets the last result, once."""
    run = start(engine, "has_a_runner", form, 4)
    assert run.result(30) == [f"{run.id}.1", 10]
    child = engine.get(f"{run.id}.1")
    assert child.info().run == 5
    assert child.info().parent is not None
    assert child.info().depth == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "count"), [pytest.param("", 1000, marks=pytest.mark.sweep), ("_async", 100)]
)
def test_fan_out(tmp_path: Path, form: str, count: int) -> None:
    """Fan out to 1,000 children and back."""
    with engine_on(tmp_path, evict_after_s=1.0) as engine:
        run = start(engine, "asks_much", form, count)
        assert run.result(120) == count * (count - 1) // 2
        assert len(run.children()) == count
        assert run.replay().end is not None


@pytest.mark.parametrize("form", MOSTLY_PLAIN)
def test_exactly_once_over_kills(tmp_path: Path, form: str) -> None:
    """Killed again and again while children begin and run: each begins once and ends once."""
    names = [f"n{n}" for n in range(8)]
    for name in names[:3]:
        gate(tmp_path, name)
    with life_on(tmp_path) as life:
        life.ask("start", f"family_programs.gathers_workers{form}", "a", str(tmp_path), names)
        life.kill()
    with life_on(tmp_path, evict_after_s=0.0) as life:
        until(lambda: "begin n0" in marks(tmp_path), "a child")
        life.kill()
    with life_on(tmp_path) as life:
        until(lambda: marks(tmp_path).count("begin n0") == 2, "the child again")
        until(lambda: "end n7" in marks(tmp_path), "the last child")
        life.kill()
    with engine_on(tmp_path) as engine:
        for name in names[:3]:
            open_gate(tmp_path, name)
        assert engine.get("a").result(30) == names
        assert {r.id for r in engine.list(limit=100)} == {"a", *(f"child-{n}" for n in names)}
        for name in names:
            starts = [
                e for e in engine.get(f"child-{name}").journal() if type(e).__name__ == "Invoked"
            ]
            assert len(starts) == 1


@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_an_evicted_parent(tmp_path: Path, form: str) -> None:
    """A parent that leaves memory while its children run hears of their ends."""
    gate(tmp_path, "one")
    gate(tmp_path, "two")
    with engine_on(tmp_path) as engine:
        run = start(engine, "gathers_workers", form, str(tmp_path), ["one", "two"])
        until(lambda: {"begin one", "begin two"} <= set(marks(tmp_path)), "the children")
        no_guests(engine)
        open_gate(tmp_path, "two")
        until(lambda: engine.get("child-two").status == "completed", "the second")
        no_guests(engine)
        open_gate(tmp_path, "one")
        assert run.result(30) == ["one", "two"]


def test_a_child_ends_while_no_engine_runs_its_parent(tmp_path: Path) -> None:
    """A parent that a kill left behind hears of an end that was recorded before it."""
    gate(tmp_path, "one")
    with life_on(tmp_path) as life:
        life.ask("start", "family_programs.gathers_workers", "a", str(tmp_path), ["one"])
        open_gate(tmp_path, "one")
        until(lambda: life.ask("status", "child-one") == "completed", "the child")
        life.kill()
    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(30) == ["one"]
    assert marks(tmp_path) == ["child one", "begin one", "end one"]


def test_a_childs_deadline(engine: flawless.Engine, tmp_path: Path) -> None:
    """A child may have a deadline of its own."""
    assert engine.start(programs.has_a_late_child, str(tmp_path)).result(30) == (
        "its deadline has passed"
    )


@pytest.mark.parametrize("guests_max", [1, 2])
def test_few_guests(tmp_path: Path, guests_max: int) -> None:
    """Parents make room for their children: with one guest at a time all get their turn."""
    limits = flawless.Limits(child_depth_max=8)
    with engine_on(
        tmp_path, "memory", limits=limits, guests_max=guests_max, evict_after_s=60.0
    ) as engine:
        assert engine.start(programs.descends, 0).result(60).startswith("8: ")
        assert engine.start(programs.asks_much, 30).result(60) == 29 * 30 // 2


@pytest.mark.parametrize("policy", ["wait", "cancel", "abandon"])
def test_policies_over_kills(tmp_path: Path, policy: str) -> None:
    """A parent that ends in another life than it began in treats its child the same."""
    with life_on(tmp_path) as life:
        args = (str(tmp_path), policy, "wait", "child")
        life.ask("start", "family_programs.closes", "a", *args)
        until(lambda: life.ask("status", "a") == "waiting", "the parent waits")
        until(lambda: life.ask("status", "child") == "waiting", "the child waits")
        life.kill()
    with life_on(tmp_path) as life:
        life.ask("cancel", "a", "stop")
        if policy == "cancel":
            until(lambda: life.ask("status", "child") == "cancelled", "the child's end")
        elif policy == "abandon":
            until(lambda: life.ask("status", "a") == "cancelled", "the parent's end")
        life.kill()
    with engine_on(tmp_path) as engine:
        run, child = engine.get("a"), engine.get("child")
        if policy == "cancel":
            assert child.status == "cancelled"
        else:
            child.send("word", 1)
            assert child.result(30) == "ended"
        with pytest.raises(flawless.ExecutionCancelled, match="stop"):
            run.result(30)
        assert run.replay().end is not None


def test_of_an_unknown_workflow(engine: flawless.Engine) -> None:
    """What the deployment does not know cannot be a child: an error where it was started."""
    run = engine.start(programs.has_a_workflow_inside)
    assert "is no workflow of this deployment" in run.result(30)
    assert run.children() == []


def test_who_has_heard_of_a_child_is_not_due_for_it(engine: flawless.Engine) -> None:
    """What woke the parent is over when it waits again, also if it never left memory."""
    run = engine.start(programs.has_two_listeners)
    waits(run)
    first, second = (engine.get(child.id) for child in run.children())
    waits(first)
    first.send("word", 1)
    first.result(30)
    until(lambda: run.status == "waiting" and run.info().wake_us is None, "the parent at rest")
    second.send("word", 2)
    assert run.result(30) == [1, 2]
