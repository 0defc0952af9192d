"""A bounded pool of threads for steps: quick to hand work to, and ready to give up on a job.

Two things the standard pool does not do:

- *Giving up.* A job that hangs would block one of the pool's places for ever, and the interpreter
  would wait for it at exit. Here threads are daemons, and a job that was given up no longer counts:
  another thread takes its place, up to a bound.
- *Waking few.* Waking a sleeping thread costs more than a short step does, and threads that are
  awake at the same time fight for the interpreter's lock. So while one thread is at work, new jobs
  wait for it: most steps take microseconds, and it will be back. Only when nobody has taken a job
  for `PATIENCE_S` is another thread woken, then two more, four more, and so on: steps that block
  soon have all the threads they may have.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from typing import Any

from flawless.errors import EngineError

ABANDONED_MAX = 256
"""Threads that may hang for ever before the pool refuses more work."""

PATIENCE_S = 0.001
"""How long jobs wait for a thread that is at work before another one is woken."""


class Job:
    """One piece of work, and where it stands."""

    __slots__ = ("abandoned", "done", "started", "work")

    def __init__(self, work: Callable[[], None]) -> None:
        self.work = work
        self.started = False
        self.done = False
        self.abandoned = False


class ThreadPool:
    """Runs jobs in at most `size` threads, in order of submission.

    `later` calls a function after some seconds in the thread that submits jobs (a loop's
    `call_later`). All methods belong to that thread.
    """

    def __init__(
        self,
        size: int,
        later: Callable[[float, Callable[[], None]], Any],
        name: str = "flawless-step",
    ) -> None:
        assert size > 0
        self._size = size
        self._later = later
        self._name = name
        self._lock = threading.Lock()
        self._jobs: deque[Job] = deque()
        self._asleep: list[threading.Lock] = []
        """One locked lock per idle thread; releasing it wakes the thread. The last came last."""
        self._threads = 0
        """Threads that count: those that hang in a job that was given up do not."""
        self._hanging = 0
        self._taken = 0
        self._watching = False
        self._closed = False

    def submit(self, work: Callable[[], None]) -> Job:
        """Queue `work`, which must not raise. Raises `EngineError` when too many threads hang."""
        if self._closed:
            raise EngineError("the pool of step threads is closed")
        if self._hanging >= ABANDONED_MAX:
            raise EngineError(
                f"{self._hanging} steps hang beyond their timeout: give them timeouts of their "
                "own, or use @step(process=True)"
            )
        job = Job(work)
        self._jobs.append(job)
        with self._lock:
            nobody_at_work = len(self._asleep) == self._threads
            if nobody_at_work:
                self._wake(1)
            more = bool(self._asleep) or self._threads < self._size
        if more and not nobody_at_work and not self._watching:
            self._watching = True
            self._watch(self._taken, 1)
        return job

    def abandon(self, job: Job) -> None:
        """Stop counting on `job`; if it has not begun, it never will."""
        with self._lock:
            if job.abandoned or job.done:
                return
            job.abandoned = True
            if job.started:
                self._hanging += 1
                self._threads -= 1
                if self._jobs:
                    self._wake(1)

    def close(self) -> None:
        """Take no more jobs and end the idle threads; jobs under way are left alone."""
        with self._lock:
            self._closed = True
            self._jobs.clear()
            self._wake(len(self._asleep))

    def _watch(self, taken_before: int, more: int) -> None:
        """Look again soon; if no job was taken meanwhile, wake `more` threads."""

        def look() -> None:
            if not self._jobs or self._closed:
                self._watching = False
            elif self._taken != taken_before:
                self._watch(self._taken, 1)
            else:
                with self._lock:
                    all_awake = self._wake(more) < more
                if all_awake:  # who has done with its job takes the next
                    self._watching = False
                else:
                    self._watch(self._taken, more * 2)

        self._later(PATIENCE_S, look)

    def _wake(self, count: int) -> int:
        """Wake or start up to `count` threads, and return how many; the lock is held."""
        for woken in range(count):
            if self._asleep:
                self._asleep.pop().release()
            elif self._threads < self._size and not self._closed:
                self._threads += 1
                threading.Thread(target=self._run, name=self._name, daemon=True).start()
            else:
                return woken
        return count

    def _run(self) -> None:
        bell = threading.Lock()
        bell.acquire()
        while True:
            job = self._take(bell)
            if job is None:
                return
            if not job.started:
                continue
            job.work()
            with self._lock:
                job.done = True
                if job.abandoned:
                    self._hanging -= 1
                    return  # another thread has taken this one's place

    def _take(self, bell: threading.Lock) -> Job | None:
        """Return the next job, waiting for it; None when the pool is closed."""
        while True:
            with self._lock:
                if self._jobs:
                    job = self._jobs.popleft()
                    self._taken += 1
                    job.started = not job.abandoned
                    return job
                if self._closed:
                    return None
                self._asleep.append(bell)
            bell.acquire()  # asleep
