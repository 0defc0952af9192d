"""Bad input and trouble: a clear error, nothing lost, the engine keeps running."""

from __future__ import annotations

import engine_programs as programs
import pytest

import flawless


@pytest.fixture(autouse=True)
def still_running(engine: flawless.Engine):
    """After each piece of trouble the engine runs the next execution."""
    yield
    assert engine.start(programs.plain, 1).result(timeout=20) == "x"
    assert engine.health()["status"] == "ok"


def failure(run: flawless.Execution) -> flawless.ExecutionFailed:
    """Return the error an execution fails with."""
    with pytest.raises(flawless.ExecutionFailed) as caught:
        run.result(timeout=60)
    return caught.value


def test_unknown_workflow(engine: flawless.Engine) -> None:
    """The error lists the workflows there are."""
    with pytest.raises(flawless.WorkflowNotFound, match=r"engine_programs\.plain"):
        engine.start("engine_programs.nothing")


@pytest.mark.parametrize(
    ("args", "kwargs", "word"),
    [
        ((), {}, "'n'"),
        ((1, "a", "b"), {}, "too many"),
        ((1,), {"colour": "red"}, "colour"),
        (("three",), {}, "n"),
    ],
)
def test_arguments_that_do_not_fit(engine: flawless.Engine, args, kwargs, word: str) -> None:
    """Nothing is started, and the error names the parameter."""
    before = engine.health()["executions"]
    with pytest.raises(flawless.InputInvalid, match=word):
        engine.start(programs.plain, *args, **kwargs)
    assert engine.health()["executions"] == before


def test_unserialisable_argument(engine: flawless.Engine) -> None:
    """The path of the offending value is named."""
    with pytest.raises(flawless.InputInvalid, match=r"numbers|args"):
        engine.start(programs.sums, [1, object()])


def test_large_argument(engine: flawless.Engine) -> None:
    """An input over the limit is refused before anything is started."""
    with pytest.raises(flawless.ValueTooLarge, match="reference"):
        engine.start(programs.plain, 1, text="x" * 1_100_000)


def test_same_id_same_execution(engine: flawless.Engine) -> None:
    """The same id with the same input is the same execution."""
    first = engine.start(programs.plain, 2, id="same-1")
    assert engine.start(programs.plain, 2, id="same-1").result(timeout=20) == "xx"
    assert first.info() == engine.get("same-1").info()


def test_same_id_other_input(engine: flawless.Engine) -> None:
    """The same id with another input is an error."""
    engine.start(programs.plain, 2, id="same-2")
    with pytest.raises(flawless.ExecutionConflict):
        engine.start(programs.plain, 3, id="same-2")


@pytest.mark.parametrize("bad", ["", "a b", "-x", "x" * 201, "a/b", "ü"])
def test_unusable_id(engine: flawless.Engine, bad: str) -> None:
    """An id that would need quoting is refused."""
    with pytest.raises(flawless.InputInvalid):
        engine.start(programs.plain, 1, id=bad)


def test_unknown_execution(engine: flawless.Engine) -> None:
    """Asking for an id nobody started is an error that says so."""
    with pytest.raises(flawless.ExecutionNotFound):
        engine.get("nobody")


def test_result_timeout(engine: flawless.Engine) -> None:
    """Waiting ends, the execution goes on."""
    run = engine.start(programs.sleeps, 1.0)
    with pytest.raises(flawless.ResultTimeout):
        run.result(timeout=0.01)
    assert run.result(timeout=20) >= 1


def test_exception_shows_the_users_lines(engine: flawless.Engine) -> None:
    """A traceback has file, line and source text of the workflow, and nothing of ours."""
    error = failure(engine.start(programs.fails))
    assert error.type == "ZeroDivisionError"
    assert "engine_programs.py" in error.traceback
    assert "value.append(1 / 0)" in error.traceback
    assert "_execution" not in error.traceback


def test_endless_loop(engine: flawless.Engine) -> None:
    """A workflow that computes for ever is stopped; others run meanwhile."""
    run = engine.start(programs.endless)
    assert engine.start(programs.sums, [1, 2]).result(timeout=20) == 3
    error = failure(run)
    assert error.type.endswith("GuestCpuExceeded")
    assert "endless loop" in str(error)


def test_memory_bomb(engine: flawless.Engine) -> None:
    """A workflow that takes too much memory fails with a MemoryError or a trap that says so."""
    error = failure(engine.start(programs.hungry))
    assert "emory" in str(error)


def test_deep_recursion(engine: flawless.Engine) -> None:
    """Endless recursion fails with RecursionError."""
    assert failure(engine.start(programs.deep)).type == "RecursionError"


def test_sys_exit(engine: flawless.Engine) -> None:
    """sys.exit in a workflow fails it with a clear message."""
    assert "enough" in str(failure(engine.start(programs.leaves)))


def test_unserialisable_result(engine: flawless.Engine) -> None:
    """The path within the result is named."""
    assert "result" in str(failure(engine.start(programs.returns_lock)))
    assert "items" in str(failure(engine.start(programs.returns_lock)))


def test_large_result(engine: flawless.Engine) -> None:
    """A result over the limit fails the execution with the sizes."""
    assert "1,000,000" in str(failure(engine.start(programs.returns_much, 1_200_000)))


@pytest.mark.parametrize("name", ["opens_file", "opens_socket", "starts_thread"])
def test_the_world_is_out_of_reach(engine: flawless.Engine, name: str) -> None:
    """Files, sockets and threads give an error that names the alternative."""
    assert "@step" in str(failure(engine.start(f"engine_programs.{name}")))
