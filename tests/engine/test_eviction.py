"""Guests are dropped while they wait and replayed when they are needed: nobody notices."""

from __future__ import annotations

import threading
from pathlib import Path

import life_programs as programs
from lives import Desk, gate, marks, open_gate, until

import flawless
import stored
from flawless.core.entries import Arrived, Called
from flawless.engine.settings import Settings


def engine_on(folder: Path, **settings: object) -> flawless.Engine:
    """Return an engine that evicts at once."""
    chosen = Settings(**{"evict_after_s": 0.0, **settings})  # type: ignore[arg-type]  # by name
    return flawless.Engine(folder / "t.db", modules=["life_programs"], settings=chosen)


def failed_attempts(engine: flawless.Engine, execution: str) -> int:
    """Return how many attempts of its steps under way have failed."""
    return sum(len(one["attempts"]) for one in engine._service.in_flight(execution))


def no_guests(engine: flawless.Engine) -> bool:
    """Tell whether every guest has been evicted."""
    return engine.health()["guests"] == 0


def test_outcomes_find_evicted_executions(tmp_path: Path, desk: Desk) -> None:
    """Steps and requests that outlast their guest are done once, and their outcomes are seen."""
    folder = str(tmp_path)
    for name in ("often", "once", "started"):
        gate(tmp_path, name)
    with engine_on(tmp_path) as engine:
        runs = [
            engine.start(programs.works, folder, "often"),
            engine.start(programs.works_once, folder, "once"),
            engine.start(programs.works_once_started, folder, "started"),
            engine.start(programs.fetches, "POST", desk.url, False),
            engine.start(programs.fetches, "GET", desk.url, False),
        ]
        until(lambda: len(desk.seen) == 2, "two requests")
        until(lambda: no_guests(engine), "eviction")
        assert engine.health()["in_memory"] == len(runs)
        for name in ("often", "once", "started"):
            open_gate(tmp_path, name)
        desk.answer.set()
        assert [run.result(30) for run in runs] == [
            ["often first", "often", "often last"],
            *("once", "started", "POST", "GET"),
        ]
    assert sorted(method for method, _ in desk.seen) == ["GET", "POST"]
    for name in ("often", "once", "started"):
        assert marks(tmp_path).count(f"begin {name}") == 1


def test_a_timeout_finds_an_evicted_execution(tmp_path: Path) -> None:
    """A deadline of the workflow passes while its guest is away and its step goes on."""
    gate(tmp_path, "slow")
    with engine_on(tmp_path) as engine:
        run = engine.start(programs.gives_up, str(tmp_path), "slow", 2.0)
        until(lambda: "begin slow" in marks(tmp_path), "the step begins")
        until(lambda: no_guests(engine), "eviction")
        assert run.result(30) == "gave up"
        open_gate(tmp_path, "slow")


def test_retries_go_on_without_the_guest(tmp_path: Path) -> None:
    """Attempts made before and after an eviction are counted together."""
    with engine_on(tmp_path) as engine:
        run = engine.start(programs.tries_patiently, str(tmp_path))
        until(lambda: failed_attempts(engine, run.id) > 0, "a failed attempt")
        until(lambda: no_guests(engine), "eviction")
        assert run.result(30) == 2
        (tried,) = [entry for entry in run.journal() if isinstance(entry, Called | Arrived)][:1]
        assert [a.message for a in tried.attempts] == ["attempt 1 failed"]


def test_more_executions_than_guests(tmp_path: Path) -> None:
    """With room for three guests, forty executions take turns and all complete."""
    most = 0
    with engine_on(tmp_path, guests_max=3, evict_after_s=1.0) as engine:
        runs = [engine.start(programs.errands, str(tmp_path), 3) for _ in range(40)]

        def over() -> bool:
            nonlocal most
            health = engine.health()
            most = max(most, health["guests"])
            return bool(health["executions"]["completed"] == len(runs))

        until(over, "all complete")
        assert [run.result(0) for run in runs] == [len("errand 0") * 3] * len(runs)
    assert most <= 3
    assert len(marks(tmp_path)) == 3 * len(runs)


def test_a_stop_records_what_evicted_executions_waited_for(tmp_path: Path) -> None:
    """A step that ends during the stop is recorded though its guest is gone, and not repeated."""
    gate(tmp_path, "held")
    engine = engine_on(tmp_path, stop_deadline_s=20.0)
    engine.open()
    engine.start(programs.works_once, str(tmp_path), "held", id="a")
    until(lambda: "begin held" in marks(tmp_path), "the step begins")
    until(lambda: no_guests(engine), "eviction")
    closing = threading.Thread(target=engine.close)
    closing.start()

    def stopping() -> bool:
        try:
            engine.health()
        except flawless.EngineStopped:
            return True
        return False

    until(stopping, "the stop begins")
    open_gate(tmp_path, "held")
    closing.join(10)
    assert not closing.is_alive(), "the stop waits for more than the step"
    (one,) = stored.read(tmp_path / "t.db")
    assert isinstance(one.entries[-1], Arrived)

    with engine_on(tmp_path) as engine:
        assert engine.get("a").result(30) == "held"
    assert marks(tmp_path) == ["begin held", "end held"]
