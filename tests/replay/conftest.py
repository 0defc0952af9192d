"""A local HTTP service for the programs, and the seed that chooses them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from echoing import echoing, first_seed

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of an HTTP service that echoes."""
    with echoing() as url:
        yield url


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the first program: `--seed`, or another one in each run."""
    return first_seed(request)
