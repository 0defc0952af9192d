"""A server from the command line is killed and frozen under load: clients get all they asked for.

`make test` does a little of it; what fails prints the seed that shows it again, with `--seed`.
"""

from __future__ import annotations

import secrets
import signal
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
from checker import check
from child import workflow_of
from harness import Field
from served import DATABASE, Clients, Served, kill_now_and_then, served

LOAD = (
    "steps", "requests", "retries", "sleeps", "futures", "concurrent", "many", "talks", "families",
    "leaves", "sagas", "continues",
)  # fmt: skip
SHARED_LOAD = ("many", "requests", "sleeps", "continues")
AT_ONCE = 12

_PAUSE = threading.Event()

pytestmark = pytest.mark.timeout(1800)
LANGUAGES = ["python", pytest.param("rust", marks=pytest.mark.sweep)]


class Day:
    """A server, its clients, and what they want of it."""

    def __init__(self, field: Field, server: Served, whole: bool, chance: Random) -> None:
        self.server = server
        self.run = f"served{secrets.token_hex(4)}"
        self.clients = Clients(server, f"{field.ledger.url}/{self.run}", chance)
        load, times = (LOAD, 12) if whole else (SHARED_LOAD, 1)
        self.executions = [f"{name}-{n}" for name in load for n in range(times)]
        chance.shuffle(self.executions)
        self._field = field
        self._idle = threading.Event()

    @contextmanager
    def working(self) -> Iterator[threading.Event]:
        """Let the clients ask until all have what they want; the event tells that they have."""
        with ThreadPoolExecutor(1) as pool:
            asked = pool.submit(self.clients.ask, self.executions, AT_ONCE)
            asked.add_done_callback(lambda _: self._idle.set())
            yield self._idle
            asked.result()

    def problems(self, kills: int) -> list[str]:
        """Ask once more how all has ended, stop the server, and return what is broken."""
        self.clients.ask_again(self.executions)
        self.server.stop()
        found = {"results": self.clients.results, "errors": self.clients.errors}
        store = self.server.folder / DATABASE
        stories = self._field.stories(self.run, store, self.executions, kills, found)
        problems = [
            f"{story.id}: {problem}"
            for story in stories
            for problem in check(story, self._field.calm(story.workflow))
        ]
        report = {"killed": ["server"] * kills}
        self._field.tally.add(stories, report, problems)
        return problems


@contextmanager
def day(field: Field, folder: Path, whole: bool, chance: Random) -> Iterator[Day]:
    """Begin a day."""
    with served(folder, field.language) as server:
        begun = Day(field, server, whole, chance)
        for execution in begun.executions:
            field.calm(workflow_of(execution))
        try:
            yield begun
        finally:
            begun.clients.close()


@pytest.mark.parametrize("field", LANGUAGES, indirect=True)
def test_a_server_killed_under_load(
    field: Field, whole: bool, chance: Random, tmp_path: Path
) -> None:
    """Killed at random instants, also while it starts, it loses, repeats and changes nothing."""
    with day(field, tmp_path, whole, chance) as today:
        with today.working() as idle:
            kills = kill_now_and_then(today.server, 25 if whole else 2, chance, idle)
        assert today.problems(kills) == []
        assert kills > 0


@pytest.mark.sweep
@pytest.mark.parametrize("field", ["python", "rust"], indirect=True)
@pytest.mark.parametrize("killed", [False, True], ids=["goes on", "killed"])
def test_a_frozen_server(
    field: Field,
    whole: bool,
    chance: Random,
    tmp_path: Path,
    killed: bool,
) -> None:
    """While it is stopped nobody else can take its store; it goes on, or dies as any other does."""
    kills = 0
    with day(field, tmp_path, whole, chance) as today:
        with today.working() as idle:
            for _ in range(6 if whole else 1):
                today.server.await_ready()
                if idle.wait(chance.uniform(0.1, 1.0)):
                    break
                today.server.send_signal(signal.SIGSTOP)
                refused(today.server)
                _PAUSE.wait(chance.uniform(0.0, 1.0))  # longer than sleeps, timeouts and pauses
                if killed:
                    today.server.kill()
                    today.server.start()
                    kills += 1
                else:
                    today.server.send_signal(signal.SIGCONT)
        assert today.problems(kills) == []


def refused(server: Served) -> None:
    """A second server on the same store is told who has it, and that is all."""
    assert server.process is not None
    second = subprocess.run(
        server.command(0), cwd=Path(__file__).parent, capture_output=True, text=True, timeout=60
    )
    assert second.returncode != 0
    assert f"process {server.process.pid}" in second.stderr, second.stderr
    assert "Traceback" not in second.stderr
