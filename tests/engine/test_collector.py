"""What is there when an engine opens is not looked through by the garbage collector again."""

from __future__ import annotations

import gc
from unittest.mock import patch

import pytest

from flawless.engine import collector


@pytest.mark.parametrize(
    ("enabled", "frozen", "spared"), [(True, 0, True), (True, 5, False), (False, 0, False)]
)
def test_only_where_nobody_has_told_the_collector_what_to_do(
    enabled: bool, frozen: int, spared: bool
) -> None:
    """It happens once, and not where it is switched off, or something was frozen already."""
    collector.spare.cache_clear()
    with (
        patch.object(gc, "isenabled", return_value=enabled),
        patch.object(gc, "get_freeze_count", return_value=frozen),
        patch.object(gc, "freeze") as freeze,
        patch.object(gc, "set_threshold") as threshold,
    ):
        collector.spare()
        collector.spare()
    assert (freeze.call_count, threshold.call_count) == ((1, 1) if spared else (0, 0))
