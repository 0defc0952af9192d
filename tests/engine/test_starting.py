"""Executions that begin later, and attributes: by the engine's clock, in both stores."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import start_programs as programs
from lives import Life, until
from talking import STORES, SkippingClock, waits

import flawless
from flawless.core.entries import Cancelled, Invoked
from flawless.core.signals import RESOLVE
from flawless.engine.settings import Settings
from flawless.errors import StoreError
from flawless.stores.base import Create, Results, Send, Write
from flawless.stores.memory import MemoryStore

DAY_S = 86_400


def engine_on(folder: Path, store: Any, clock: SkippingClock, **settings: Any) -> flawless.Engine:
    """Return an engine with this test's programs."""
    return flawless.Engine(
        folder / "t.db" if store == "sqlite" else ":memory:" if store == "memory" else store,
        modules=["start_programs"],
        settings=Settings(**{"evict_after_s": 0.0, **settings}),
        clock=clock,
    )


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    """A file in which steps leave traces: there is none, as long as no workflow has run."""
    return tmp_path / "notes"


@pytest.mark.parametrize("store", STORES)
def test_it_begins_at_its_time(store: str, tmp_path: Path, notes: Path) -> None:
    """Its clock begins there, and messages that came before are there; no sooner does it run."""
    clock = SkippingClock()
    with engine_on(tmp_path, store, clock) as engine:
        run = engine.start(programs.sees, str(notes), id="a", delay="2d")
        record = run.info()
        assert record.status == "waiting"
        assert record.is_delayed
        assert record.began_us - record.created_us == 2 * DAY_S * 1_000_000
        assert run.send("word", "early")
        assert run.send("word", "later")
        clock.skip(1.9 * DAY_S)
        engine.start(programs.sees, str(tmp_path / "other")).result(30)  # so the engine looked
        assert run.info() == record
        assert not notes.exists()
        assert len(run.journal()) == 1
        clock.skip(0.1 * DAY_S)
        began_s, words = run.result(30)
        assert words == ["early", "later"]
        assert record.began_us / 1e6 <= began_s < record.began_us / 1e6 + 30
        assert not run.info().is_delayed
        first = run.journal()[0]
        assert isinstance(first, Invoked)
        assert first.began_us == record.began_us == run.info().began_us


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize("ending", ["cancel", "terminate"])
def test_who_ends_it_before_runs_nothing(
    store: str, ending: str, tmp_path: Path, notes: Path
) -> None:
    """It is cancelled at once, says by whom and why, and the time of its beginning passes by."""
    clock = SkippingClock()
    with engine_on(tmp_path, store, clock) as engine:
        run = engine.start(programs.waits_on, str(notes), delay=DAY_S)
        getattr(run, ending)("not any more", by="ann")
        with pytest.raises(flawless.ExecutionCancelled, match="not any more"):
            run.result(30)
        begin, end = run.journal()
        assert isinstance(begin, Invoked)
        assert isinstance(end, Cancelled)
        assert end.by == "ann"
        clock.skip(2 * DAY_S)
        engine.start(programs.sees, str(tmp_path / "other")).result(30)
        assert run.status == "cancelled"
        assert not notes.exists()
        run.retry(from_start=True)
        run.send("word", "now")
        assert run.result(30) == "now"


def test_a_message_does_not_begin_it(tmp_path: Path, notes: Path) -> None:
    """Not even as many as there are; when it begins it has the first of them."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        run = engine.start(programs.waits_on, str(notes), delay=DAY_S)
        for n in range(20):
            run.send("word", n)
        assert run.status == "waiting"
        assert not notes.exists()
        clock.skip(DAY_S)
        assert run.result(30) == "0"


def test_a_signal_that_means_nothing_does_not_begin_it(tmp_path: Path, notes: Path) -> None:
    """Woken too early, it waits on; a cancel ends it all the same."""
    clock = SkippingClock()
    store = MemoryStore()
    with engine_on(tmp_path, store, clock) as engine:
        runs = [engine.start(programs.waits_on, str(notes), delay=DAY_S) for _ in range(2)]

        async def wake(service: Any) -> None:
            now_us = clock.now_us()
            for run in runs:
                payload = b'{"effect":1,"retry":true}'
                await store.commit([Send(run.id, RESOLVE, payload, now_us)])
                service._scheduler._delivery.notify(run.id)

        engine.call(wake)
        until(lambda: engine.health()["in_memory"] == 2, "both are loaded")
        assert engine.health()["guests"] == 0
        runs[0].cancel("enough")
        with pytest.raises(flawless.ExecutionCancelled, match="enough"):
            runs[0].result(30)
        assert not notes.exists()
        assert runs[1].status == "waiting"
        clock.skip(DAY_S)
        runs[1].send("word", "go")
        assert runs[1].result(30) == "go"


def test_its_deadline_counts_from_its_beginning(tmp_path: Path, notes: Path) -> None:
    """An hour after the start it is cancelled, and not an hour after it was asked for."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        run = engine.start(programs.waits_on, str(notes), delay=DAY_S, deadline="1h")
        clock.skip(DAY_S)
        until(notes.exists, "it has begun")
        waits(run)
        assert run.info().wake_us == run.info().began_us + 3600 * 1_000_000
        clock.skip(3600)
        with pytest.raises(flawless.ExecutionCancelled, match="deadline"):
            run.result(30)


def test_the_same_start_with_another_time_is_the_same(tmp_path: Path, notes: Path) -> None:
    """Time and attributes tell nobody apart; workflow and input do."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        run = engine.start(programs.sees, str(notes), id="a", delay=DAY_S, attributes={"n": "1"})
        again = engine.start(programs.sees, str(notes), id="a", delay=1, attributes={"n": "2"})
        assert again.info() == run.info()
        assert run.info().attributes == {"n": "1"}
        with pytest.raises(flawless.ExecutionConflict):
            engine.start(programs.sees, "other", id="a", delay=DAY_S)


def test_a_time_of_day(tmp_path: Path, notes: Path) -> None:
    """`start_at` is a moment in any zone; a past one is now, and one without a zone is none."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        moment = datetime.now(UTC) + timedelta(days=300)
        run = engine.start(programs.sees, str(notes), start_at=moment.astimezone())
        assert run.info().began_us == round(moment.timestamp() * 1_000_000)
        past = engine.start(
            programs.sees, str(tmp_path / "p"), start_at=datetime(2000, 1, 1, tzinfo=UTC)
        )
        past.result(30)
        assert past.info().start_us is None
        with pytest.raises(flawless.InputInvalid, match="time zone"):
            engine.start(programs.sees, str(notes), start_at=datetime(2100, 1, 1))
        with pytest.raises(flawless.InputInvalid, match="either"):
            engine.start(programs.sees, str(notes), start_at=moment, delay=5)
        with pytest.raises(ValueError, match="100 years"):
            engine.start(programs.sees, str(notes), delay=1e12)
        with pytest.raises(ValueError, match="negative"):
            engine.start(programs.sees, str(notes), delay=-1)


def test_many_begin_at_once(tmp_path: Path) -> None:
    """More than there is room for: each begins once, and none is forgotten."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock, guests_max=4) as engine:
        runs = [
            engine.start(programs.sees, str(tmp_path / f"n{n}"), delay=DAY_S + n % 3)
            for n in range(50)
        ]
        clock.skip(DAY_S + 5)
        for n, run in enumerate(runs):
            began_s, _ = run.result(30)
            assert began_s >= run.info().began_us / 1e6
            assert (tmp_path / f"n{n}").read_text() == "here\n"


def test_it_outlives_a_crash(tmp_path: Path, notes: Path) -> None:
    """Killed before it begins, and while its time passes: it begins late, and once."""
    (tmp_path / "data").mkdir()
    later = tmp_path / "later"
    with Life(tmp_path / "data", modules=["start_programs"]) as life:
        life.ask("start_later", "start_programs.naps", "a", DAY_S, str(notes))
        life.ask("start_later", "start_programs.waits_on", "b", DAY_S, str(later))
        life.ask("send", "a", "word", "kept")
        life.ask("cancel", "b", "before it began")
        life.kill()
    with Life(tmp_path / "data", modules=["start_programs"], ahead_s=3600) as life:
        until(lambda: life.ask("status", "b") == "cancelled", "the cancel has come")
        assert life.ask("status", "a") == "waiting"
        assert not notes.exists()
        life.kill()
    with Life(tmp_path / "data", modules=["start_programs"], ahead_s=2 * DAY_S) as life:
        until(notes.exists, "it has begun")
        until(lambda: life.ask("status", "a") == "waiting", "it sleeps")
        life.kill()
    with Life(tmp_path / "data", modules=["start_programs"], ahead_s=4 * DAY_S) as life:
        until(lambda: life.ask("status", "a") == "completed", "it has ended")
        life.kill()
    assert notes.read_text() == "here\n"
    assert not later.exists()


def test_a_start_that_was_not_kept_begins_nothing(tmp_path: Path, notes: Path) -> None:
    """A store in trouble refuses the start; asked again it is one execution, begun at its time."""

    class Failing(MemoryStore):
        failures = 1

        async def commit(self, writes: Sequence[Write], *, inline: bool = False) -> Results:
            if any(isinstance(write, Create) for write in writes) and self.failures:
                self.failures -= 1
                raise StoreError("commit", "the disk is full", "Make room.", retriable=False)
            return await super().commit(writes, inline=inline)

    clock = SkippingClock()
    with engine_on(tmp_path, Failing(), clock) as engine:
        with pytest.raises(StoreError):
            engine.start(programs.sees, str(notes), id="a", delay=DAY_S)
        with pytest.raises(flawless.ExecutionNotFound):
            engine.get("a")
        run = engine.start(programs.sees, str(notes), id="a", delay=DAY_S)
        clock.skip(DAY_S)
        run.result(30)
        assert notes.read_text() == "here\n"


def test_executions_are_found(tmp_path: Path) -> None:
    """By attributes and times, and by as many pages as that takes."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        for n in range(4):
            attributes = {"customer": f"c{n % 2}", "n": str(n)}
            engine.start(programs.sees, "x", id=f"a{n}", delay=DAY_S, attributes=attributes)
        found = engine.list(attributes={"customer": "c1"})
        assert [one.id for one in found] == ["a3", "a1"]
        assert found[0].attributes == {"customer": "c1", "n": "3"}
        second = datetime.fromtimestamp(engine.get("a1").info().created_us / 1e6, UTC)
        assert [one.id for one in engine.list(created_before=second)] == ["a0"]
        assert [one.id for one in engine.list(created_after=second, limit=2)] == ["a3", "a2"]
        assert [one.id for one in engine.list(before="a2", limit=1)] == ["a1"]
        with pytest.raises(flawless.InputInvalid, match="time zone"):
            engine.list(created_after=datetime(2100, 1, 1))
        with pytest.raises(flawless.InputInvalid, match="name of an attribute"):
            engine.list(attributes={"no name": "x"})
        assert time.time() < engine.get("a0").info().began_us / 1e6


def test_attributes_are_kept_over_runs(tmp_path: Path, notes: Path) -> None:
    """A cancelled execution that begins again is found as before."""
    clock = SkippingClock()
    with engine_on(tmp_path, "sqlite", clock) as engine:
        run = engine.start(programs.waits_on, str(notes), id="a", attributes={"k": "v"})
        waits(run)
        run.terminate()
        with pytest.raises(flawless.ExecutionCancelled):
            run.result(30)
        run.retry(from_start=True)
        assert run.info().attributes == {"k": "v"}
        assert [one.id for one in engine.list(attributes={"k": "v"}, runs=True)] == ["a", "a~1"]
        run.send("word", "on")
        assert run.result(30) == "on"
