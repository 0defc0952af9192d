"""The stage of all cases, and the seed that chooses them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from random import SystemRandom

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from world import Stage


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest) -> bool:
    """Whether all cases are to be played, and not a share of them."""
    return bool(request.config.getoption("--sweep") == "whole")


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, whole: bool
) -> Iterator[Stage]:
    """Where the cases are played, in a language. Nothing here is to survive a real crash."""
    memory = Path("/dev/shm")
    language = getattr(request, "param", "python")
    folder = tmp_path_factory.mktemp("worlds")
    if memory.is_dir() and os.access(memory, os.W_OK):
        folder = Path(f"{memory}/{folder.parent.name}-{os.getpid()}-{language}")
    made = Stage(folder, language=language, baked=whole and language == "python")
    yield made
    made.close()


SHARE_SEED = 20_260_301


@pytest.fixture
def seed(request: pytest.FixtureRequest) -> int:
    """The seed of the first case: `--seed`; else always the same one for the share of each run.

    The whole begins elsewhere each time. What it finds is looked into, and is not the share's.
    """
    given = request.config.getoption("--seed")
    if given is not None:
        return int(given)
    whole = request.config.getoption("--sweep") == "whole"
    return SystemRandom().getrandbits(32) if whole else SHARE_SEED
