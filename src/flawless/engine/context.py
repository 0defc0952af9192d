"""What a step can learn about the attempt it is running in."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field

from flawless.errors import UsageError


class CancelFlag:
    """Whether an attempt was given up. It goes up once, and any thread may look at it."""

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up = False

    def raise_(self) -> None:
        """Tell the attempt that nobody waits for it any more."""
        self.up = True


@dataclass(frozen=True, slots=True)
class StepInfo:
    """The attempt that is running: `attempt` counts from 1.

    `traceparent` is the trace context of the step, to hand to what knows no OpenTelemetry; an empty
    text if its execution is not traced.
    """

    execution_id: str
    step: str
    attempt: int
    idempotency_key: str
    traceparent: str = ""
    flag: CancelFlag = field(default_factory=CancelFlag, repr=False, compare=False)


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


def cancelled() -> bool:
    """Return whether nobody wants the running step's outcome any more.

    That is so when its workflow was cancelled or gave the step up, when its timeout has passed, or
    when the engine stops. A thread cannot be stopped from outside: a sync step that works for long
    should ask now and then, and return. An async step is cancelled (`asyncio.CancelledError`), and
    the process of a step marked `process=True` is killed; neither needs to ask.

    Raises `UsageError` outside of a step.

    Example::

        @step
        def resize(images: list[str]) -> int:
            for done, image in enumerate(images):
                if flawless.cancelled():
                    return done
                convert(image)
            return len(images)
    """
    return step_info().flag.up
