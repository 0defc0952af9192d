"""An engine whose clock is set while it runs; see `test_disturbances.py` for engines that die."""

from __future__ import annotations

from pathlib import Path

import pytest
import storm_conversations
import storm_lives
from disturbances import MovableClock
from harness import Field

import flawless
from flawless.engine.handle import Execution

HOUR_S = 3_600
DAY_S = 86_400
GUESTS_MAX = 2


def engine_on(folder: Path, clock: MovableClock, *, evict_after_s: float) -> flawless.Engine:
    """Return an engine with room for two guests."""
    settings = flawless.Settings(
        guests_max=GUESTS_MAX, evict_after_s=evict_after_s, stop_deadline_s=0.1
    )
    modules = [storm_lives, storm_conversations]
    return flawless.Engine(folder / "t.db", modules=modules, settings=settings, clock=clock)


def await_entries(run: Execution, kind: str, count: int) -> None:
    """Wait until the journal has so many entries of that kind."""
    while sum(type(entry).__name__ == kind for entry in run.journal()) < count:
        with pytest.raises(flawless.ResultTimeout):
            run.result(0.01)


def test_a_time_that_comes_while_an_effect_is_under_way(tmp_path: Path, field: Field) -> None:
    """Who waits for an effect or a time, without a guest, notices that the clock has jumped."""
    clock = MovableClock()
    with engine_on(tmp_path, clock, evict_after_s=0.1) as engine:
        run = engine.start("storm_lives.hopes", f"{field.ledger.url}/hopes", id="hopes")
        await_entries(run, "Started", 2)
        while engine.health()["guests"]:
            pass
        clock.ahead_s = DAY_S + 1.0
        assert run.result(30)["first"] == "timer"


def test_guests_make_way_when_the_clock_was_set_back(tmp_path: Path, field: Field) -> None:
    """Guests that began to wait at a time that is still to come are idle as well."""
    clock, address = MovableClock(), f"{field.ledger.url}/set-back"
    with engine_on(tmp_path, clock, evict_after_s=600.0) as engine:
        for n in range(GUESTS_MAX):
            engine.start("storm_conversations.waits_for_ever", address, f"w{n}", id=f"w{n}")
        while engine.health()["guests"] < GUESTS_MAX:
            pass
        clock.ahead_s = -HOUR_S
        run = engine.start("storm_conversations.families_below", address)
        assert len(run.result(30)) == 2
