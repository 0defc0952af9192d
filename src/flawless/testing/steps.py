"""Fakes in place of steps."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import inspect
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import TracebackType
from typing import Any, Generic, TypeVar

from flawless.durations import Duration, seconds
from flawless.engine.context import step_info
from flawless.errors import StepTimeout, UsageError
from flawless.functions import Step, find_step
from flawless.testing.clock import VirtualClock
from flawless.testing.turns import Turns

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Call:
    """A step that was performed: the arguments by the names of its parameters, when, for whom."""

    arguments: dict[str, Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    execution: str
    attempt: int
    key: str
    """The idempotency key: calls with the same one are the same effect, performed again."""
    at: datetime


class Script(Generic[T]):
    """What a fake does, call by call, and how long (virtually) it takes.

    A call is known by a key: when an effect is performed again after a crash, it ends as it did,
    and no later than it would have.
    """

    def __init__(
        self, what: str, outcome: T, outcomes: Sequence[T] | None, takes: Duration
    ) -> None:
        if outcomes is not None and outcome is not None:
            raise UsageError(f"{what}: give either one outcome or `outcomes`, not both")
        self.takes_s = seconds(takes)
        self._what = what
        self._outcome = outcome
        self._outcomes = None if outcomes is None else list(outcomes)
        self._known: dict[tuple[Any, ...], tuple[int, int]] = {}

    def fresh(self) -> Script[T]:
        """Return the same script from its beginning."""
        return Script(self._what, self._outcome, self._outcomes, self.takes_s)

    async def next(self, clock: VirtualClock, limit_s: float | None, *key: Any) -> T:
        """Wait as long as the call takes, and return its outcome.

        Raises `TimeoutError` after `limit_s` if it takes longer.
        """
        number, began_us = self._known.setdefault(key, (len(self._known), clock.now_us()))
        if self.takes_s:
            too_long = limit_s is not None and self.takes_s > limit_s
            length_s = limit_s if too_long and limit_s is not None else self.takes_s
            await clock.sleep(length_s - (clock.now_us() - began_us) / 1_000_000)
            if too_long:
                raise TimeoutError
        if self._outcomes is None:
            return self._outcome
        if number >= len(self._outcomes):
            raise UsageError(
                f"{self._what} has {len(self._outcomes)} outcomes and was asked for one more"
            )
        return self._outcomes[number]


@dataclass(slots=True)
class FakeStep:
    """A fake in place of a step, until `remove` (or the end of `with`)."""

    step: Step[..., Any]
    script: Script[Any]
    _removed: Callable[[FakeStep], None] = field(repr=False)
    calls: list[Call] = field(default_factory=list)
    """Every call, in order; after a crash an effect may be performed, and so called, again."""

    def remove(self) -> None:
        """Let the step be what it was before."""
        self._removed(self)

    def __enter__(self) -> FakeStep:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.remove()


class FakeSteps:
    """The fakes of one lab; `find` is what its engine looks for steps with.

    Sync functions in place of steps run in one thread, one after the other, so that the order of
    what they do is the same each time. They may use the lab.
    """

    def __init__(self, clock: VirtualClock, turns: Turns) -> None:
        self._clock = clock
        self._turns = turns
        self._fakes: list[FakeStep] = []
        self._made: dict[int, Step[..., Any]] = {}
        self._thread = ThreadPoolExecutor(1, "flawless-fakes")

    def add(
        self,
        step: Step[..., Any] | str,
        outcome: Any,
        outcomes: Sequence[Any] | None,
        takes: Duration,
    ) -> FakeStep:
        """Put a fake in place of a step."""
        real = find_step(step) if isinstance(step, str) else step
        if not isinstance(real, Step):
            raise UsageError(
                f"{step!r} is no step: give the function decorated @step, or its name "
                '("module.function") once its module is imported'
            )
        script = Script[Any](f"the fake of step {real.name}", outcome, outcomes, takes)
        return self._put(FakeStep(real, script, self._remove))

    def copy_to(self, other: FakeSteps) -> None:
        """Give another lab the same fakes, without what happened to them."""
        for fake in self._fakes:
            other._put(FakeStep(fake.step, fake.script.fresh(), other._remove))

    def calls(self) -> list[tuple[str, Call]]:
        """Return all calls of all fakes, with the names of their steps."""
        return [(fake.step.name, call) for fake in self._fakes for call in fake.calls]

    def find(self, name: str) -> Step[..., Any] | None:
        """Return what is to be performed for a step of that name."""
        for fake in reversed(self._fakes):
            if fake.step.name == name:
                return self._made[id(fake)]
        return find_step(name)

    def close(self) -> None:
        """End the thread."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _put(self, fake: FakeStep) -> FakeStep:
        self._fakes.append(fake)
        # Its time is virtual, so its timeout is, too; see `_perform`.
        options = replace(fake.step.options, process=False, timeout_s=None)
        self._made[id(fake)] = Step(self._function(fake), fake.step.name, options)
        return fake

    def _remove(self, fake: FakeStep) -> None:
        self._fakes = [one for one in self._fakes if one is not fake]

    def _function(self, fake: FakeStep) -> Callable[..., Any]:
        @functools.wraps(fake.step.function)
        async def perform(*args: Any, **kwargs: Any) -> Any:
            return await self._perform(fake, args, kwargs)

        return perform

    async def _perform(self, fake: FakeStep, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        info = step_info()
        bound = inspect.signature(fake.step.function).bind(*args, **kwargs)
        bound.apply_defaults()
        key = info.idempotency_key
        now = self._clock.now
        call = Call(dict(bound.arguments), args, kwargs, info.execution_id, info.attempt, key, now)
        fake.calls.append(call)
        limit_s = fake.step.options.timeout_s
        try:
            outcome = await fake.script.next(self._clock, limit_s, key, info.attempt)
        except TimeoutError:
            raise StepTimeout(f"{fake.step.name} did not end within {limit_s:g} s") from None
        return await self.carry_out(outcome, *args, **kwargs)

    async def carry_out(self, outcome: Any, *args: Any, **kwargs: Any) -> Any:
        """Return a value, raise an exception, or call a function, sync or async."""
        target = outcome.function if isinstance(outcome, Step) else outcome
        async with self._turns.turn():
            if isinstance(target, type) and issubclass(target, BaseException):
                raise target
            if isinstance(target, BaseException):
                raise target
            if not callable(target):
                return target
            if not inspect.iscoroutinefunction(target):
                target = await in_thread(self._thread, target, *args, **kwargs)
                if not inspect.isawaitable(target):
                    return target
        # Without the turn: it may wait for other fakes.
        return await (target if inspect.isawaitable(target) else target(*args, **kwargs))


async def in_thread(
    thread: ThreadPoolExecutor, function: Callable[..., Any], *args: Any, **kwargs: Any
) -> Any:
    """Call a function in a thread, with this task's context variables."""
    context = contextvars.copy_context()
    call = functools.partial(context.run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(thread, call)
