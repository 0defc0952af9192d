"""A few seconds of the soak, and the rule by which it tells growth from noise."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from random import Random, SystemRandom
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
from crowd import Started
from flatness import Point, floors, judge, slope
from kinds import KINDS, PYTHON, RUST
from reckoning import rows
from soak_server import Launch, Process
from soaking import Plan, keep, soak
from telling import chart, report
from verification import Verification

from nursery import grow
from serving import FLAWLESS

SHORT = Plan(
    seed=0,
    length_s=3.0,
    rate=5.0,
    life_s=(0.5, 1.0),
    calm_part=1 / 6,
    sample_s=0.2,
    kinds=("many", "receives", "parks", "shows"),
    replays=20,
    pause_s_max=1.0,
    crowd=5,
    deaths=2,
)


@pytest.fixture
def fork() -> Iterator[Launch]:
    """Start `flawless` in processes that have imported it already."""
    with ExitStack() as outputs:

        def launch(arguments: Sequence[str], folder: Path, env: Mapping[str, str]) -> Process:
            grown = grow([*FLAWLESS[1:], *arguments], cwd=folder, env=env, quiet=True)
            outputs.enter_context(grown.stdout)
            return grown

        yield launch


@pytest.mark.timeout(240)
def test_a_short_soak_keeps_all_promises(
    request: pytest.FixtureRequest, tmp_path: Path, fork: Launch
) -> None:
    """A server that dies twice under load loses, repeats and leaves nothing."""
    given = request.config.getoption("--seed")
    seed = SystemRandom().getrandbits(32) if given is None else given
    soaked = asyncio.run(soak(replace(SHORT, seed=seed), tmp_path / "soak", launch=fork))
    keep(soaked, tmp_path / "soak")
    again = f"--seed {seed} repeats it"
    assert not soaked.findings.problems, "\n".join([*soaked.findings.problems, again])
    assert len(soaked.lives) >= 3
    assert soaked.findings.disturbed
    assert {one.language for one in soaked.started} == {PYTHON, RUST}
    assert "all promises kept" in report(soaked, rows(soaked))
    drawn = ElementTree.fromstring(chart(soaked))
    assert drawn.tag.endswith("svg")
    assert drawn.findall(".//{*}line[@class='kill']") or drawn.findall(".//{*}line[@class='stop']")


def test_a_disturbed_execution_is_no_reference() -> None:
    """Where the undisturbed one of a kind is missing, that is told of each of that kind."""
    nobody: Any = SimpleNamespace(started=[], seen=lambda _: [])
    verification = Verification(nobody, nobody, [], replays=0, chance=Random(0))
    member: Any = SimpleNamespace(record=SimpleNamespace(updated_us=0))
    for n in range(2):
        one = Started(f"soak-{n}", KINDS[0], PYTHON, 0.0, calm=False, ended_s=1.0, result={})
        verification._compare(one, [member])
    assert verification.findings.problems == [
        f"soak-{n}: there is no undisturbed one to compare it with" for n in range(2)
    ]


def _line(per_hour: float, *, spread: float, seed: int, start: float = 100.0) -> list[Point]:
    """Return twenty minutes of a quantity that grows so, among noise and a few spikes."""
    chance = Random(seed)
    return [
        (
            float(at_s),
            start
            + per_hour * at_s / 3_600
            + chance.gauss(0, spread)
            + 80 * (chance.random() < 0.03),
        )
        for at_s in range(0, 1_200, 5)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_growth_is_told_from_noise(seed: int) -> None:
    """Noise and spikes are flat; the same noise on a line that rises by a third an hour grows."""

    def verdict(points: list[Point]) -> str:
        return judge("memory", "MiB", "a life", points, limit=15, noise=3).verdict

    assert verdict(_line(0, spread=4, seed=seed)) == "flat"
    assert verdict(_line(33, spread=4, seed=seed)) == "grows"
    assert verdict(_line(-33, spread=4, seed=seed)) == "flat"
    assert verdict(_line(33, spread=4, seed=seed)[:30]) == "too short to judge"


def test_a_small_rise_of_a_small_thing_is_no_growth() -> None:
    """Two more handles in twenty minutes are a steep slope, and nothing."""
    points = [(float(n), 10 + n // 600) for n in range(1_200)]
    row = judge("handles", "", "a life", points, limit=10, noise=3)
    assert row.slope > 10
    assert row.verdict == "flat"


def test_the_slope_ignores_a_quarter_of_bad_points() -> None:
    """The median of all slopes is that of the sound points."""
    points = [(float(n), 2.0 * n) for n in range(100)]
    points[::5] = [(x, 1_000.0) for x, _ in points[::5]]
    assert slope(points) == pytest.approx(2.0, rel=0.2)


def test_the_floor_of_a_life_is_looked_for_once_it_has_settled() -> None:
    """The first seconds of a life tell nothing, and lives that never settle are left out."""
    looks = [(1, 0.0, 1.0, 5.0), (1, 12.0, 13.0, 20.0), (1, 20.0, 21.0, 18.0), (2, 30.0, 2.0, 1.0)]
    assert floors(looks) == [(12.0, 18.0)]
