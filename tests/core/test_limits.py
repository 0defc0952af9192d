"""The bounds of an engine."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from flawless.core.limits import MIB, Limits


def test_defaults() -> None:
    """The defaults are those the documentation names."""
    limits = Limits()
    assert limits.value_bytes_max == 4 * MIB
    assert limits.guest_memory_bytes_max == 256 * MIB
    assert limits.cpu_s_per_turn == 10.0


@pytest.mark.parametrize("name", [field.name for field in fields(Limits)])
@pytest.mark.parametrize("value", [0, -1, math.nan])
def test_limits_are_positive(name: str, value: float) -> None:
    """A limit that would stop everything, or nothing, is refused by name."""
    with pytest.raises(ValueError, match=name):
        Limits(**{name: value})
