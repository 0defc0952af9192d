"""An engine ends, by `kill -9` or in order, and the next one goes on with everything."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import life_programs as programs
import pytest
from lives import Life, MovableClock, gate, marks, open_gate, until, until_async, with_service

import flawless
import stored
from flawless import codec
from flawless.core.entries import Arrived, Called
from flawless.engine.service import Service
from flawless.engine.settings import Settings
from flawless.stores import MemoryStore, SQLiteStore
from flawless.stores.base import Append, Chunk, Create, SaveAttempts

PAUSE_S = 60
"""The pause between two attempts of `tries`."""


def engine_on(folder: Path, *, ahead_s: float = 0.0, **settings: Any) -> flawless.Engine:
    """Return an engine on the folder's file, whose clock is `ahead_s` ahead."""
    return flawless.Engine(
        folder / "t.db",
        modules=["life_programs"],
        settings=Settings(**settings),
        clock=MovableClock(ahead_s),
    )


def call(*args: Any) -> bytes:
    """Return a workflow's input."""
    return codec.dumps(codec.encode_call(args, {})).encode()


def close_aside(engine: flawless.Engine) -> threading.Thread:
    """Close an engine in another thread; return when it has begun to stop."""
    scheduler = engine._service._scheduler
    assert scheduler is not None
    thread = threading.Thread(target=engine.close)
    thread.start()
    until(lambda: scheduler.stopping, "the stop begins")
    return thread


def test_killed_in_the_middle_of_everything(tmp_path: Path) -> None:
    """Sleepers, steps, retries and started futures all go on after `kill -9`."""
    folder = str(tmp_path)
    gate(tmp_path, "middle")
    gate(tmp_path, "left")
    with Life(tmp_path) as life:
        life.ask("start", "naps", "naps", folder, "sleeper", PAUSE_S / 2)
        life.ask("start", "works", "works", folder, "middle")
        life.ask("start", "tries", "tries", folder, 3)
        life.ask("start", "fans_out", "fans_out", folder, "left", "right")
        until(lambda: {"begin middle", "begin left"} <= set(marks(tmp_path)), "steps at gates")
        until(lambda: life.ask("status", "naps") == "waiting", "a sleeper")
        until(lambda: len(life.ask("in_flight", "fans_out")) == 1, "the quick future")
        until(lambda: life.ask("in_flight", "tries")[0]["attempts"], "a failed attempt")
        life.ask("start", "plain", "barrier", 1)  # what came before it is durable now
        life.kill()
    with Life(tmp_path, ahead_s=PAUSE_S) as life:  # between the second attempt and the third
        until(lambda: marks(tmp_path).count("attempt 2") == 1, "the second attempt")
        until(lambda: len(life.ask("in_flight", "tries")[0]["attempts"]) == 2, "its failure")
        until(lambda: life.ask("status", "naps") == "completed", "the sleeper's end")
        life.ask("start", "plain", "barrier-2", 1)
        life.kill()
    (tmp_path / "middle").unlink()
    (tmp_path / "left").unlink()

    with engine_on(tmp_path, ahead_s=2 * PAUSE_S) as engine:
        assert engine.get("works").result(30) == ["middle first", "middle", "middle last"]
        assert engine.get("fans_out").result(30) == ["left", "right"]
        assert engine.get("naps").result(30) >= PAUSE_S / 2
        assert engine.get("tries").result(30) == 3
        assert engine.get("barrier").result(30) == 1
        (tried,) = [e for e in engine.get("tries").journal() if isinstance(e, Called)]
        assert [a.message for a in tried.attempts] == ["attempt 1 failed", "attempt 2 failed"]
        # The same start gives the same execution, and another one is refused.
        again = engine.start(programs.works, folder, "middle", id="works")
        assert again.result(30) == ["middle first", "middle", "middle last"]
        with pytest.raises(flawless.ExecutionConflict):
            engine.start(programs.works, folder, "other", id="works")
    seen = marks(tmp_path)
    assert seen.count("begin middle") == 3  # at least once: begun in each life
    for line in ("middle first", "middle last", "right", "sleeper lies down", "sleeper gets up"):
        assert seen.count(line) == 1
    for n in (1, 2, 3):
        assert seen.count(f"attempt {n}") == 1


def test_graceful_stop_records_the_step_under_way(tmp_path: Path) -> None:
    """Closing waits for a step and records how it ended; nothing further begins."""
    gate(tmp_path, "slow")
    engine = engine_on(tmp_path)
    engine.open()
    engine.start(programs.works, str(tmp_path), "slow", id="a")
    until(lambda: "begin slow" in marks(tmp_path), "the step begins")
    closing = close_aside(engine)
    open_gate(tmp_path, "slow")
    closing.join()
    assert marks(tmp_path) == ["slow first", "begin slow", "end slow"]
    (one,) = stored.read(tmp_path / "t.db")
    assert isinstance(one.entries[-1], Arrived | Called)
    assert b"slow" in (one.entries[-1].payload or b"")

    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(30) == ["slow first", "slow", "slow last"]
    assert marks(tmp_path) == ["slow first", "begin slow", "end slow", "slow last"]


def test_the_deadline_is_respected(tmp_path: Path) -> None:
    """A step that does not end in time is given up, and run again by the next engine."""
    gate(tmp_path, "stuck")
    engine = engine_on(tmp_path)
    engine.open()
    engine.start(programs.works, str(tmp_path), "stuck", id="a")
    until(lambda: "begin stuck" in marks(tmp_path), "the step begins")
    began = time.monotonic()
    engine.close(deadline=0.2)
    assert time.monotonic() - began < 5
    open_gate(tmp_path, "stuck")
    until(lambda: "end stuck" in marks(tmp_path), "the abandoned step ends")

    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(30) == ["stuck first", "stuck", "stuck last"]
    assert marks(tmp_path).count("begin stuck") == 2


def test_a_stop_does_not_wait_for_the_next_attempt(tmp_path: Path) -> None:
    """A step between two attempts is left to the next engine, which goes on counting."""
    with engine_on(tmp_path) as engine:
        engine.start(programs.tries, str(tmp_path), 2, id="a")
        until(lambda: engine._service.in_flight("a")[0]["attempts"], "a failed attempt")
        began = time.monotonic()
    assert time.monotonic() - began < 5  # the deadline is 10 s

    with engine_on(tmp_path, ahead_s=PAUSE_S) as engine:
        assert engine.get("a").result(30) == 2
    assert marks(tmp_path) == ["attempt 1", "attempt 2"]


def test_no_attempt_begins_while_stopping(tmp_path: Path) -> None:
    """An attempt that fails during the stop is counted, and the stop goes on without a retry."""
    gate(tmp_path, "held")
    with engine_on(tmp_path, step_threads=1) as engine:
        engine.start(programs.works, str(tmp_path), "held", id="first")
        until(lambda: "begin held" in marks(tmp_path), "the only thread is taken")
        engine.start(programs.tries, str(tmp_path), 2, id="second")
        closing = close_aside(engine)
        began = time.monotonic()
        open_gate(tmp_path, "held")
        closing.join()
    assert time.monotonic() - began < 5

    with engine_on(tmp_path, ahead_s=PAUSE_S) as engine:
        assert engine.get("second").result(30) == 2
    assert [m for m in marks(tmp_path) if m.startswith("attempt")] == ["attempt 1", "attempt 2"]


def test_start_up_begins_with_what_is_due(tmp_path: Path) -> None:
    """Sleepers that are due come first, the earliest of them before the others."""
    clock, folder = MovableClock(), str(tmp_path)
    gate(tmp_path, "busy")

    def service() -> Service:
        settings = Settings(guests_max=1, step_threads=1, stop_deadline_s=0.1)
        store = SQLiteStore(tmp_path / "t.db")
        return Service(store, ["life_programs"], settings=settings, clock=clock)

    async def fall_asleep(engine: Service) -> None:
        for name, seconds in (("third", 300.0), ("first", 100.0), ("second", 200.0)):
            await engine.start("life_programs.naps", call(folder, name, seconds), name)

        async def asleep() -> bool:
            return (await engine.health())["executions"]["waiting"] == 3

        await until_async(asleep, "all sleep")
        await engine.start("life_programs.works", call(folder, "busy"), "works")
        await until_async(begun, "the step begins")

    async def begun() -> bool:
        return "begin busy" in marks(tmp_path)

    async def wake_up(engine: Service) -> None:
        for execution in ("first", "second", "third", "works"):
            assert await engine.end(execution, 30) is not None

    with_service(service(), fall_asleep)
    open_gate(tmp_path, "busy")
    until(lambda: "end busy" in marks(tmp_path), "the abandoned step ends")
    (tmp_path / "marks").unlink()
    clock.ahead_s = 400.0
    with_service(service(), wake_up)
    assert marks(tmp_path) == [
        *("first gets up", "second gets up", "third gets up"),
        *("begin busy", "end busy", "busy last"),
    ]


@pytest.mark.sweep
def test_two_thousand_sleepers_due_at_once() -> None:
    """A crowd is resumed whole, with no more guests alive than allowed."""
    count, guests_max = 2_000, 20
    clock = MovableClock()
    store = MemoryStore()
    guests_seen: set[int] = set()

    async def resume(engine: Service) -> None:
        pattern, _ = await engine.start("life_programs.dozes", call(3600.0), "pattern")

        async def asleep() -> bool:
            return (await engine.get(pattern)).status is flawless.Status.WAITING

        await until_async(asleep, "the pattern sleeps")
        record = await engine.get(pattern)
        (chunk, *rest) = await store.journal(record.id)
        now_us = clock.now_us()
        for n in range(count):
            id_ = type(record.id)(f"copy-{n}")
            create = Create(id_, record.workflow, record.deployment, b"", now_us, chunk)
            sleeps = Append(
                id_, rest[0] if rest else None, flawless.Status.WAITING, record.wake_us, now_us
            )
            await store.commit([create, sleeps])
        clock.ahead_s = 4_000.0
        await engine.start("life_programs.dozes", call(3600.0), "poke")  # the timer looks again

        async def all_rested() -> bool:
            health = await engine.health()
            guests_seen.add(health["guests"])
            return bool(health["executions"]["completed"] == count + 1)

        await until_async(all_rested, "all are resumed")

    settings = Settings(guests_max=guests_max)
    with_service(Service(store, ["life_programs"], settings=settings, clock=clock), resume)
    assert max(guests_seen) <= guests_max


class CountingStore(SQLiteStore):
    """Counts how often due executions are looked for."""

    looks = 0

    async def due(self, now_us: int, *, limit: int = 1000) -> Any:
        """See `Store.due`."""
        self.looks += 1
        return await super().due(now_us, limit=limit)


def test_a_sleeper_that_works_again_is_running(tmp_path: Path) -> None:
    """A woken execution in a long step has the status `running`, and no timer spins for it."""
    gate(tmp_path, "after sleep")
    clock = MovableClock()
    store = CountingStore(tmp_path / "t.db")

    async def work(engine: Service) -> None:
        await engine.start("life_programs.dozes_then_works", call(str(tmp_path), 60.0), "a")

        async def asleep() -> bool:
            return (await engine.get("a")).status is flawless.Status.WAITING

        async def working() -> bool:
            return "begin after sleep" in marks(tmp_path)

        async def running() -> bool:
            return (await engine.get("a")).status is flawless.Status.RUNNING

        await until_async(asleep, "it sleeps")
        clock.ahead_s = 100.0
        await engine.start("life_programs.dozes", call(1000.0), "poke")
        await until_async(working, "the step begins")
        await until_async(running, "the store knows")
        looks = store.looks
        assert await engine.end("a", 0.3) is None
        assert store.looks - looks < 10
        open_gate(tmp_path, "after sleep")
        assert await engine.end("a", 30) is not None

    with_service(Service(store, ["life_programs"], clock=clock), work)


class LosingStore(SQLiteStore):
    """Cannot list running executions at first."""

    failures = 2

    async def running(self, **options: Any) -> Any:
        """See `Store.running`."""
        if self.failures:
            self.failures -= 1
            raise flawless.StoreError("list", "a bad moment", "Wait.", retriable=True)
        return await super().running(**options)


def test_recovery_outlasts_trouble_with_the_store(tmp_path: Path) -> None:
    """What was running is found even if the store cannot tell at once."""
    gate(tmp_path, "held")
    with Life(tmp_path) as life:
        life.ask("start", "works", "a", str(tmp_path), "held")
        until(lambda: "begin held" in marks(tmp_path), "the step begins")
        life.kill()
    (tmp_path / "held").unlink()
    with flawless.Engine(LosingStore(tmp_path / "t.db"), modules=["life_programs"]) as engine:
        assert engine.get("a").result(30) == ["held first", "held", "held last"]


def test_attempts_are_forgotten_with_the_outcome(tmp_path: Path) -> None:
    """Saved attempts are deleted in the commit that records the step's outcome."""
    writes: list[Any] = []

    class Watching(SQLiteStore):
        async def commit(self, batch: Any, **options: Any) -> Any:
            writes.append(list(batch))
            return await super().commit(batch, **options)

    with flawless.Engine(Watching(tmp_path / "t.db"), modules=["life_programs"]) as engine:
        assert engine.start(programs.tries_patiently, str(tmp_path)).result(30) == 2
    (batch,) = [b for b in writes if any(isinstance(w, SaveAttempts) and not w.data for w in b)]
    assert any(isinstance(w, Append) and isinstance(w.chunk, Chunk) for w in batch)
