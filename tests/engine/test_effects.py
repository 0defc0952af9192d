"""What workflows can do, through the real engine."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from datetime import UTC, datetime
from decimal import Decimal

import engine_programs as programs
import pytest

import flawless


def test_workflow_returns(engine: flawless.Engine) -> None:
    """A workflow's result reaches the caller."""
    assert engine.start(programs.plain, 3, text="ab").result(timeout=20) == "ababab"


def test_steps_in_order(engine: flawless.Engine) -> None:
    """Steps run once each and their results reach the workflow."""
    before = programs.calls.get("add", 0)
    assert engine.start(programs.sums, [1, 2, 3]).result(timeout=20) == 6
    assert programs.calls["add"] == before + 3


def test_async_workflow_gathers_steps(engine: flawless.Engine) -> None:
    """An async workflow runs many steps at the same time."""
    assert engine.start(programs.sums_async, list(range(50))).result(timeout=20) == 1225


def test_typed_values_travel(engine: flawless.Engine) -> None:
    """Dataclasses, enums, decimals and datetimes keep their types through workflow and step."""
    item = programs.Item("hat", Decimal("9.50"), programs.Colour.BLUE)
    order = programs.Order(7, [item, item], datetime(2026, 1, 1, tzinfo=UTC))
    assert engine.start(programs.typed, order).result(timeout=20) == (Decimal("19.00"), order)


def test_clock_random_and_identity(engine: flawless.Engine) -> None:
    """Unmodified standard-library calls give real time and differ between executions."""
    first = engine.start(programs.world, id="world-1").result(timeout=20)
    second = engine.start(programs.world).result(timeout=20)
    now = datetime.now(UTC)
    assert abs((now - first["now"]).total_seconds()) < 60
    assert first["id"] == "world-1"
    assert isinstance(first["uuid"], uuid.UUID)
    for key in ("random", "uuid", "bytes"):
        assert first[key] != second[key]
    assert first["set"] == second["set"]


def test_step_exception_is_itself(engine: flawless.Engine) -> None:
    """A step's exception reaches the workflow as its own class, with its attributes."""
    assert engine.start(programs.pays, "4711").result(timeout=20) == "caught 4711"


def test_uncaught_step_exception_fails_the_execution(engine: flawless.Engine) -> None:
    """An uncaught exception of a step fails the execution with the user's lines."""
    run = engine.start(programs.pays_uncaught, "4711")
    with pytest.raises(flawless.ExecutionFailed) as caught:
        run.result(timeout=20)
    assert caught.value.type == "engine_programs.CardDeclined"
    assert "return decline(card)" in caught.value.traceback
    assert run.status is flawless.Status.FAILED


def test_retries_with_attempts_visible(engine: flawless.Engine) -> None:
    """A flaky step is tried again; attempts and one idempotency key are visible."""
    run = engine.start(programs.retries, "r1", 3)
    attempt, key = run.result(timeout=20).split()
    assert attempt == "4"
    assert uuid.UUID(key)
    (called,) = [entry for entry in run.journal() if hasattr(entry, "attempts")]
    assert [a.message for a in called.attempts] == ["attempt 1", "attempt 2", "attempt 3"]


def test_give_up_on(engine: flawless.Engine) -> None:
    """An exception in give_up_on is not retried."""
    assert engine.start(programs.gives_up_at_once, "g1").result(timeout=20) == "no use"
    assert programs.calls["gives up g1"] == 1


def test_step_timeout_of_a_thread(engine: flawless.Engine) -> None:
    """A sync step that hangs is given up, and its thread is replaced."""
    import threading

    programs.release["t1"] = threading.Event()
    try:
        assert "0.05" in engine.start(programs.waits, "t1").result(timeout=20)
        assert engine.start(programs.sums, [1]).result(timeout=20) == 1
    finally:
        programs.release["t1"].set()


def test_step_timeout_of_a_task(engine: flawless.Engine) -> None:
    """An async step that hangs is cancelled at its timeout."""
    assert engine.start(programs.waits_async).result(timeout=20) == "StepTimeout"


def test_step_that_exits(engine: flawless.Engine) -> None:
    """SystemExit in a step is a failed step, and the pool goes on."""
    assert engine.start(programs.step_exits).result(timeout=20) == "SystemExit"


def test_step_with_unserialisable_result(engine: flawless.Engine) -> None:
    """A result the codec cannot carry fails at once and names the path."""
    with pytest.raises(flawless.ExecutionFailed, match=r"result.*lock"):
        engine.start(programs.step_returns_lock).result(timeout=20)


def test_step_with_large_result(engine: flawless.Engine) -> None:
    """A step's result over the size limit is an error the workflow can catch."""
    assert "1,000,000" in engine.start(programs.step_returns_much, 2_000_000).result(timeout=20)


def test_step_in_a_worker_process(engine: flawless.Engine) -> None:
    """process=True runs elsewhere, and the worker is used again."""
    first = engine.start(programs.in_process).result(timeout=30)
    second = engine.start(programs.in_process).result(timeout=30)
    assert first == second != os.getpid()


def test_crash_of_a_worker_process(engine: flawless.Engine) -> None:
    """A segmentation fault in a worker is a failed step, nothing more."""
    assert "SIGSEGV" in engine.start(programs.process_crashes).result(timeout=30)
    assert engine.start(programs.in_process).result(timeout=30) != os.getpid()


def test_timeout_of_a_worker_process(engine: flawless.Engine) -> None:
    """A worker that exceeds the step's timeout is killed."""
    assert "killed" in engine.start(programs.process_hangs).result(timeout=30)


def test_exception_in_a_worker_process(engine: flawless.Engine) -> None:
    """An exception crosses the process boundary as itself."""
    assert engine.start(programs.process_raises).result(timeout=30) == "4711"


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.5])
@pytest.mark.parametrize("name", ["sleeps", "sleeps_like_python", "sleeps_async"])
def test_durable_sleep(engine: flawless.Engine, name: str, seconds: float) -> None:
    """Sleeping takes the time it should, in memory (short) and out of it (longer than 0.2 s)."""
    assert seconds <= engine.start(f"engine_programs.{name}", seconds).result(timeout=20) < 15


def test_logs(engine: flawless.Engine) -> None:
    """Prints and log records are kept with level and logger."""
    run = engine.start(programs.logs)
    run.result(timeout=20)
    lines = run.logs()
    assert [(line.level, line.logger) for line in lines] == [
        (20, "print"),
        (30, "shop"),
        (40, "shop"),
    ]
    assert lines[0].message == "printed 1"
    assert lines[1].message == "warned twice"
    assert "ValueError: inside" in lines[2].message


def test_http_request(engine: flawless.Engine, site) -> None:
    """Method, headers and body arrive; status, headers and text come back."""
    result = engine.start(programs.fetches, "PUT", f"{site.url}/echo").result(timeout=20)
    assert result["status"] == 200
    assert json.loads(result["text"]) == {"a": [1, None]}
    method, _, headers = site.seen[-1]
    assert method == "PUT"
    assert headers["x-name"] == "v"
    assert uuid.UUID(headers["idempotency-key"])


def test_http_error_status_is_a_response(engine: flawless.Engine, site) -> None:
    """A status of 500 is a response, not an exception."""
    result = engine.start(programs.fetches, "GET", f"{site.url}/status/500").result(timeout=20)
    assert result["status"] == 500


def test_http_binary_body(engine: flawless.Engine, site) -> None:
    """Bytes survive the way there and back."""
    result = engine.start(programs.fetches_bytes, f"{site.url}/echo").result(timeout=20)
    assert result == bytes(range(256))


def test_http_concurrently(engine: flawless.Engine, site) -> None:
    """Started requests run together and their answers are told apart."""
    urls = [f"{site.url}/name/{n}" for n in range(20)]
    result = engine.start(programs.fetches_together, urls).result(timeout=20)
    assert result == [f"/name/{n}" for n in range(20)]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/redirect/2", "no error"),
        ("/redirect/9", "TooManyRedirects"),
        ("/large/5000", "BodyTooLarge"),
        ("/stall", "RequestTimeout"),
        ("/break", "ProtocolError"),
    ],
)
def test_http_failures_are_typed(engine: flawless.Engine, site, path: str, expected: str) -> None:
    """What goes wrong on the way is an error of its own class."""
    run = engine.start(programs.fetch_error, site.url + path, timeout=0.5, max_bytes=4096)
    assert run.result(timeout=20) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:1/", "ConnectError"),
        ("nonsense", "InvalidURL"),
        ("ftp://127.0.0.1/", "InvalidURL"),
        ("http://[/", "InvalidURL"),
    ],
)
def test_http_without_a_server(engine: flawless.Engine, url: str, expected: str) -> None:
    """A closed port and an unusable URL are told apart."""
    assert engine.start(programs.fetch_error, url).result(timeout=20) == expected


def test_cookies_are_not_shared(engine: flawless.Engine, site) -> None:
    """Executions share connections, but what a server sets for one is sent by nobody else."""
    for _ in range(2):
        assert engine.start(programs.cookies_sent, site.url).result(timeout=20) == "none"


def test_binary_body_over_the_limit(engine: flawless.Engine, site) -> None:
    """A body that is too large once it is encoded is BodyTooLarge like any other."""
    run = engine.start(programs.fetch_error, f"{site.url}/binary/900000")
    assert run.result(timeout=20) == "BodyTooLarge"


def test_raw_output_is_logged_and_replays(engine: flawless.Engine) -> None:
    """What is written past print becomes log lines, the same on replay."""
    run = engine.start(programs.writes_raw)
    assert run.result(timeout=20) == 3
    assert [line.message for line in run.logs()] == ["first line", "unfinished"]
    assert run.replay().end is not None


def test_started_steps_are_done_before_the_end(engine: flawless.Engine) -> None:
    """A step that was started and never waited for is performed; a timer is dropped."""
    assert engine.start(programs.starts_only, "n1").result(timeout=20) == "returned"
    assert programs.calls["note n1"] == 2


def test_await_in_asyncio(engine: flawless.Engine) -> None:
    """`await run` gives the result inside a program's own loop."""

    async def main() -> str:
        return await engine.start(programs.plain, 2)

    assert asyncio.run(main()) == "xx"
