"""What a block hands back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """One thing measured."""

    metric: str
    value: float
    unit: str
    count: int
    """Of executions or steps it was measured over."""
    extra: dict[str, Any] = field(default_factory=dict)
