"""The field all storms take place on."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from random import Random, SystemRandom

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from damage_lives import Lives
from harness import Field
from record import append


@pytest.fixture(scope="session")
def fields(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config, seed: int
) -> Iterator[Callable[[str], Field]]:
    """For each language of workflows, the ledger and the processes that engines are forked from."""

    @cache
    def made(language: str) -> Field:
        found = Field(tmp_path_factory.mktemp("storms"), language=language)
        closing.callback(found.close)
        closing.callback(record, found)
        return found

    def record(field: Field) -> None:
        if place := os.environ.get("SWEEP_RECORD"):
            sweep = pytestconfig.getoption("--sweep")
            append(Path(place), field.tally.line(seed=seed, sweep=sweep))

    with ExitStack() as closing:
        yield made


@pytest.fixture
def field(request: pytest.FixtureRequest, fields: Callable[[str], Field]) -> Field:
    """Those for workflows in Python, unless a test names another language."""
    return fields(getattr(request, "param", "python"))


@pytest.fixture(scope="module")
def lives() -> Iterator[Lives]:
    """Engines on files that are watched, and fail when they are told to."""
    made = Lives()
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether every point is to be visited, and not a share of them."""
    return bool(request.config.getoption("--sweep") == "whole")


@pytest.fixture(scope="session")
def seed(pytestconfig: pytest.Config) -> int:
    """What `--seed` says, or another one in each run."""
    given = pytestconfig.getoption("--seed")
    return SystemRandom().getrandbits(32) if given is None else int(given)


@pytest.fixture
def chance(request: pytest.FixtureRequest, seed: int) -> Random:
    """What chooses the share: each test has its own, from the seed of the run."""
    print(f"repeat with --seed={seed}")
    return Random(f"{seed} {request.node.name}")
