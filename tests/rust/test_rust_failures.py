"""Workflows in Rust that fail: each tells why and where, and the engine goes on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import rust_programs
from flawless import Engine
from flawless.core.limits import MIB, Limits
from flawless.errors import ExecutionFailed
from flawless.timetravel import Recording

FILE = "tests/rust/programs/src/failures.rs"
LIMITS = Limits(guest_memory_bytes_max=48 * MIB, cpu_s_per_turn=0.5)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """An engine in which all of this happens."""
    with Engine(modules=[str(rust_programs.wasm())], limits=LIMITS) as engine:
        yield engine
        assert engine.start("programs.hello", "Ada").result(timeout=60) == "hello Ada"


def failure(engine: Engine, workflow: str, *args: Any) -> ExecutionFailed:
    """Run a workflow of `failures.rs`, and return what it fails with."""
    with pytest.raises(ExecutionFailed) as caught:
        engine.start(f"programs.failures.{workflow}", *args).result(timeout=60)
    return caught.value


@pytest.mark.parametrize(
    ("workflow", "message", "functions"),
    [
        ("recurses", "recursed too deeply", ["descend (20 times or more)"]),
        ("unreachable", "the guest aborted", ["stop", "unreachable"]),
        ("out_of_bounds", "accessed memory out of bounds", ["peek", "out_of_bounds"]),
        ("hoards", "needs more memory than a guest may have", ["hoards"]),
        ("aborts", "the workflow aborted", ["aborts"]),
        ("hooks", "its own panic hook", ["hooks"]),
        ("hooks_panic", "panicked while it panicked", ["hooks_panic::{closure}", "hooks_panic"]),
    ],
)
def test_traps(engine: Engine, workflow: str, message: str, functions: list[str]) -> None:
    """A trap tells what it means, and the functions that it was in, innermost first."""
    failed = failure(engine, workflow)
    assert failed.type == "flawless.GuestTrapped"
    assert message in failed.message
    expected = [f"  at programs::failures::{one}" for one in functions]
    assert failed.traceback.splitlines()[1:] == expected


def test_panic_in_a_message(engine: Engine) -> None:
    """What is to be shown in a panic and panics itself is named."""
    failed = failure(engine, "panics_while_panicking")
    assert "panicked while it panicked" in failed.message
    assert "<programs::failures::Loud as core::fmt::Display>::fmt" in failed.traceback


@pytest.mark.parametrize(
    ("workflow", "args", "message", "function"),
    [
        ("divides", [3], "attempt to divide by zero", "divides"),
        ("drops", [], "while it is dropped", "drop"),
        ("panics_twice", [], "first", "panics_twice"),
    ],
)
def test_panics(
    engine: Engine, workflow: str, args: list[Any], message: str, function: str
) -> None:
    """A panic tells file and line; the first one, where a destructor would panic as well."""
    failed = failure(engine, workflow, *args)
    assert (failed.type, failed.message) == ("std.Panic", message)
    assert f"  at {FILE}:" in failed.traceback
    assert f" in {function}\n" in failed.traceback


@pytest.mark.parametrize("status", [0, 3])
def test_exit(engine: Engine, status: int) -> None:
    """To end the process is no way to end a workflow, whatever the status."""
    failed = failure(engine, "exits", status)
    assert failed.type == "flawless.GuestExited"
    assert "return a result" in failed.message
    assert failed.traceback.endswith("  at programs::failures::exits\n")


def test_endless_loop(engine: Engine) -> None:
    """A guest that computes for ever is stopped by its limit."""
    failed = failure(engine, "spins")
    assert failed.type == "flawless.GuestCpuExceeded"
    assert "`cpu_s_per_turn`" in failed.message


def test_huge_result(engine: Engine) -> None:
    """A result beyond the limit is told with size and limit; one beyond memory as that."""
    failed = failure(engine, "returns", 5 * MIB)
    assert failed.type == "flawless.ValueTooLarge"
    assert "4,194,304" in failed.message
    assert "more memory" in failure(engine, "returns", 200 * MIB).message


def test_deep_result(engine: Engine) -> None:
    """A result in a thousand levels is refused, and overflows no stack, here or there."""
    failed = failure(engine, "nests", 1_000)
    assert "nested more than 100 levels deep" in failed.message


def test_huge_lines(engine: Engine) -> None:
    """Lines that are printed are cut at the length of a log message."""
    run = engine.start("programs.failures.logs", 200_000)
    assert run.result(timeout=60) == 200_000
    found = [(one.level, len(one.message)) for one in run.logs() if one.message]
    assert [level for level, _ in found] == [20, 30]
    assert all(65_536 <= length < 66_000 for _, length in found)


def test_last_words(engine: Engine) -> None:
    """What was printed before a panic is logged, though its line has no end."""
    run = engine.start("programs.failures.stutters")
    with pytest.raises(ExecutionFailed, match="no more"):
        run.result(timeout=60)
    assert [one.message for one in run.logs()] == ["half a line"]


def test_error_of_a_library(engine: Engine) -> None:
    """An error of any type that `?` hands on has its type, and the line of the `?`."""
    failed = failure(engine, "looks")
    assert failed.type.endswith("ParseIntError")
    assert failed.message == "invalid digit found in string"
    assert ' in looks\n    let number: u32 = "many".parse()?;' in failed.traceback


def test_message_that_does_not_fit(engine: Engine) -> None:
    """A message of another type than the workflow expects is an error that names the path."""
    run = engine.start("programs.travel.awaited")
    run.send("word", {"not": "a text"})
    with pytest.raises(ExecutionFailed, match=r"InputInvalid.*word"):
        run.result(timeout=60)


@pytest.mark.parametrize("workflow", ["aborts", "recurses"])
def test_replay(engine: Engine, workflow: str) -> None:
    """An execution that was stopped is stopped again, and ends as its journal says."""
    run = engine.start(f"programs.failures.{workflow}")
    with pytest.raises(ExecutionFailed):
        run.result(timeout=60)
    recording = Recording.of(run)
    assert recording.replay(LIMITS).end == recording.entries[-1]


def test_retry(engine: Engine) -> None:
    """An execution that was stopped can be retried from where it stood, to fail again."""
    run = engine.start("programs.failures.aborts")
    with pytest.raises(ExecutionFailed):
        run.result(timeout=60)
    run.retry()
    with pytest.raises(ExecutionFailed, match="the workflow aborted"):
        run.result(timeout=60)
