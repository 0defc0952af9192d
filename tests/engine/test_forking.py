"""Forks: executions that begin with the first entries of another one, and live on their own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import fork_programs as programs
import pytest
from lives import marks, until
from talking import STORES, SkippingClock, waits

import flawless
from flawless.core.entries import Entered, Entry, Failed, Invoked, Origin, Slept
from flawless.core.status import Status
from flawless.engine.settings import Settings
from flawless.errors import DeploymentNotFound, Divergence
from flawless.stores.base import Append, Create, Results, Write
from flawless.stores.memory import MemoryStore

DAY_S = 86_400.0


def engine_in(folder: Path, store: str = "sqlite", **more: Any) -> flawless.Engine:
    """Return an engine for the programs; on SQLite guests are evicted at once."""
    limits = flawless.Limits(cpu_s_per_turn=1.0)
    settings = Settings(evict_after_s=0.0 if store == "sqlite" else 60.0, limits=limits)
    place = folder / "t.db" if store == "sqlite" else ":memory:"
    return flawless.Engine(place, modules=["fork_programs"], settings=settings, **more)


@pytest.fixture(scope="module", params=STORES)
def engine(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[flawless.Engine]:
    """An engine for these tests."""
    with engine_in(tmp_path_factory.mktemp("forks"), request.param) as made:
        yield made


def first(run: flawless.Execution[Any]) -> Invoked:
    """Return entry 0 of a journal."""
    found = run.journal()[0]
    assert isinstance(found, Invoked)
    return found


def place(run: flawless.Execution[Any], kind: type[Entry]) -> int:
    """Return the position of the first entry of a kind."""
    return next(n for n, entry in enumerate(run.journal()) if type(entry) is kind)


def refused(engine: flawless.Engine, execution: str, at: int, **more: Any) -> str:
    """Return why a fork is refused; no execution comes of it."""
    before = len(engine.list(limit=1_000))
    with pytest.raises(flawless.InputInvalid) as caught:
        engine.fork(execution, at=at, **more)
    assert len(engine.list(limit=1_000)) == before
    return str(caught.value)


# --- at every place -------------------------------------------------------------------------------


def test_a_fork_at_every_place(engine: flawless.Engine) -> None:
    """It shares what was done, does the rest as its own, and shows what the workflow has shown."""
    run = engine.start(programs.walks, ["a", "b", "c"], id="walk", attributes={"customer": "7"})
    result = run.result(30)
    journal = run.journal()
    keys = {key for _, _, key in result}
    for at in range(1, len(journal)):
        fork = run.fork(at=at, id=f"walk-{at}")
        names = [name for _, name, _ in fork.result(30)]
        shared = sum(getattr(entry, "label", "").startswith("step") for entry in journal[:at])
        assert names == ["walk"] * shared + [fork.id] * (3 - shared)
        assert {key for _, _, key in fork.result()[shared:]}.isdisjoint(keys)
        assert fork.journal()[1:at] == journal[1:at]
        assert (fork.state(), fork.response(0)) == ("c", "hello")
        assert fork.replay().end is not None
        assert fork.info().attributes == {"customer": "7"}
    assert run.journal() == journal


def test_children_and_messages_are_the_forks_own(engine: flawless.Engine) -> None:
    """Children without a shared end begin anew and hear what they were sent; so does the fork."""
    run = engine.start(programs.minds, id="mind")
    result = run.result(30)
    ended = {"mind.1": 2, "mind.2": 8, "mind.3": 9}
    for at in range(1, len(run.journal())):
        fork = run.fork(at=at, id=f"mind-{at}")
        assert fork.result(30) == result  # ids too: the workflow calls itself as before
        for child in fork.children():
            assert child.parent is not None
            assert (child.parent.id, child.parent.run) == (fork.id, 1)
            assert child.status == Status.COMPLETED
        assert fork.replay().end is not None
        known = {child.id for child in fork.children()}
        assert {f"{fork.id}.1"} & known == ({f"{fork.id}.1"} if at <= 2 else set())
        assert len(known) <= len(ended)
    assert [child.id for child in run.children()] == ["mind.1", "mind.2", "mind.3"]


def test_forks_of_forks_and_of_later_runs(engine: flawless.Engine) -> None:
    """Whatever a guest calls itself, its children are those of the fork it runs in."""
    run = engine.start(programs.minds, 3, id="runs")
    result = run.result(30)
    assert result[0] == "runs.r3.1"
    fork = run.fork(at=4, id="runs-fork")
    assert fork.result(30) == result
    assert [child.id for child in fork.children()] == ["runs-fork.r1.2", "runs-fork.r1.3"]
    again = fork.fork(at=6, id="runs-again")
    assert again.result(30) == result
    assert {child.id for child in again.children()} <= {"runs-again.r1.2", "runs-again.r1.3"}
    origin = first(again).origin
    assert origin is not None
    assert (origin.execution, origin.entries, origin.run) == ("runs-fork", 6, 1)
    assert (origin.name, origin.known_run) == ("runs", 3)
    assert again.info().run == first(again).run == 1
    earlier = engine.fork("runs~1", at=1, id="runs-earlier")
    assert earlier.result(30) == ["runs-earlier.r3.1", 3, "runs-earlier.r3.2", *result[3:]]
    begun = first(engine.get("runs-earlier~1")).origin
    assert begun == Origin("runs", 1, begun.at if begun else 0, "runs", 1, 1)


def test_a_fork_outlives_the_engine(tmp_path: Path) -> None:
    """It is durable when the call returns, and goes on from where it was with the next engine."""
    with engine_in(tmp_path) as engine:
        run = engine.start(programs.hears, id="hear")
        waits(run)
        fork = run.fork(at=len(run.journal()), id="hear-fork")
        waits(fork)
        run.send("word", "for the first")
        assert run.result(30) == ["hear", "for the first"]
    with engine_in(tmp_path) as engine:
        fork = engine.get("hear-fork")
        fork.send("word", "for the fork")
        assert fork.result(30) == ["hear", "for the fork"]
        assert fork.children() == []
        assert engine.fork("hear", at=2, id="hear-2").info().status in ("running", "waiting")


def test_one_commit(tmp_path: Path) -> None:
    """Record, journal, state and children become durable together, or not at all."""
    batches: list[list[Write]] = []

    class Noting(MemoryStore):
        async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
            batches.append(list(writes))
            return await super().commit(writes, inline=inline)

    with flawless.Engine(Noting(), modules=["fork_programs"]) as engine:
        run = engine.start(programs.minds, id="m")
        run.result(30)
        batches.clear()
        run.fork(at=6, id="f").result(30)
    of_fork = [[one for one in batch if getattr(one, "id", "") == "f"] for batch in batches]
    created = next(batch for batch in of_fork if batch)
    assert isinstance(created[0], Create)
    assert created[0].chunk.count + sum(chunk.count for chunk in created[0].more) == 6
    assert isinstance(created[1], Append)
    assert created[1].status == Status.RUNNING
    ids = [one.id for one in next(b for b in batches if created[0] in b) if isinstance(one, Create)]
    assert ids[:2] == ["f", "f.2"]


# --- what was under way ---------------------------------------------------------------------------


def test_what_failed_goes_on_in_a_fork(engine: flawless.Engine, tmp_path: Path) -> None:
    """A fork before the failure does what follows again, and nothing of what was before."""
    run = engine.start(programs.reads, str(tmp_path), id=f"read-{tmp_path.name}")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    (tmp_path / "wanted").write_text("found")
    fork = run.fork(at=len(run.journal()) - 2)
    assert fork.result(30) == "found"
    assert marks(tmp_path) == ["begun"]
    assert run.status == Status.FAILED
    run.retry()
    assert run.result(30) == "found"
    end = place(run, Failed)
    text = refused(engine, run.id, end + 1)
    assert f"fork at {end}, before that end, or at {end + 2}" in text
    assert run.fork(at=end + 2).result(30) == "found"
    assert run.fork(at=end).replay().questions


def test_what_must_not_be_repeated_is_interrupted_or_parks(
    engine: flawless.Engine, tmp_path: Path
) -> None:
    """An effect that was entered and whose outcome is not shared is treated as after a crash."""
    run = engine.start(programs.settles, str(tmp_path), id=f"settle-{tmp_path.name}")
    assert run.result(30) == ["receipt", "receipt"]
    entered = [n for n, entry in enumerate(run.journal()) if isinstance(entry, Entered)]
    parked = run.fork(at=entered[0] + 1)
    waits(parked, "parked")
    assert [one.label for one in parked.parked()] == ["step fork_programs.pays"]
    parked.resolve(ok="decided")
    assert parked.result(30) == ["decided", "receipt"]
    assert run.fork(at=entered[1] + 1).result(30) == ["receipt", "interrupted"]
    assert marks(tmp_path) == ["paid", "charged", "charged"]


def test_times_count_from_the_fork(tmp_path: Path) -> None:
    """A deadline begins anew, so does the time for cleaning up; a sleep that is over is over."""
    clock = SkippingClock()
    with engine_in(tmp_path, "memory", clock=clock) as engine:
        run = engine.start(programs.hurries, id="hurry")
        waits(run)
        clock.skip(DAY_S)
        run.send("word", 1)
        with pytest.raises(flawless.ExecutionCancelled):
            run.result(30)
        fork = run.fork(at=2)
        fork.send("word", 2)
        assert fork.result(30) == 2
        tidied = engine.start(programs.tidies, id="tidy")
        waits(tidied)
        tidied.cancel("enough", grace="1h")
        until(lambda: tidied.state() == "tidying", "tidying")
        clock.skip(DAY_S)
        with pytest.raises(flawless.ExecutionCancelled):
            tidied.result(30)
        cleaning = tidied.fork(at=3)  # it has just been told
        waits(cleaning)
        cleaning.send("tidied")
        with pytest.raises(flawless.ExecutionCancelled, match="enough"):
            cleaning.result(30)
        slept = engine.start(programs.naps, id="nap")
        waits(slept)
        clock.skip(DAY_S)
        assert slept.result(30) == "rested"
        assert slept.fork(at=place(slept, Slept) + 1).result(30) == "rested"


def test_a_fork_of_what_has_not_begun(tmp_path: Path) -> None:
    """It begins when the other one does."""
    clock = SkippingClock()
    with engine_in(tmp_path, "memory", clock=clock) as engine:
        run = engine.start(programs.walks, ["a"], id="later", delay="1d")
        fork = run.fork(at=1, id="later-fork")
        assert fork.info().is_delayed
        clock.skip(2 * DAY_S)
        assert fork.result(30)[0][1] == "later-fork"
        assert run.result(30)[0][1] == "later"


def test_a_fork_can_be_retried_and_begin_again(engine: flawless.Engine, tmp_path: Path) -> None:
    """It is an execution like any other; its next runs call themselves by its own name."""
    run = engine.start(programs.reads, str(tmp_path), id=f"r-{tmp_path.name}")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    fork, other = run.fork(at=2), run.fork(at=2)
    for one in (fork, other):
        with pytest.raises(flawless.ExecutionFailed):
            one.result(30)
    (tmp_path / "wanted").write_text("found")
    fork.retry()
    assert fork.result(30) == "found"
    other.retry(from_start=True)
    assert other.result(30) == "found"
    assert (other.info().run, first(other).origin) == (2, None)


# --- what is refused ------------------------------------------------------------------------------


def test_where_no_fork_can_be_made(engine: flawless.Engine) -> None:
    """The error names the last place there is; nothing is created."""
    run = engine.start(programs.walks, ["a"], id="short")
    run.result(30)
    length = len(run.journal())
    for at in (length, length + 1, 10**9):
        text = refused(engine, "short", at)
        assert f"a fork at {at} is beyond the end" in text
        assert f"so {length - 1} is the last place to fork at" in text
    for at in (0, -1):
        assert f"at 1 or later, not at {at}" in refused(engine, "short", at)
    with pytest.raises(flawless.ExecutionNotFound):
        engine.fork("nobody", at=1)
    with pytest.raises(DeploymentNotFound):
        run.fork(at=1, deployment="0123456789abcdef")
    assert "cannot be an execution id" in refused(engine, "short", 1, id="a b")


def test_an_id_is_one_fork(engine: flawless.Engine) -> None:
    """Asked again it is the same one; the id of anything else is refused."""
    run = engine.start(programs.walks, ["a"], id="once")
    run.result(30)
    fork = run.fork(at=2, id="once-fork")
    fork.result(30)
    assert run.fork(at=2, id="once-fork").id == fork.id
    for at, name in ((3, "once-fork"), (2, "once")):
        with pytest.raises(flawless.ExecutionConflict, match="another fork or as none") as caught:
            run.fork(at=at, id=name)
        assert f"not as that of 'once' at {at} on deployment {run.info().deployment}" in str(
            caught.value
        )
        assert (caught.value.execution, caught.value.workflow) == (name, "fork_programs.walks")
    with pytest.raises(flawless.ExecutionConflict):
        engine.start(programs.walks, ["a"], id="once-fork")
    waiting = [
        engine.submit(lambda service: service.forking.fork("once", 3, "raced")) for _ in range(4)
    ]
    assert sorted(new for _, new in (one.result() for one in waiting)) == [False] * 3 + [True]
    assert engine.get("raced").result(30) == engine.get("raced").result()


# --- on other code --------------------------------------------------------------------------------


def upload(engine: flawless.Engine, *changes: tuple[str, str], serve: bool = False) -> str:
    """Upload the programs with some changes; return the deployment's id."""
    text = Path(programs.__file__).read_text()
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    files = {"fork_programs.py": text}
    made, _ = engine.call(
        lambda service: service.deploying.sources(files, ["fork_programs"], serve=serve)
    )
    return made


MENDED = ('return must_exist(f"{folder}/wanted")', 'return "mended " + stamps("after")[1]')


def test_a_fork_on_mended_code(engine: flawless.Engine, tmp_path: Path) -> None:
    """Code that goes along the shared entries takes over from there; nothing else runs on it."""
    run = engine.start(programs.reads, str(tmp_path), id=f"m-{tmp_path.name}")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    serves = engine.health()["deployment"]
    mended = upload(engine, MENDED)
    assert engine.health()["deployment"] == serves
    assert mended != serves
    fork = run.fork(at=len(run.journal()) - 2, deployment=mended)
    assert fork.result(30) == f"mended {fork.id}"
    assert marks(tmp_path) == ["begun"]
    assert fork.info().deployment == first(fork).deployment == mended
    assert upload(engine, MENDED) == mended
    assert run.fork(at=2, deployment="latest").info().deployment == serves


def test_code_that_does_not_fit(engine: flawless.Engine, tmp_path: Path) -> None:
    """The difference is told, with the line; nothing is created, and nothing done."""
    run = engine.start(programs.reads, str(tmp_path), id=f"d-{tmp_path.name}")
    with pytest.raises(flawless.ExecutionFailed):
        run.result(30)
    before = len(engine.list(limit=1_000))
    other = upload(engine, ('stamps("before")', 'stamps("otherwise")'))
    assert run.fork(at=2, deployment=other).id != run.id
    with pytest.raises(Divergence) as caught:
        run.fork(at=3, deployment=other)
    assert (caught.value.execution, caught.value.position) == (run.id, 2)
    assert "fork_programs.py" in caught.value.where
    raising = upload(engine, ('mark(folder, "begun")', "raise LookupError"))
    with pytest.raises(Divergence, match="asked for to end"):
        run.fork(at=2, deployment=raising)
    without = upload(engine, ("def reads(", "def reads_no_more("))
    text = refused_on(run, without)
    assert f"runs fork_programs.reads, which deployment {without} does not have" in text
    spinning = upload(engine, ('mark(folder, "begun")', "while True: pass"))
    assert "would be stopped at once" in refused_on(run, spinning)
    assert len(engine.list(limit=1_000)) == before + 1


def refused_on(run: flawless.Execution[Any], deployment: str) -> str:
    """Return why a fork on a deployment is refused."""
    with pytest.raises(flawless.InputInvalid) as caught:
        run.fork(at=2, deployment=deployment)
    assert caught.value.path == "deployment"
    return str(caught.value)
