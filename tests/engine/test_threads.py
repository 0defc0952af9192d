"""The pool of step threads: bounded, in order, and ready to give up on a job."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from lives import until

from flawless.engine import threads
from flawless.engine.threads import ThreadPool
from flawless.errors import EngineError

NAME = "step-of-test"


def later(delay_s: float, function: Callable[[], None]) -> None:
    """Call a function soon, in some thread: what a loop's `call_later` does."""
    timer = threading.Timer(delay_s, function)
    timer.daemon = True
    timer.start()


@contextmanager
def pool(size: int) -> Iterator[ThreadPool]:
    """A pool that is closed afterwards."""
    made = ThreadPool(size, later, NAME)
    yield made
    made.close()


def names() -> list[str]:
    """Return the names of the pool's threads that are alive."""
    return [t.name for t in threading.enumerate() if t.name == NAME]


def test_jobs_run_in_order() -> None:
    """One thread runs jobs in the order of their submission."""
    order: list[int] = []
    done = threading.Event()
    with pool(1) as made:
        for n in range(100):
            made.submit(lambda n=n: order.append(n))  # type: ignore[misc]  # a default argument
        made.submit(done.set)
        assert done.wait(10)
    assert order == list(range(100))


def test_nobody_looks_after_jobs_when_all_threads_are_at_work() -> None:
    """With more blocking jobs than threads, nobody looks again and again whether there is room."""
    gate, looks = threading.Event(), list[Callable[[], None]]()
    made = ThreadPool(3, lambda _, look: looks.append(look), NAME)
    started: list[int] = []

    def block(number: int) -> None:
        started.append(number)
        gate.wait(30)

    for number in range(8):
        made.submit(lambda number=number: block(number))  # type: ignore[misc]  # a default argument
    for _ in range(100):
        if not looks:
            break
        looks.pop()()
    assert not looks
    until(lambda: len(started) == 3, "all threads are at work")
    gate.set()
    until(lambda: len(started) == 8, "the rest is done by those that are free")
    made.close()


def test_blocking_jobs_get_all_the_threads_there_are() -> None:
    """Jobs that block run side by side up to the bound, and no further."""
    gate, lock, inside, most = threading.Event(), threading.Lock(), 0, 0

    def block() -> None:
        nonlocal inside, most
        with lock:
            inside += 1
            most = max(most, inside)
        gate.wait(30)
        with lock:
            inside -= 1

    with pool(4) as made:
        jobs = [made.submit(block) for _ in range(10)]
        until(lambda: inside == 4, "four jobs at the same time")
        assert sum(job.started for job in jobs) == 4
        gate.set()
        until(lambda: all(job.done for job in jobs), "all jobs")
    assert most == 4


def test_an_abandoned_job_gives_its_place_to_another() -> None:
    """A job that hangs no longer counts once it is given up, and its thread ends with it."""
    gate, done = threading.Event(), threading.Event()
    with pool(1) as made:
        hanging = made.submit(lambda: gate.wait(30) and None)
        until(lambda: hanging.started, "it begins")
        made.submit(done.set)
        made.abandon(hanging)
        made.abandon(hanging)  # once is enough
        assert done.wait(10)
        gate.set()
        until(lambda: len(names()) == 1, "its thread ends")
        again = threading.Event()
        made.submit(again.set)
        assert again.wait(10)


def test_a_job_abandoned_before_it_began_never_runs() -> None:
    """It is skipped when its turn comes."""
    gate, done, ran = threading.Event(), threading.Event(), []
    with pool(1) as made:
        first = made.submit(lambda: gate.wait(30) and None)
        until(lambda: first.started, "it begins")
        second = made.submit(lambda: ran.append(1))
        made.submit(done.set)
        made.abandon(second)
        gate.set()
        assert done.wait(10)
    assert ran == []
    assert not second.started


def test_a_job_abandoned_when_it_is_done_changes_nothing() -> None:
    """The notice of its end may still be under way when its time is up; no place is lost."""
    with pool(1) as made:
        for _ in range(threads.ABANDONED_MAX + 1):
            job = made.submit(lambda: None)
            until(lambda job=job: job.done, "it ends")  # type: ignore[misc]  # a default argument
            made.abandon(job)
        assert len(names()) <= 1


def test_too_many_hanging_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond a bound on threads that hang, work is refused with the remedy, until some return."""
    monkeypatch.setattr(threads, "ABANDONED_MAX", 3)
    gate = threading.Event()
    with pool(2) as made:
        for _ in range(3):
            job = made.submit(lambda: gate.wait(30) and None)
            until(lambda job=job: job.started, "it begins")  # type: ignore[misc]  # as above
            made.abandon(job)
        with pytest.raises(EngineError, match="process=True"):
            made.submit(lambda: None)
        gate.set()
        until(lambda: not names(), "the threads end")
        done = threading.Event()
        made.submit(done.set)
        assert done.wait(10)


def test_close() -> None:
    """Closing ends idle threads and drops queued jobs; what is under way may end."""
    gate, ran = threading.Event(), []
    with pool(1) as made:
        job = made.submit(lambda: gate.wait(30) and None)
        until(lambda: job.started, "it begins")
        made.submit(lambda: ran.append(1))
        made.close()
        with pytest.raises(EngineError, match="closed"):
            made.submit(lambda: None)
        gate.set()
        until(lambda: not names(), "all threads end")
    assert ran == []
