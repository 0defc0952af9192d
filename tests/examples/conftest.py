"""The theatre that all tests of the examples share, and components."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from theatre import Theatre

from compiling import compiled
from repository import ROOT


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A place to play scenes."""
    made = Theatre(tmp_path_factory.mktemp("theatre"))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(scope="session")
def component() -> Callable[[str], Path]:
    """Return the component of an example in Rust, by its folder."""
    return lambda name: compiled(ROOT / "examples" / "rust" / name).path
