"""What a step can learn about the attempt it is running in."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass

from flawless.errors import UsageError


@dataclass(frozen=True, slots=True)
class StepInfo:
    """The attempt that is running: `attempt` counts from 1."""

    execution_id: str
    step: str
    attempt: int
    idempotency_key: str


current_step: ContextVar[StepInfo | None] = ContextVar("flawless_step", default=None)


def step_info() -> StepInfo:
    """Return what is known about the running step; raises `UsageError` outside of one."""
    info = current_step.get()
    if info is None:
        raise UsageError("no step is running here: call this inside a function decorated @step")
    return info


def idempotency_key() -> str:
    """Return a key that is the same in every attempt of the running step, and in no other effect.

    Hand it to services that take idempotency keys, and a step that runs twice acts once.
    """
    return step_info().idempotency_key
