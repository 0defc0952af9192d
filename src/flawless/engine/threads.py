"""A bounded pool of threads whose jobs may be given up.

The standard pool waits for each of its threads at exit, and a job that hangs blocks one of its
places for ever. Here threads are daemons, and a job that is given up (its timeout passed) no longer
counts: another thread takes its place, up to a bound on abandoned threads.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

from flawless.errors import EngineError

ABANDONED_MAX = 256
"""Threads that may hang for ever before the pool refuses more work."""


class Job:
    """One piece of work, and where it stands."""

    __slots__ = ("abandoned", "started", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.started = False
        self.abandoned = False


class ThreadPool:
    """Runs jobs in at most `size` threads, in order of submission."""

    def __init__(self, size: int, name: str = "flawless-step") -> None:
        assert size > 0
        self._size = size
        self._name = name
        self._lock = threading.Lock()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._threads = 0
        self._idle = 0
        self._abandoned = 0
        self._closed = False

    def submit(self, work: Callable[[], None]) -> Job:
        """Queue `work`, which must not raise. Raises `EngineError` when too many threads hang."""
        job = Job(work)
        with self._lock:
            if self._closed:
                raise EngineError("the pool of step threads is closed")
            if self._abandoned >= ABANDONED_MAX:
                raise EngineError(
                    f"{self._abandoned} steps hang beyond their timeout: give them timeouts of "
                    "their own, or use @step(process=True)"
                )
            if self._idle > 0:
                self._idle -= 1
            else:
                self._grow()
        self._jobs.put(job)
        return job

    def abandon(self, job: Job) -> None:
        """Stop counting on `job`; if it has not begun, it never will."""
        with self._lock:
            if not job.abandoned:
                job.abandoned = True
                if job.started:
                    self._abandoned += 1
                    if not self._jobs.empty():
                        self._grow()

    def close(self) -> None:
        """Take no more jobs and end the idle threads; jobs under way are left alone."""
        with self._lock:
            self._closed = True
            threads = self._threads
        for _ in range(threads):
            self._jobs.put(None)

    def _grow(self) -> None:
        if self._threads - self._abandoned < self._size:
            self._threads += 1
            threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            job = self._jobs.get()
            if job is None:
                break
            with self._lock:
                if not job.abandoned:
                    job.started = True
            if job.started:
                job.work()
            with self._lock:
                if job.started and job.abandoned:
                    # Another thread has taken this one's place.
                    self._abandoned -= 1
                    self._threads -= 1
                    return
                if self._jobs.empty():
                    self._idle += 1
