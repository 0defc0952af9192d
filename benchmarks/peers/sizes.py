"""How much work each block gives to an engine, and how long it may take."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Final

LEAST: Final = 5
"""Of anything, however small the scale."""
TIMES: Final = frozenset({"sleep_s", "load_s", "start_limit_s", "recovery_limit_s", "bulk_limit_s"})
FIXED: Final = TIMES | {"at_once", "fan_steps"}
"""What scale leaves as it is: seconds, and numbers that belong to what is measured."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of all blocks."""

    sequential: int = 300
    """No-op executions, one after the other."""
    noops: int = 2_000
    """No-op executions, `at_once` under way."""
    at_once: int = 50
    steps: int = 500
    """Steps of one execution."""
    long_steps: int = 1_000
    """Steps of one execution whose growth is looked at, and of the one that is caught up."""
    fan: int = 200
    """Executions of `fan_steps` steps each, all at once."""
    fan_steps: int = 10
    wide: int = 100
    """Executions of `wide_steps` steps each, all at once."""
    wide_steps: int = 100
    killed: int = 500
    """Executions that sleep, or are in mid-step, at the kill."""
    killed_many: int = 10_000
    sleepers: int = 2_000
    sleepers_many: int = 100_000
    sleep_s: float = 10.0
    """How long those sleep that are overdue after the kill."""
    load_s: float = 6.0
    """Of steady load at half of what the engine can do."""
    start_limit_s: float = 30.0
    """For starting many executions; fewer are killed, or sleep, where an engine is not done."""
    bulk_limit_s: float = 340.0
    """For starting `sleepers_many`."""
    recovery_limit_s: float = 45.0
    """For resuming all of them."""

    def scaled(self, factor: float) -> Sizes:
        """Return these sizes, smaller or larger."""
        return dataclasses.replace(
            self,
            **{
                name: max(LEAST, round(value * factor))
                for name, value in dataclasses.asdict(self).items()
                if name not in FIXED
            },
        )

    def capped(self, **most: float) -> Sizes:
        """Return these sizes, some of them at most so large."""
        return dataclasses.replace(
            self, **{name: min(value, getattr(self, name)) for name, value in most.items()}
        )
