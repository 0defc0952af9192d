"""Long lives: many effects in one execution cost the same each, also on replay."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from talking import MOSTLY_ASYNC, engine_on, no_guests, waits

import flawless


def live(folder: Path, form: str, count: int) -> tuple[float, float, float]:
    """Run a workflow of so many effects; return the seconds of its run, waking and replay."""
    with engine_on(folder, "sqlite", evict_after_s=0.2) as engine:
        began = time.monotonic()
        run = engine.start(f"repair_programs.has_many_effects{form}", count)
        while run.status != "waiting":
            assert not run.status.final, run.result(0)
            time.sleep(0.01)
        ran_s = time.monotonic() - began
        no_guests(engine)
        assert len(run.journal()) > count
        began = time.monotonic()
        run.send("word", "wake up")
        assert run.result(120) == count // 10
        woke_s = time.monotonic() - began
        began = time.monotonic()
        assert run.replay().end is not None
        return ran_s, woke_s, time.monotonic() - began


@pytest.mark.slow
@pytest.mark.parametrize("form", MOSTLY_ASYNC)
def test_many_effects(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, form: str
) -> None:
    """Ten times the effects take about ten times the time: to run, to wake up, to replay."""
    count = 100_000 if pytestconfig.getoption("sweep") == "whole" else 4_000
    few = live(tmp_path_factory.mktemp("few"), form, count // 5)
    many = live(tmp_path_factory.mktemp("many"), form, count)
    for what, less_s, more_s in zip(("run", "wake", "replay"), few, many, strict=True):
        assert more_s < 5 * less_s * 2 + 0.5, f"{what}: {less_s:.2f} s, five times: {more_s:.2f} s"


def test_memory_is_bounded(tmp_path: Path) -> None:
    """A journal beyond its bound stops the execution with a text that says what to do."""
    limits = flawless.Limits(journal_entries_max=500)
    with engine_on(tmp_path, limits=limits) as engine:
        run = engine.start("repair_programs.has_many_effects", 1000)
        with pytest.raises(flawless.ExecutionFailed, match="journal_entries_max"):
            run.result(30)
        short = engine.start("repair_programs.has_many_effects", 100)
        waits(short)
        short.cancel()
