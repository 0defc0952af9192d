"""Workflows of this folder, and a local HTTP service for them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "replay")]

from debugging import Open  # noqa: E402 (found through the line above)

from echoing import echoing, first_seed  # noqa: E402 (likewise)
from flawless.timetravel.stepping.debugger import Debugger  # noqa: E402 (likewise)
from stepping import recordings  # noqa: E402 (likewise)


@pytest.fixture(scope="package")
def site() -> Iterator[str]:
    """The address of an HTTP service that echoes."""
    with echoing() as url:
        yield url


@pytest.fixture(scope="module")
def opened() -> Iterator[Open]:
    """A debugger on one of the recordings, at its start."""
    made: dict[str, Debugger] = {}

    def open_(name: str) -> Debugger:
        if name not in made:
            made[name] = Debugger(recordings()[name])
        made[name].breakpoints.clear()
        made[name].start()
        return made[name]

    yield open_
    for one in made.values():
        one.close()


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the first program: `--seed`, or another one in each run."""
    return first_seed(request)
