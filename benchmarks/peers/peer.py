"""What a block asks of an engine, and the two ways in which engines are called.

The workflows have the same names and do the same everywhere:

| workflow | does |
|---|---|
| `noop()` | returns 0 |
| `steps(count)` | so many no-op steps, one after the other; returns their sum |
| `sleeper(seconds)` | a durable sleep |
| `nap(execution, seconds)` | a step that marks `a`, a durable sleep, a step that marks `b` |
| `blocked(execution, count)` | so many marking steps, `s0` and on; `s1` blocks at a shut gate |
| `long(execution, count)` | so many no-op steps, then one that marks `s1` and blocks likewise |
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, TypeVar

from benchmarks.peers import marks, probes

T = TypeVar("T")
READY_S: Final = 90.0
"""For an engine to answer after it was spawned, with little in its store."""
LOAD_THREADS: Final = 256
"""That wait for results under steady load, where an engine's calls block."""


def inputs(workflow: str, number: int, value: float) -> tuple[Any, ...]:
    """Return the arguments of the execution with that number."""
    match workflow:
        case "sleeper":
            return (value,)
        case "steps":
            return (int(value),)
        case "nap":
            return (f"x{number}", value)
        case "blocked" | "long":
            return (f"x{number}", int(value))
    return ()


class Peer(ABC):
    """One engine, its store in a folder of its own.

    Either it is opened and called from this process, as its documentation advises for clients; or
    it is spawned, so that it can be killed: then an embedded engine lives in a process of its own.
    """

    name: str

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.marks = folder / "marks"
        folder.mkdir(parents=True, exist_ok=True)
        os.environ[marks.FILE] = str(self.marks)

    @abstractmethod
    def versions(self) -> dict[str, str]:
        """Return versions of all that matters."""

    @abstractmethod
    def settings(self) -> dict[str, str]:
        """Return how it is set up, in words."""

    @abstractmethod
    def open(self) -> None:
        """Make it ready to be called from this process."""

    @abstractmethod
    def close(self) -> None:
        """End what `open` began; nothing of the engine is left running."""

    @abstractmethod
    def latencies(self, workflow: str, count: int) -> list[float]:
        """Run executions one after the other; return the seconds of each, start to result."""

    @abstractmethod
    def many(self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int) -> list[Any]:
        """Run executions, so many at the same time; return their results."""

    @abstractmethod
    def begin_all(
        self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int, end: float
    ) -> int:
        """Start executions durably, so many starts at the same time, until the monotonic time
        `end` at most; return how many were started."""

    @abstractmethod
    def steadily(self, workflow: str, per_s: float, seconds: float) -> list[float]:
        """Start executions at a steady rate; return the seconds from when each was due."""

    @abstractmethod
    def store_bytes(self) -> int:
        """Return the size of all that is kept, free space left out where that is known."""

    @abstractmethod
    def spawn(self) -> None:
        """Start all processes of the engine on its store; do not wait for them."""

    @abstractmethod
    def ready(self, limit_s: float = READY_S) -> None:
        """Wait until what was spawned has run a no-op."""

    @abstractmethod
    def begin(self, workflow: str, count: int, value: float, at_once: int, limit_s: float) -> int:
        """Start executions in what was spawned; return how many were started in that time."""

    @abstractmethod
    def kill(self) -> None:
        """End all that was spawned, at once and without any warning."""

    @abstractmethod
    def numbers(self) -> list[int]:
        """Return the processes of what was spawned."""

    @abstractmethod
    def alive(self) -> None:
        """Raise unless all that was spawned still runs."""


class Threaded(Peer):
    """An engine whose calls block."""

    @abstractmethod
    def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """Run an execution."""

    @abstractmethod
    def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """Start an execution durably."""

    def latencies(self, workflow: str, count: int) -> list[float]:
        """See `Peer`."""
        return [_timed(lambda: self.call(workflow, ())) for _ in range(count)]

    def many(self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int) -> list[Any]:
        """See `Peer`."""
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(lambda given: self.call(workflow, given), arguments))

    def begin_all(
        self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int, end: float
    ) -> int:
        """See `Peer`."""

        def one(given: tuple[Any, ...]) -> bool:
            if time.monotonic() > end:
                return False
            self.start(workflow, given)
            return True

        with ThreadPoolExecutor(at_once) as pool:
            return sum(pool.map(one, arguments))

    def steadily(self, workflow: str, per_s: float, seconds: float) -> list[float]:
        """See `Peer`."""

        def one(due: float) -> float:
            self.call(workflow, ())
            return time.perf_counter() - due

        with ThreadPoolExecutor(LOAD_THREADS) as pool:
            began, waiting = time.perf_counter(), []
            for number in range(round(per_s * seconds)):
                due = began + number / per_s
                time.sleep(max(0.0, due - time.perf_counter()))
                waiting.append(pool.submit(one, due))
            return [future.result() for future in waiting]


class Looped(Peer):
    """An engine whose calls are awaited, on one loop in this process's main thread."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._runner: asyncio.Runner | None = None

    @abstractmethod
    async def call(self, workflow: str, arguments: tuple[Any, ...]) -> Any:
        """Run an execution."""

    @abstractmethod
    async def start(self, workflow: str, arguments: tuple[Any, ...]) -> None:
        """Start an execution durably."""

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the loop."""
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(work)

    def end_loop(self) -> None:
        """End the loop."""
        if self._runner is not None:
            self._runner.close()
            self._runner = None

    def latencies(self, workflow: str, count: int) -> list[float]:
        """See `Peer`."""

        async def all_of_them() -> list[float]:
            taken = []
            for _ in range(count):
                began = time.perf_counter()
                await self.call(workflow, ())
                taken.append(time.perf_counter() - began)
            return taken

        return self.run(all_of_them())

    def many(self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int) -> list[Any]:
        """See `Peer`."""
        left, results = iter(arguments), []

        async def worker() -> None:
            for given in left:
                results.append(await self.call(workflow, given))  # noqa: PERF401 (shared by workers)

        self.run(_together(worker, at_once))
        return results

    def begin_all(
        self, workflow: str, arguments: Iterable[tuple[Any, ...]], at_once: int, end: float
    ) -> int:
        """See `Peer`."""
        left, started = iter(arguments), 0

        async def worker() -> None:
            nonlocal started
            for given in left:
                if time.monotonic() > end:
                    return
                await self.start(workflow, given)
                started += 1

        self.run(_together(worker, at_once))
        return started

    def steadily(self, workflow: str, per_s: float, seconds: float) -> list[float]:
        """See `Peer`."""

        async def one(due: float) -> float:
            await self.call(workflow, ())
            return time.perf_counter() - due

        async def all_of_them() -> list[float]:
            began, waiting = time.perf_counter(), []
            for number in range(round(per_s * seconds)):
                due = began + number / per_s
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                waiting.append(asyncio.create_task(one(due)))
            return await asyncio.gather(*waiting)

        return self.run(all_of_them())


class Embedded(Peer):
    """An engine that lives in the program: what is spawned is `benchmarks.peers.resident`."""

    _process: subprocess.Popen[str] | None = None

    def spawn(self) -> None:
        """See `Peer`."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.peers.resident", self.name, str(self.folder)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip

    def ready(self, limit_s: float = READY_S) -> None:
        """See `Peer`."""
        del limit_s  # the process ends by itself where it cannot go on; the block has a limit
        self._ask("noop")

    def begin(self, workflow: str, count: int, value: float, at_once: int, limit_s: float) -> int:
        """See `Peer`."""
        return int(self._ask(f"begin {workflow} {count} {value} {at_once} {limit_s}"))

    def kill(self) -> None:
        """See `Peer`."""
        if self._process is not None:
            kill(self._process)
            self._process = None

    def numbers(self) -> list[int]:
        """See `Peer`."""
        return [] if self._process is None else probes.descendants(self._process.pid)

    def alive(self) -> None:
        """See `Peer`."""
        assert self._process is not None
        if self._process.poll() is not None:
            raise ChildProcessError(f"{self.name} ended with {self._process.returncode}")

    def _ask(self, command: str) -> str:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(command + "\n")
        process.stdin.flush()
        for line in process.stdout:
            if line.startswith("> "):
                return line[2:].strip()
        raise ChildProcessError(f"{self.name} ended while it was asked to: {command}")


def kill(process: subprocess.Popen[Any]) -> None:
    """End a process and all that it started, at once."""
    for number in probes.descendants(process.pid):
        try:
            os.kill(number, signal.SIGKILL)
        except ProcessLookupError:
            continue  # it has ended meanwhile
    process.wait()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            stream.close()


def wait_until(answers: Callable[[], bool], limit_s: float, what: str) -> None:
    """Wait for something that answers, sooner or later."""
    end = time.monotonic() + limit_s
    while True:
        try:
            if answers():
                return
        except OSError:
            pass
        if time.monotonic() > end:
            raise TimeoutError(f"{what} did not answer within {limit_s:.0f} s")
        time.sleep(0.02)


async def _together(worker: Callable[[], Coroutine[Any, Any, None]], at_once: int) -> None:
    await asyncio.gather(*(worker() for _ in range(at_once)))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
