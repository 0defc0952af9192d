"""The programs of this folder are importable, and every test may have a lab."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from flawless.testing import Lab


@pytest.fixture
def lab() -> Iterator[Lab]:
    """A lab with the programs of this folder."""
    with Lab("lab_programs") as made:
        yield made
