"""Every bound that protects the engine from its users' code and input, with its default."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one engine. Sizes in bytes, times in seconds.

    Example: `Engine("app.db", modules=["app"], limits=Limits(cpu_s_per_turn=60))`.
    """

    value_bytes_max: int = 4 * MIB
    """One argument list, result, step value or HTTP body, in its encoded form."""
    journal_entries_max: int = 1_000_000
    """Entries of one execution."""
    journal_bytes_max: int = 1024 * MIB
    """Encoded bytes of one execution's journal."""
    log_chars_max: int = 65_536
    """One log message; what is longer is cut, and says so."""
    effects_in_flight_max: int = 10_000
    """Effects that one execution has begun and not yet observed."""
    inbox_messages_max: int = 10_000
    """Messages that wait for one execution; further ones are refused."""
    inbox_bytes_max: int = 64 * MIB
    """Their size."""
    child_depth_max: int = 100
    """Ancestors an execution may have."""
    guest_memory_bytes_max: int = 256 * MIB
    """Linear memory of one guest."""
    cpu_s_per_turn: float = 10.0
    """Computing time of a guest between two requests."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) > 0:  # not: <= 0, which a NaN would pass
                raise ValueError(f"the limit {name} must be positive, not {getattr(self, name)}")
