"""Worker processes: what happens in them stays there, and comes back as an outcome."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextvars import copy_context
from multiprocessing import Pipe
from pathlib import Path
from typing import Any

import pool_steps
import pytest
from lives import until

from flawless import codec
from flawless.engine.context import StepInfo
from flawless.engine.outcome import Outcome
from flawless.engine.processes import ProcessPool, _serve
from flawless.functions import Step


@pytest.fixture(scope="module")
def pool() -> Iterator[ProcessPool]:
    """A pool with one worker."""
    made = ProcessPool(1)
    yield made
    made.close()


def run(pool: ProcessPool, step: Step[..., Any], *args: Any) -> Outcome:
    """Run a step in a worker."""
    info = StepInfo("order-1", step.name, 3, "key-1")
    return pool.run(step, info, codec.dumps(codec.encode_call(args, {})).encode())


def value(outcome: Outcome) -> Any:
    """Return what a step returned."""
    assert not outcome.failed, outcome.payload
    return json.loads(outcome.payload)


def error(outcome: Outcome) -> dict[str, Any]:
    """Return what a step raised."""
    assert outcome.failed
    found: dict[str, Any] = json.loads(outcome.payload)
    return found


def alive(process: int) -> bool:
    """Tell whether a process is there."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, 0)
        return True
    return False


def test_a_worker_is_kept(pool: ProcessPool) -> None:
    """Steps run in another process, the same one as long as all is well."""
    first = value(run(pool, pool_steps.pid))
    assert first != os.getpid()
    assert value(run(pool, pool_steps.halve, 8)) == 4
    assert error(run(pool, pool_steps.halve, 3))["message"] == "3 is odd"
    assert value(run(pool, pool_steps.pid)) == first


def test_what_a_step_knows(pool: ProcessPool) -> None:
    """Execution, attempt and idempotency key are known in the worker too."""
    assert value(run(pool, pool_steps.about)) == ["order-1", 3, "key-1"]


def test_an_exception_is_itself(pool: ProcessPool) -> None:
    """It comes back with class, attributes and the lines of the step."""
    raised = error(run(pool, pool_steps.halve, 5))
    made = codec.decode_exception(raised["value"])
    assert isinstance(made, pool_steps.Odd)
    assert made.number == 5
    assert "raise Odd(number)" in raised["traceback"]


def test_arguments_that_do_not_fit(pool: ProcessPool) -> None:
    """They are an error of the step, not of the worker."""
    assert "number" in error(run(pool, pool_steps.halve))["message"]


def test_a_worker_that_dies(pool: ProcessPool) -> None:
    """It fails its step, says how it ended, and the next step gets another worker."""
    first = value(run(pool, pool_steps.pid))
    assert "exit status 7" in error(run(pool, pool_steps.dies, 7))["message"]
    assert value(run(pool, pool_steps.pid)) != first


def test_a_step_that_hangs_is_killed(pool: ProcessPool, tmp_path: Path) -> None:
    """Beyond its timeout its process is killed."""
    marks = tmp_path / "marks"
    raised = error(run(pool, pool_steps.hangs, str(marks)))
    assert raised["type"] == "StepTimeout"
    assert not alive(int(marks.read_text()))


def test_close_kills_workers_and_starts_none(tmp_path: Path) -> None:
    """Steps under way end at once, and those that wait for a place never begin."""
    made = ProcessPool(1)
    marks = tmp_path / "marks"
    outcomes: list[Outcome] = []
    callers = [
        threading.Thread(target=lambda: outcomes.append(run(made, pool_steps.waits, str(marks))))
        for _ in range(2)
    ]
    for caller in callers:
        caller.start()
    until(lambda: marks.exists() and marks.read_text().endswith("\n"), "the first step begins")
    made.close()
    for caller in callers:
        caller.join(10)
        assert not caller.is_alive()
    (process,) = marks.read_text().split()
    assert not alive(int(process))
    kinds = sorted(error(outcome)["message"].split(" (")[0] for outcome in outcomes)
    assert kinds == ["the engine was closed", "the worker process of pool_steps.waits died"]


def test_a_worker_whose_engine_is_gone_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A step that ends after the engine was killed has nobody to tell, which is no error."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    job = {
        "module": "pool_steps", "code": "", "path": [], "step": "pool_steps.pid",
        "execution_id": "order-1", "attempt": 1, "idempotency_key": "key-1", "traceparent": "",
        "args": codec.encode_call((), {}),
    }  # fmt: skip
    ours, its = Pipe()
    ours.send_bytes(codec.dumps(job).encode())
    ours.close()
    copy_context().run(_serve, its)
    its.close()
