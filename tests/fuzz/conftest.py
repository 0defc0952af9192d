"""Where targets are found, and the end of the engine that they share."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random, SystemRandom

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session", autouse=True)
def _closing() -> Iterator[None]:
    """Close the engine that targets have opened, if they have."""
    yield
    server = sys.modules.get("fuzzed_server")
    if server is not None:
        server.close()


@pytest.fixture
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether all is to be tried, and not a share."""
    return bool(request.config.getoption("--sweep") == "whole")


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> Random:
    """What chooses the share: another one in each run, unless `--seed` says which."""
    given = request.config.getoption("--seed")
    seed = SystemRandom().getrandbits(32) if given is None else given
    print(f"again: python -m pytest {request.node.nodeid} --seed={seed}")  # shown where it fails
    return Random(seed)
