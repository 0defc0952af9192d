"""What is there when an engine opens is not looked through by the garbage collector again."""

from __future__ import annotations

import gc
from unittest.mock import Mock, call, patch

import pytest

from flawless.engine import collector


@pytest.mark.parametrize(
    ("enabled", "frozen", "spared"), [(True, 0, True), (True, 5, False), (False, 0, False)]
)
def test_only_where_nobody_has_told_the_collector_what_to_do(
    enabled: bool, frozen: int, spared: bool
) -> None:
    """It happens once, garbage first; not where it is off, or something was frozen already."""
    collector.spare.cache_clear()
    told = Mock()
    with (
        patch.object(gc, "isenabled", return_value=enabled),
        patch.object(gc, "get_freeze_count", return_value=frozen),
        patch.object(gc, "collect", told.collect),
        patch.object(gc, "freeze", told.freeze),
        patch.object(gc, "set_threshold", told.set_threshold),
    ):
        collector.spare()
        collector.spare()
    garbage_first = [call.collect(), call.freeze(), call.set_threshold(10_000)]
    assert told.mock_calls == (garbage_first if spared else [])
