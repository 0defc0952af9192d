"""What becomes of an effect when the engine died while it was performed."""

from __future__ import annotations

from enum import Enum


class WhenInterrupted(Enum):
    """The three answers to "nobody knows whether it happened"."""

    REPEAT = "repeat"
    """Perform it again: doing it twice is harmless, or accepted."""
    RAISE = "raise"
    """Tell the guest (`Interrupted`); it was performed at most once."""
    PARK = "park"
    """Ask a person."""
