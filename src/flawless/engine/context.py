"""What a step can learn about the attempt it is running in."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar

from flawless.errors import UsageError


class CancelFlag:
    """Whether an attempt was given up. It goes up once, and any thread may look at it."""

    __slots__ = ("up",)

    def __init__(self) -> None:
        self.up = False

    def raise_(self) -> None:
        """Tell the attempt that nobody waits for it any more."""
        self.up = True


class StepInfo:
    """The attempt that is running: `attempt` counts from 1.

    `traceparent` is the trace context of the step, to hand to what knows no OpenTelemetry; an empty
    text if its execution is not traced.
    """

    __slots__ = ("_key", "attempt", "execution_id", "flag", "step", "traceparent")

    def __init__(
        self,
        execution_id: str,
        step: str,
        attempt: int,
        idempotency_key: str | Callable[[], str],
        traceparent: str = "",
        flag: CancelFlag | None = None,
    ) -> None:
        self.execution_id = execution_id
        self.step = step
        self.attempt = attempt
        self.traceparent = traceparent
        self.flag = CancelFlag() if flag is None else flag
        self._key = idempotency_key

    @property
    def idempotency_key(self) -> str:
        """The key of the effect that the step performs. (Most steps do not ask for it.)"""
        key = self._key
        return key if isinstance(key, str) else key()

    def __repr__(self) -> str:
        return (
            f"StepInfo(execution_id={self.execution_id!r}, step={self.step!r}, "
            f"attempt={self.attempt}, idempotency_key={self.idempotency_key!r})"
        )


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
