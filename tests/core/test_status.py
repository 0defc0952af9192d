"""The states of an execution."""

from __future__ import annotations

from flawless.core.status import Status


def test_values() -> None:
    """The words are those of store, API, CLI and UI."""
    words = ["running", "waiting", "parked", "completed", "failed", "cancelled"]
    assert [status.value for status in Status] == words
    assert Status("parked") is Status.PARKED


def test_final() -> None:
    """Three states are an end."""
    assert {s for s in Status if s.final} == {Status.COMPLETED, Status.FAILED, Status.CANCELLED}
