"""Performing what guests ask for: steps, HTTP requests, messages and cancellations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from flawless.core.interruption import WhenInterrupted
from flawless.core.machine import Perform
from flawless.core.protocol import (
    CancelRequest,
    EffectRequest,
    HttpRequest,
    Performable,
    SendRequest,
    StepRequest,
    label,
)
from flawless.engine import http
from flawless.engine.attempts import SavedAttempts
from flawless.engine.clock import Clock
from flawless.engine.mail import Mail
from flawless.engine.outcome import Outcome, host_error
from flawless.engine.settings import Settings
from flawless.engine.steps import StepPerformer, StepRun
from flawless.engine.telemetry import Telemetry, kind_of
from flawless.engine.tracing.context import Within
from flawless.errors import FlawlessError
from flawless.functions import find_step
from flawless.ids import run_key

if TYPE_CHECKING:
    from flawless.engine.execution import LiveExecution

_log = logging.getLogger("flawless.engine")


@dataclass(slots=True)
class InFlight:
    """An effect under way, for performing, giving up, and showing it."""

    request: Performable
    began_us: int
    run: StepRun | asyncio.Task[None] | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return label(self.request)

    @property
    def kind(self) -> str:
        """Of what kind it is: `step`, `http`, `send` or `cancel`."""
        return kind_of(self.request)

    @property
    def pausing(self) -> bool:
        """Whether it is a step between two attempts."""
        return isinstance(self.run, StepRun) and self.run.pausing

    def shown(self, effect: int) -> dict[str, Any]:
        """Return what people see of it."""
        run = self.run
        attempts = run.attempts if isinstance(run, StepRun) else []
        return {
            "effect": effect,
            "label": self.label,
            "began_us": self.began_us,
            "attempts": [
                {
                    "at_us": run.began_us + a.at,
                    "type": a.type,
                    "message": a.message,
                    "pause_us": a.pause,
                }
                for a in attempts
                if isinstance(run, StepRun)
            ],
        }


def when_interrupted(request: EffectRequest) -> WhenInterrupted:
    """The table in docs/internals/replay.md: what becomes of an effect after a crash."""
    match request:
        case StepRequest(name=name):
            step = find_step(name)
            if step is None or not step.options.at_most_once:
                return WhenInterrupted.REPEAT
            park = step.options.on_interrupt == "park"
        case HttpRequest():
            park = request.on_interrupt == "park"
            if not park and http.may_repeat(request):
                return WhenInterrupted.REPEAT
        case _:
            return WhenInterrupted.REPEAT
    return WhenInterrupted.PARK if park else WhenInterrupted.RAISE


class Effects:
    """Performs the effects of all executions of an engine; outcomes go to `execution.arrived`."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        settings: Settings,
        mail: Mail,
        telemetry: Telemetry,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        """`afterwards` is called when some outcomes were reported at a time."""
        self._loop = loop
        self._telemetry = telemetry
        self._mail = mail
        self._steps = StepPerformer(
            loop,
            clock,
            threads=settings.step_threads,
            processes=settings.step_processes,
            jitter=settings.outside.jitter,
            find=settings.outside.find_step,
            afterwards=afterwards,
        )
        self._http = settings.outside.http(
            body_bytes_max=settings.limits.value_bytes_max, secrets=settings.secrets
        )

    async def close(self) -> None:
        """Take no more; what is under way is given up."""
        self._steps.close()
        await self._http.close()

    def perform(self, execution: LiveExecution, action: Perform, item: InFlight) -> None:
        """Begin an effect."""
        effect, request = action.effect, action.request
        tracer = self._telemetry.tracer
        trace = (
            "" if tracer is None else tracer.begins(execution.id, effect, request, item.began_us)
        )
        first = execution.first
        key = run_key(execution.id, first.run)
        match request:
            case StepRequest():  # first: with structs, a case is quick only if it is the right one
                self._telemetry.step_attempts += 1
                item.run = self._steps.perform(
                    execution.id,
                    request,
                    key=key,
                    began_us=first.began_us,
                    traceparent=trace,
                    earlier=execution.attempts_of(effect),
                    on_attempt=partial(self._attempt_failed, execution, effect),
                    report=partial(execution.arrived, effect),
                )
            case HttpRequest():
                more: dict[str, Any] = {"egress": execution.deployment.egress}
                if tracer is not None and tracer.propagates and trace:
                    more["traceparent"] = trace
                item.run = self._task(
                    execution,
                    effect,
                    lambda: self._http.perform(key, request, seed=first.seed, **more),
                    trace,
                )
            case SendRequest() | CancelRequest():
                item.run = self._task(
                    execution,
                    effect,
                    lambda: self._mail.perform(execution.id, key, request),
                )

    def give_up(self, item: InFlight) -> None:
        """Stop an effect whose outcome nobody wants."""
        if isinstance(item.run, StepRun):
            self._steps.cancel(item.run)
        elif item.run is not None:
            item.run.cancel()

    def _attempt_failed(self, execution: LiveExecution, effect: int, saved: SavedAttempts) -> None:
        self._telemetry.step_retries += 1
        execution.attempt_failed(effect, saved)

    def _task(
        self,
        execution: LiveExecution,
        effect: int,
        work: Callable[[], Any],
        traceparent: str = "",
    ) -> asyncio.Task[None]:
        async def perform() -> None:
            outcome: Outcome
            try:
                with Within(traceparent):
                    outcome = await work()
            except FlawlessError as error:
                outcome = host_error(type(error).__name__, str(error))
            except Exception as error:
                known = {"execution": execution.id, "effect": effect}
                _log.exception(
                    "internal error in an effect of execution %s", execution.id, extra=known
                )
                outcome = host_error("EngineError", f"internal error: {error}")
            execution.arrived(effect, outcome)

        return self._loop.create_task(perform())
