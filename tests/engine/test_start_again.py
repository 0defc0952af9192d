"""Starting with an id that is there already, in a later run of that execution."""

from __future__ import annotations

from pathlib import Path

import family_programs as programs
import pytest
from talking import STORES, engine_on

import flawless


@pytest.mark.parametrize("store", STORES)
def test_the_same_start_finds_the_execution_in_any_run(store: str, tmp_path: Path) -> None:
    """What tells one start from another are the arguments of the first run."""
    with engine_on(tmp_path, store) as engine:
        run = engine.start(programs.runs_on, 3, id="again")
        assert run.result(30) == 6
        assert run.info().run == 4
        assert engine.start(programs.runs_on, 3, id="again").result(30) == 6
        with pytest.raises(flawless.ExecutionConflict):
            engine.start(programs.runs_on, 0, 6, id="again")  # the last run's arguments
