"""The game of life in Rust: days of it, in virtual time, with somebody who interferes."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rust_scenes import GLIDER, LAST
from theatre import Theatre

from flawless import ExecutionFailed, InputInvalid
from flawless.testing import Lab

A_RUN = 100
"""So many generations are one run."""


def after(board: list[str], generations: int) -> list[str]:
    """Play the game in Python."""
    size = len(board)
    alive = {(r, c) for r, row in enumerate(board) for c, cell in enumerate(row) if cell == "#"}
    near = [(r, c) for r in (-1, 0, 1) for c in (-1, 0, 1) if (r, c) != (0, 0)]
    cells = [(r, c) for r in range(size) for c in range(size)]
    for _ in range(generations):
        count = {
            (r, c): sum(((r + y) % size, (c + x) % size) in alive for y, x in near)
            for r, c in cells
        }
        alive = {one for one in cells if count[one] == 3 or (count[one] == 2 and one in alive)}
    return ["".join("#" if (r, c) in alive else "." for c in range(size)) for r in range(size)]


@pytest.fixture(scope="module")
def life(component: Any) -> Path:
    """The component."""
    found: Path = component("life")
    return found


def test_a_game_goes_on_for_days(life: Path) -> None:
    """Each hour has its generation, each hundred a journal of their own, whatever is killed."""
    with Lab(life) as lab:
        began = lab.now
        run = lab.start("life.life", {"board": GLIDER, "pace_s": 3600, "last": 250}, id="glider")
        for day in range(1, 10):
            lab.advance_to(began + timedelta(days=day, minutes=30))
            if day in (2, 5):
                lab.crash()
            state: Any = run.state()
            assert state["generation"] == 24 * day
            assert state["board"] == after(GLIDER, 24 * day)
        assert len(lab.crashes) == 2
        assert run.info().run == 3
        assert len(run.journal()) < 3 * A_RUN
        end: Any = run.result()
        assert (end["generation"], end["board"]) == (250, after(GLIDER, 250))


def test_somebody_interferes(life: Path) -> None:
    """Time stands still and goes on, faster; cells die and live; a still life is the end."""
    with Lab(life) as lab:
        began = lab.now
        run = lab.start("life.life", {"board": GLIDER})
        lab.advance("570s")
        assert generation(run) == 9
        run.send("pause", None)
        lab.advance("30d")
        assert generation(run) == 9
        run.send("resume", None)
        run.send("pace", {"seconds": 1})
        lab.advance("30s")
        assert generation(run) == 39
        run.send("pace", {"seconds": 86_400.0})
        for row, line in enumerate(run.state()["board"]):
            for column, cell in enumerate(line):
                if (cell == "#") != ((row, column) in {(4, 4), (4, 5), (5, 4), (5, 5)}):
                    run.send("toggle", {"row": row, "column": column})
        assert run.result()["board"][3:7] == [10 * ".", "....##....", "....##....", 10 * "."]
        assert lab.now - began >= timedelta(days=31)


def generation(run: Any) -> int:
    """Return how far a game is."""
    found: int = run.state()["generation"]
    return found


def test_what_makes_no_sense_is_refused(life: Path) -> None:
    """Boards are checked at the start and by the game, messages when they are sent."""
    with Lab(life) as lab:
        with pytest.raises(InputInvalid, match="board"):
            lab.start("life.life", {"board": "####"})
        with pytest.raises(ExecutionFailed, match="3 to 200 rows and columns, not 2 x 4"):
            lab.start("life.life", {"board": ["####", "...."]}).result()
        with pytest.raises(ExecutionFailed, match="negative"):
            lab.start("life.life", {"board": GLIDER, "pace_s": -1}).result()
        run = lab.start("life.life", {"board": GLIDER})
        with pytest.raises(InputInvalid, match="row"):
            run.send("toggle", {"row": -1, "column": 0})
        run.cancel("enough")


def test_a_killed_game_is_the_same(life: Path, theatre: Theatre) -> None:
    """Killed with kill -9 at several commits, a game has the same end, the same state and runs."""
    theatre.components["rust_life"] = life
    undisturbed = theatre.undisturbed("rust_life")
    assert f"'generation': {LAST}" in undisturbed.report["ends"]["glider"]
    assert undisturbed.report["runs"] == ["glider", "glider~1"]
    crashes = ["commit:30:after", "commit:20:before", "commit:40:after", "commit:1:before"]
    played = theatre.play("rust_life", crashes, random.Random(0))
    assert played.deaths == len(crashes)
    assert played.report["ends"] == undisturbed.report["ends"]
    assert played.report["states"] == undisturbed.report["states"]
    assert sorted(played.report["runs"]) == sorted(undisturbed.report["runs"])
