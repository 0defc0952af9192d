"""Worker processes for steps marked `process=True`.

One worker runs one step at a time, so a worker that crashes or is killed takes only its own step
with it. Arguments and results cross the pipe as JSON texts of the codec, never as pickles. A worker
imports the step's module anew ("spawn"): it shares nothing with the engine.
"""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import signal
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import msgspec

from flawless import codec
from flawless.engine.context import StepInfo, current_step
from flawless.engine.imports import Finder, code_folder, top
from flawless.engine.outcome import Outcome, host_error, raised, succeeded
from flawless.engine.tracing.context import Within
from flawless.functions import Step, find_step

STEPS_PER_WORKER_MAX = 1_000
"""A worker is replaced after that many steps, so that leaks of native code stay bounded."""


class _Job(msgspec.Struct):
    module: str
    code: str
    """The folder of the upload that the step came with, or an empty text."""
    path: list[str]
    step: str
    execution_id: str
    attempt: int
    idempotency_key: str
    traceparent: str
    args: msgspec.Raw


class _Reply(msgspec.Struct):
    failed: bool
    payload: msgspec.Raw


class _Worker:
    """A process and the pipe to it."""

    def __init__(self, code: str) -> None:
        self.code = code
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(
            target=_serve, args=(theirs,), name="flawless-step-worker", daemon=True
        )
        self.process.start()
        theirs.close()
        self.steps = 0

    def stop(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class Call:
    """One step for a worker, so that it can be called off. Its pool's lock guards it."""

    __slots__ = ("off", "worker")

    def __init__(self) -> None:
        self.off = False
        self.worker: _Worker | None = None


class ProcessPool:
    """At most `size` workers, started when first needed and kept for the next step."""

    def __init__(self, size: int) -> None:
        assert size > 0
        self._size = size
        self._places = threading.BoundedSemaphore(size)
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._all: set[_Worker] = set()
        self._closed = False

    def run(
        self, step: Step[..., Any], info: StepInfo, args: bytes, call: Call | None = None
    ) -> Outcome:
        """Run one step and wait for it; call it from a thread that may block.

        A step that exceeds its timeout is killed. Its death in any other way is a `StepFailed`.
        """
        call = call or Call()
        with self._places:
            if call.off:
                return _called_off()
            worker = self._take(code_folder(step.function))
            if worker is None:
                return host_error("StepFailed", "the engine was closed", type="EngineStopped")
            healthy = False
            try:
                with self._lock:
                    begins = not call.off
                    call.worker = worker if begins else None
                if begins:
                    outcome, healthy = self._exchange(worker, step, info, args)
                else:
                    outcome, healthy = _called_off(), True
            finally:
                with self._lock:
                    if call.worker is not None and call.off:
                        healthy = False  # it was killed, perhaps just after it had answered
                    call.worker = None
                self._give_back(worker, healthy=healthy)
            return outcome

    def call_off(self, call: Call) -> None:
        """Kill the worker that has the call, or see to it that none ever gets it."""
        with self._lock:
            call.off = True
            if call.worker is not None:
                call.worker.process.kill()

    def close(self) -> None:
        """Kill all workers."""
        with self._lock:
            self._closed = True
            workers, self._all = self._all, set()
            self._idle.clear()
        for worker in workers:
            worker.process.kill()

    def _exchange(
        self, worker: _Worker, step: Step[..., Any], info: StepInfo, args: bytes
    ) -> tuple[Outcome, bool]:
        job = _Job(
            step.function.__module__,
            worker.code,
            [entry for entry in sys.path if entry],
            step.name,
            info.execution_id,
            info.attempt,
            info.idempotency_key,
            info.traceparent,
            msgspec.Raw(args),
        )
        try:
            worker.pipe.send_bytes(msgspec.json.encode(job))
            if not worker.pipe.poll(step.options.timeout_s):
                limit_s = step.options.timeout_s
                text = f"{step.name} did not end within {limit_s:g} s; its process was killed"
                return host_error("StepTimeout", text), False
            reply = msgspec.json.decode(worker.pipe.recv_bytes(), type=_Reply)
            return Outcome(reply.failed, bytes(reply.payload)), True
        except (EOFError, OSError):
            worker.process.join(timeout=5)
            text = f"the worker process of {step.name} died ({_how(worker.process.exitcode)})"
            if step.function.__module__ == "__main__" and worker.steps == 0:
                text += '; a program that runs an engine needs `if __name__ == "__main__":`'
            return host_error("StepFailed", text, type="WorkerDied"), False

    def _take(self, code: str) -> _Worker | None:
        """Return a worker for one step of that code, or None when the pool is closed.

        A worker knows one upload only, or none: modules of several may have the same names.
        """
        spare: _Worker | None = None
        with self._lock:
            if self._closed:
                return None
            for worker in reversed(self._idle):
                if worker.code == code:
                    self._idle.remove(worker)
                    return worker
            if len(self._all) >= self._size and self._idle:
                spare = self._idle.pop(0)
                self._all.discard(spare)
        if spare is not None:
            spare.stop()
        worker = _Worker(code)
        with self._lock:
            if not self._closed:
                self._all.add(worker)
                return worker
        worker.stop()
        return None

    def _give_back(self, worker: _Worker, *, healthy: bool) -> None:
        worker.steps += 1
        with self._lock:
            keep = healthy and not self._closed and worker.steps < STEPS_PER_WORKER_MAX
            if keep:
                self._idle.append(worker)
            else:
                self._all.discard(worker)
        if not keep:
            worker.stop()


def _called_off() -> Outcome:
    return host_error("StepFailed", "nobody waits for the step any more", type="Cancelled")


def _how(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        names = {number.value: number.name for number in signal.Signals}
        return f"killed by {names.get(-exitcode, f'signal {-exitcode}')}"
    return f"exit status {exitcode}"


def _serve(pipe: Connection) -> None:
    """Run steps until the engine closes the pipe, or is gone; the body of a worker process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(EOFError, ConnectionError):  # which is how a killed engine looks
        while True:
            job = msgspec.json.decode(pipe.recv_bytes(), type=_Job)
            outcome = _perform(job)
            reply = _Reply(outcome.failed, msgspec.Raw(outcome.payload))
            pipe.send_bytes(msgspec.json.encode(reply))


def _perform(job: _Job) -> Outcome:
    try:
        step = _import_step(job)
        current_step.set(
            StepInfo(job.execution_id, job.step, job.attempt, job.idempotency_key, job.traceparent)
        )
        args, kwargs = codec.decode_call(msgspec.json.decode(job.args), step.function)
        function: Callable[..., Any] = step.function
        with Within(job.traceparent):
            if step.is_async:
                import asyncio

                value = asyncio.run(function(*args, **kwargs))
            else:
                value = function(*args, **kwargs)
        return succeeded(value, "result")
    except BaseException as error:  # whatever it is, it is the workflow's to know
        return raised(error, skip_frames=1)


def _import_step(job: _Job) -> Step[..., Any]:
    if job.code:
        _use(Path(job.code))
    step = None if job.code and job.module not in sys.modules else find_step(job.step)
    if step is None:
        for entry in job.path:
            if entry not in sys.path:
                sys.path.append(entry)
        # "spawn" has loaded the main program, if it is a file, under the name __mp_main__.
        if job.module != "__main__":
            importlib.import_module(job.module)
        step = find_step(job.step)
    if step is None:
        raise LookupError(f"no step is named {job.step!r} in module {job.module!r}")
    return step


def _use(folder: Path) -> None:
    """Let the modules of an upload be found first; what the main program knows of them is other."""
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        return  # a worker knows one upload
    tops = frozenset(place.name.removesuffix(".py") for place in folder.iterdir())
    sys.meta_path.insert(0, Finder(folder, tops))
    for name in [name for name in sys.modules if top(name) in tops]:
        del sys.modules[name]
