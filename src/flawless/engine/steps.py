"""Performing steps: native functions, in threads, on the loop, or in worker processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import msgspec

from flawless import codec
from flawless.core.entries import Attempt
from flawless.core.protocol import StepRequest
from flawless.engine.clock import Clock
from flawless.engine.context import StepInfo, current_step
from flawless.engine.outcome import Outcome, Report, host_error, raised, succeeded
from flawless.engine.processes import ProcessPool
from flawless.engine.threads import Job, ThreadPool
from flawless.errors import EngineError
from flawless.functions import Step, find_step
from flawless.ids import idempotency_key

_log = logging.getLogger("flawless.steps")

ATTEMPTS_KEPT_MAX = 50
"""Failed attempts kept in the journal, the latest ones."""


@dataclass(slots=True)
class StepRun:
    """One step under way, over all its attempts."""

    execution: str
    request: StepRequest
    step: Step[..., Any]
    report: Report
    began_us: int
    attempts: list[Attempt]
    failures: int
    on_attempt: Callable[[list[Attempt]], None]
    done: bool = False
    job: Job | None = None
    task: asyncio.Task[None] | None = None
    timer: asyncio.TimerHandle | None = None
    started_at: list[float] = field(default_factory=list)

    @property
    def pausing(self) -> bool:
        """Whether an attempt has failed and the next one has not begun."""
        return not self.done and self.job is None and self.task is None

    @property
    def info(self) -> StepInfo:
        """What the step may ask about itself."""
        key = idempotency_key(self.execution, self.request.id)
        return StepInfo(self.execution, self.step.name, self.failures + 1, key)


class StepPerformer:
    """Runs steps for all executions of an engine. Use it from the loop's thread only."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        clock: Clock,
        *,
        threads: int,
        processes: int,
        jitter: Callable[[], float],
    ) -> None:
        self._loop = loop
        self._clock = clock
        self._threads = ThreadPool(threads, loop.call_later)
        self._processes = ProcessPool(processes)
        self._jitter = jitter

    def perform(
        self,
        execution: str,
        request: StepRequest,
        *,
        began_us: int,
        earlier: list[Attempt],
        on_attempt: Callable[[list[Attempt]], None],
        report: Report,
    ) -> StepRun | None:
        """Run a step; `report` is called later, on the loop, exactly once unless cancelled.

        `earlier` are the attempts that failed before this process took over; `on_attempt` gets the
        list whenever another one has failed and a retry follows.
        """
        step = find_step(request.name)
        if step is None:
            outcome = host_error(
                "StepFailed",
                f"no step is named {request.name!r} in the modules this engine has imported",
                type="StepNotFound",
            )
            self._loop.call_soon(report, outcome)
            return None
        run = StepRun(
            execution, request, step, report, began_us, list(earlier), len(earlier), on_attempt
        )
        self._attempt(run)
        return run

    def cancel(self, run: StepRun) -> None:
        """Stop a step if it can be stopped; its outcome is not reported."""
        run.done = True
        self._release(run)
        if run.task is not None:
            run.task.cancel()

    def close(self) -> None:
        """Take no more steps; those under way are given up."""
        self._threads.close()
        self._processes.close()

    # --- one attempt --------------------------------------------------------------------------

    def _attempt(self, run: StepRun) -> None:
        if run.done:
            return
        options = run.step.options
        run.started_at = []
        if run.step.is_async and not options.process:
            run.task = self._loop.create_task(self._run_async(run))
            return
        work = self._work(run)
        try:
            run.job = self._threads.submit(work)
        except EngineError as error:
            refusal = host_error("StepFailed", str(error), type="EngineError")
            self._loop.call_soon(self._ended, run, refusal, None)
            return
        if options.timeout_s is not None and not options.process:
            run.timer = self._loop.call_later(options.timeout_s, self._check_timeout, run, run.job)

    def _work(self, run: StepRun) -> Callable[[], None]:
        attempt = run.failures
        loop = self._loop

        def hand_back(outcome: Outcome, error: BaseException | None) -> None:
            try:
                loop.call_soon_threadsafe(self._ended, run, outcome, error, attempt)
            except RuntimeError:
                _log.debug("step %s ended after the engine had stopped", run.step.name)

        def work() -> None:
            run.started_at.append(loop.time())
            if run.step.options.process:
                try:
                    outcome = self._processes.run(run.step, run.info, bytes(run.request.args))
                except Exception as error:  # no worker can be started: no memory, no file handles
                    outcome = raised(error, skip_frames=1)
                hand_back(outcome, None)
                return
            token = current_step.set(run.info)
            try:
                args, kwargs = _arguments(run)
                outcome, problem = succeeded(run.step.function(*args, **kwargs), "result"), None
            except BaseException as error:  # whatever it is, it is the workflow's to know
                outcome, problem = raised(error, skip_frames=1), error
            finally:
                current_step.reset(token)
            hand_back(outcome, problem)

        return work

    async def _run_async(self, run: StepRun) -> None:
        current_step.set(run.info)
        problem: BaseException | None = None
        try:
            args, kwargs = _arguments(run)
            coroutine: Coroutine[Any, Any, Any] = run.step.function(*args, **kwargs)
            async with asyncio.timeout(run.step.options.timeout_s) as deadline:
                value = await coroutine
            outcome = succeeded(value, "result")
        except TimeoutError as error:
            outcome = _timed_out(run) if deadline.expired() else raised(error, skip_frames=1)
            problem = error
        except BaseException as error:  # whatever it is, it is the workflow's to know
            if run.done:
                raise
            outcome, problem = raised(error, skip_frames=1), error
        self._ended(run, outcome, problem)

    def _check_timeout(self, run: StepRun, job: Job) -> None:
        if run.done or run.job is not job:
            return
        limit_s = run.step.options.timeout_s
        assert limit_s is not None
        elapsed_s = self._loop.time() - run.started_at[0] if run.started_at else 0.0
        if elapsed_s < limit_s:
            run.timer = self._loop.call_later(limit_s - elapsed_s, self._check_timeout, run, job)
            return
        self._threads.abandon(job)
        self._ended(run, _timed_out(run), TimeoutError())

    def _ended(
        self,
        run: StepRun,
        outcome: Outcome,
        error: BaseException | None,
        attempt: int | None = None,
    ) -> None:
        if run.done or (attempt is not None and attempt != run.failures):
            return  # cancelled, or an attempt that was given up earlier
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None
        run.job = None
        run.task = None
        if outcome.failed:
            pause_s = self._pause_s(run, error)
            if pause_s is not None:
                self._note_attempt(run, outcome)
                if run.done:
                    return  # the engine stops
                run.failures += 1
                run.timer = self._loop.call_later(pause_s, self._attempt, run)
                return
        run.done = True
        run.report(Outcome(outcome.failed, outcome.payload, run.attempts))

    def _pause_s(self, run: StepRun, error: BaseException | None) -> float | None:
        options = run.step.options
        if error is not None and (
            isinstance(error, options.give_up_on) or not isinstance(error, options.retry_on)
        ):
            return None
        return options.retry.pause_s(run.failures + 1, self._jitter())

    def _note_attempt(self, run: StepRun, outcome: Outcome) -> None:
        error = msgspec.json.decode(outcome.payload)
        at = max(0, self._clock.now_us() - run.began_us)
        run.attempts.append(Attempt(at, str(error["type"]), str(error["message"])[:2000]))
        del run.attempts[:-ATTEMPTS_KEPT_MAX]
        run.on_attempt(run.attempts)

    def _release(self, run: StepRun) -> None:
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None
        if run.job is not None:
            self._threads.abandon(run.job)


def _arguments(run: StepRun) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return codec.decode_call(msgspec.json.decode(run.request.args), run.step.function)


def _timed_out(run: StepRun) -> Outcome:
    limit_s = run.step.options.timeout_s
    return host_error("StepTimeout", f"{run.step.name} did not end within {limit_s:g} s")
