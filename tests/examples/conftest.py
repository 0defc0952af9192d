"""The theatre that all tests of the examples share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from theatre import Theatre


@pytest.fixture(scope="session")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    """A place to play scenes."""
    made = Theatre(tmp_path_factory.mktemp("theatre"))
    try:
        yield made
    finally:
        made.close()
