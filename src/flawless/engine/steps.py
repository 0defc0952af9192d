"""Performing steps: native functions, in threads, on the loop, or in worker processes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from flawless import codec
from flawless.core.entries import Attempt
from flawless.core.protocol import StepRequest
from flawless.engine.attempts import SavedAttempts, failed_attempt, history
from flawless.engine.bridge import Mailbox
from flawless.engine.clock import Clock, Timer
from flawless.engine.context import CancelFlag, StepInfo, current_step
from flawless.engine.outcome import Outcome, Report, host_error, raised, succeeded
from flawless.engine.processes import Call, ProcessPool
from flawless.engine.threads import Job, ThreadPool
from flawless.engine.tracing.context import Within
from flawless.errors import EngineError
from flawless.functions import Step, find_step
from flawless.ids import idempotency_key

_log = logging.getLogger("flawless.steps")


@dataclass(slots=True)
class StepRun:
    """One step under way, over all its attempts."""

    execution: str
    key: str
    request: StepRequest
    step: Step[..., Any]
    report: Report
    began_us: int
    attempts: list[Attempt]
    failures: int
    on_attempt: Callable[[SavedAttempts], None]
    traceparent: str = ""
    done: bool = False
    job: Job | None = None
    call: Call | None = None
    task: asyncio.Task[None] | None = None
    timer: Timer | None = None
    flag: CancelFlag | None = None
    """That of the present attempt, or of the last one."""
    started_s: float | None = None
    """When a thread began with it, as the loop's clock has it."""

    @property
    def pausing(self) -> bool:
        """Whether an attempt has failed and the next one has not begun."""
        return not self.done and self.job is None and self.task is None

    @property
    def info(self) -> StepInfo:
        """What the step may ask about itself."""
        return StepInfo(
            self.execution,
            self.step.name,
            self.failures + 1,
            partial(idempotency_key, self.key, self.request.id),
            self.traceparent,
            self.flag,
        )


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
        find: Callable[[str], Step[..., Any] | None] = find_step,
        afterwards: Callable[[], None] | None = None,
    ) -> None:
        """`afterwards` is called when outcomes of steps in threads were reported."""
        self._loop = loop
        self._clock = clock
        self._threads = ThreadPool(threads, loop.call_later)
        # A thread for each worker: steps that wait for a worker keep no other step waiting.
        self._callers = ThreadPool(processes, loop.call_later, "flawless-step-caller")
        self._processes = ProcessPool(processes)
        self._jitter = jitter
        self._find = find
        self._ends = Mailbox(loop, afterwards)

    def perform(
        self,
        execution: str,
        request: StepRequest,
        *,
        began_us: int,
        earlier: SavedAttempts,
        on_attempt: Callable[[SavedAttempts], None],
        report: Report,
        key: str | None = None,
        traceparent: str = "",
    ) -> StepRun | None:
        """Run a step; `report` is called later, on the loop, exactly once unless cancelled.

        `earlier` tells of the attempts that failed before: what is left of the pause after them is
        waited for first. `on_attempt` gets the same whenever another one has failed and a retry
        follows. `key` is what idempotency keys are made of, the execution's id if not given.
        """
        step = self._find(request.name)
        if step is None:
            outcome = host_error(
                "StepFailed",
                f"no step is named {request.name!r} in the modules this engine has imported",
                type="StepNotFound",
            )
            self._loop.call_soon(report, outcome)
            return None
        run = StepRun(
            execution,
            key or execution,
            request,
            step,
            report,
            began_us,
            list(earlier.attempts),
            earlier.failures,
            on_attempt,
            traceparent,
        )
        pause_s = self._rest_s(step, earlier)
        if pause_s > 0:
            self._attempt_in(pause_s, run)
        else:
            self._begin(run)
        return run

    def cancel(self, run: StepRun) -> None:
        """Stop a step if it can be stopped; its outcome is not reported.

        A step in a thread is told (`flawless.cancelled`), an async one is cancelled, and the worker
        process of one that runs there is killed.
        """
        run.done = True
        if run.flag is not None:
            run.flag.raise_()
        self._release(run)
        if run.task is not None:
            run.task.cancel()

    def close(self) -> None:
        """Take no more steps; those under way are given up."""
        self._threads.close()
        self._callers.close()
        self._processes.close()

    # --- one attempt --------------------------------------------------------------------------

    def _attempt_in(self, pause_s: float, run: StepRun) -> None:
        if pause_s > 0:
            run.timer = self._clock.call_later(pause_s, self._attempt, run)
        else:  # no clock needs to move for this
            run.timer = self._loop.call_soon(self._attempt, run)

    def _attempt(self, run: StepRun) -> None:
        if not run.done:
            self._refresh(run)
            self._begin(run)

    def _begin(self, run: StepRun) -> None:
        options = run.step.options
        run.timer = None
        flag = run.flag = CancelFlag()
        run.started_s = None
        if run.step.is_async and not options.process:
            run.task = self._loop.create_task(self._run_async(run))
            if options.timeout_s is not None:
                run.timer = self._loop.call_later(options.timeout_s, flag.raise_)
            return
        if options.process:
            run.call = Call()
        work = self._work(run)
        try:
            run.job = (self._callers if options.process else self._threads).submit(work)
        except EngineError as error:
            refusal = host_error("StepFailed", str(error), type="EngineError")
            self._loop.call_soon(self._ended, run, refusal, None)
            return
        if options.timeout_s is not None and not options.process:
            run.timer = self._loop.call_later(options.timeout_s, self._check_timeout, run, run.job)

    def _refresh(self, run: StepRun, *, same_way: bool = False) -> None:
        """Take the step as it is now: an upload may have replaced it, and classes it is given.

        With `same_way` only if it is still performed in the same way. What a test has put in its
        place stays.
        """
        if self._find is not find_step:
            return
        now = self._find(run.request.name) or run.step
        if not same_way or _way(now) == _way(run.step):
            run.step = now

    def _work(self, run: StepRun) -> Callable[[], None]:
        attempt, info, call = run.failures, run.info, run.call
        post, time = self._ends.post, self._loop.time

        def hand_back(outcome: Outcome, error: BaseException | None) -> None:
            try:
                post(partial(self._ended, run, outcome, error, attempt))
            except RuntimeError:
                _log.debug("step %s ended after the engine had stopped", run.step.name)

        def work() -> None:
            run.started_s = time()
            if run.step.options.process:
                try:
                    outcome = self._processes.run(run.step, info, bytes(run.request.args), call)
                except Exception as error:  # no worker can be started: no memory, no file handles
                    outcome = raised(error, skip_frames=1)
                hand_back(outcome, None)
                return
            token = current_step.set(info)
            try:
                self._refresh(run, same_way=True)  # it may have waited for its thread
                args, kwargs = _arguments(run)
                if info.traceparent:
                    with Within(info.traceparent):
                        value = run.step.function(*args, **kwargs)
                else:
                    value = run.step.function(*args, **kwargs)
                outcome, problem = succeeded(value, "result"), None
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
                with Within(run.traceparent):
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
        elapsed_s = 0.0 if run.started_s is None else self._loop.time() - run.started_s
        if elapsed_s < limit_s:
            run.timer = self._loop.call_later(limit_s - elapsed_s, self._check_timeout, run, job)
            return
        self._threads.abandon(job)
        if run.flag is not None:
            run.flag.raise_()
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
        run.call = None
        run.task = None
        if outcome.failed:
            pause_s = self._pause_s(run, error)
            if pause_s is not None:
                self._note_attempt(run, outcome, pause_s)
                if not run.done:  # the engine may stop
                    self._attempt_in(pause_s, run)
                return
        run.done = True
        if run.attempts:
            outcome = Outcome(outcome.failed, outcome.payload, run.attempts)
        run.report(outcome)

    def _pause_s(self, run: StepRun, error: BaseException | None) -> float | None:
        options = run.step.options
        if error is not None and (
            isinstance(error, options.give_up_on) or not isinstance(error, options.retry_on)
        ):
            return None
        return options.retry.pause_s(run.failures + 1, self._jitter())

    def _rest_s(self, step: Step[..., Any], earlier: SavedAttempts) -> float:
        """What is left of a pause that another process began."""
        if earlier.due_us is None:
            return 0.0
        rest_s = (earlier.due_us - self._clock.now_us()) / 1_000_000
        return min(rest_s, step.options.retry.longest_s)  # the clock may have been set back

    def _note_attempt(self, run: StepRun, outcome: Outcome, pause_s: float) -> None:
        now_us = self._clock.now_us()
        pause_us = round(pause_s * 1_000_000)
        latest = failed_attempt(max(0, now_us - run.began_us), outcome.payload, pause_us)
        run.attempts = history(run.attempts, latest)
        run.failures += 1
        due_us = now_us + pause_us
        run.on_attempt(SavedAttempts(run.attempts, run.failures, due_us))

    def _release(self, run: StepRun) -> None:
        if run.timer is not None:
            run.timer.cancel()
            run.timer = None
        if run.call is not None:
            self._processes.call_off(run.call)  # its thread comes back by itself
        elif run.job is not None:
            self._threads.abandon(run.job)


def _arguments(run: StepRun) -> tuple[tuple[Any, ...], dict[str, Any]]:
    return codec.decode_call(msgspec.json.decode(run.request.args), run.step.function)


def _way(step: Step[..., Any]) -> tuple[bool, bool]:
    return step.is_async, step.options.process


def _timed_out(run: StepRun) -> Outcome:
    limit_s = run.step.options.timeout_s
    return host_error("StepTimeout", f"{run.step.name} did not end within {limit_s:g} s")
