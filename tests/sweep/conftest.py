"""The field all storms take place on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from harness import Field


@pytest.fixture(scope="session")
def field(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Field]:
    """The ledger and the processes that engines are forked from, for workflows in a language."""
    language = getattr(request, "param", "python")
    made = Field(tmp_path_factory.mktemp("storms"), language=language)
    yield made
    made.close()


@pytest.fixture(scope="session")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether every point is to be visited, and not a share of them."""
    return bool(request.config.getoption("--sweep") == "whole")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """What chooses the share: another one in each run, unless `--seed` says which."""
    seed = request.config.getoption("--seed")
    return Random(SystemRandom().getrandbits(32) if seed is None else seed)
