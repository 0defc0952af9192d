"""The states of an execution."""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an execution stands; the values are those of store, API, CLI and UI alike."""

    RUNNING = "running"
    """It computes, or waits for an effect that is under way."""
    WAITING = "waiting"
    """It waits for a time (or a message) and costs nothing but a row."""
    PARKED = "parked"
    """It waits for a person's decision about an interrupted effect."""
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether the execution has ended."""
        return self in _FINAL


_FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
