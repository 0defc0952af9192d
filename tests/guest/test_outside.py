"""The workflow API in ordinary Python, without an engine: what a unit test of a workflow sees."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass
from typing import Any

import pytest

import flawless
from flawless import codec, errors, functions, step, workflow

LET_GO = threading.Event()


@dataclass
class Confirm:
    """A message."""

    by: str


@step
def charge(cents: int) -> int:
    """Charge, unless there is nothing to charge."""
    if cents < 0:
        raise ValueError(f"{cents} cents")
    return cents


@step
def blocked() -> str:
    """Wait until the test lets go."""
    LET_GO.wait(60)
    return "released"


@step
async def notify(cents: int) -> int:
    """Do nothing, asynchronously."""
    return cents


@workflow(messages=[Confirm], deadline="2h")
def pay(cents: int, *, fast: bool = False) -> list[int]:
    """Charge twice."""
    return list(flawless.gather(charge.start(cents), notify.start(cents + fast)))


@workflow
async def pay_async(cents: int) -> int:
    """Charge."""
    return await notify(cents)


@pytest.fixture
def slow() -> Any:
    """A future that is done when the test lets go, at its end at the latest."""
    LET_GO.clear()
    yield blocked.start()
    LET_GO.set()


def test_gathering_native_futures(slow: Any) -> None:
    """gather, select, as_completed and wait work on what `.start` returns natively."""
    good, bad = charge.start(1), charge.start(-1)
    assert flawless.gather(good, notify.start(2), good) == [1, 2, 1]
    with pytest.raises(ValueError, match="-1 cents"):
        flawless.gather(slow, bad)
    assert repr(flawless.gather(bad, good, return_exceptions=True)) == "[ValueError('-1 cents'), 1]"
    assert flawless.select(slow, good) is good
    assert flawless.select(slow, timeout=0) is None
    assert flawless.wait([slow, good], return_when="FIRST_COMPLETED") == ([good], [slow])
    assert flawless.wait([slow, bad], return_when="FIRST_EXCEPTION") == ([bad], [slow])
    assert flawless.wait([slow], timeout=0) == ([], [slow])
    completed = flawless.as_completed([slow, good])
    assert next(completed) is good
    LET_GO.set()
    assert next(completed).result() == "released"
    with pytest.raises(errors.UsageError, match=r"step\.start"):
        flawless.gather(charge(1))  # type: ignore[call-overload]  # the mistake
    with pytest.raises(codec.CodecError, match=r"value\.result\(\)"):
        codec.encode([good])


def test_as_completed_gives_up(slow: Any) -> None:
    """Its timeout is a `TimeoutError`."""
    with pytest.raises(TimeoutError, match="1 of 1 futures"):
        next(flawless.as_completed([slow], timeout=0))


def test_thousands_of_native_futures() -> None:
    """Many futures are no trouble."""
    futures = [notify.start(number) for number in range(2_000)]
    assert len(list(flawless.as_completed(futures))) == 2_000


def test_a_workflow_is_called_in_a_thread() -> None:
    """`workflow.start` gives a future of the call, with the checks it has in a workflow."""
    child = pay.start(5, fast=True)
    assert (child.result(), child.id) == ([5, 6], f"{__name__}.pay")
    assert pay.start(1, id="mine").id == "mine"
    assert flawless.gather(pay_async.start(7)) == [7]
    assert asyncio.run(_awaited(pay_async.start(8))) == 8
    assert child.cancel("too late") is False
    with pytest.raises(errors.InputInvalid, match="missing a required argument: 'cents'"):
        pay.start()
    with pytest.raises(errors.UsageError, match="'kill'"):
        pay.start(1, parent_close="kill")  # type: ignore[call-overload]  # the mistake
    with pytest.raises(errors.UsageError, match="the id of a child is a text, not 7"):
        pay.start(1, id=7)  # type: ignore[call-overload]  # the mistake
    with pytest.raises(ValueError, match="a deadline"):
        pay.start(1, deadline="99999999d")
    with pytest.raises(flawless.NotInWorkflow, match=r"flawless\.testing"):
        child.send("go")


async def _awaited(child: flawless.Child[int]) -> int:
    return await child


@pytest.mark.parametrize(
    "call",
    [
        lambda: flawless.receive("x"),
        lambda: flawless.receive.start(Confirm),
        lambda: flawless.messages("x"),
        lambda: flawless.send("id", "x"),
        lambda: flawless.send.start("id", Confirm("ann")),
    ],
)
def test_messages_need_a_workflow(call: Any) -> None:
    """Whatever waits for somebody else is refused, with the way to test it."""
    with pytest.raises(flawless.NotInWorkflow, match=r"flawless\.testing"):
        call()


def test_what_is_shown_is_only_checked() -> None:
    """publish and respond do nothing, but refuse what a workflow could not show."""
    flawless.publish({"done": 1})
    flawless.respond(Confirm("ann"))
    with pytest.raises(codec.CodecError, match=r"publish\.value\[0\]"):
        flawless.publish([object()])


def test_continue_as_new_is_an_exception() -> None:
    """A unit test sees with which arguments the next run would begin."""
    with pytest.raises(flawless.ContinueAsNew, match=r"\(1, fast=True\)") as caught:
        flawless.continue_as_new(1, fast=True)
    assert (caught.value.args, caught.value.kwargs) == ((1,), {"fast": True})
    assert not isinstance(caught.value, Exception)


def test_a_secret_is_an_environment_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Natively the value comes from the environment, or it is a mistake."""
    monkeypatch.setenv("FLAWLESS_TEST_SECRET", "xyz")
    assert flawless.secret("FLAWLESS_TEST_SECRET") == "xyz"
    for name in ("FLAWLESS_TEST_NONE", ""):
        with pytest.raises(errors.UsageError):
            flawless.secret(name)


def undone(*actions: Any) -> None:
    """Fail after these actions were registered."""
    with flawless.compensation() as undo:
        for action in actions:
            undo(action)
        raise KeyError


def test_compensation_without_an_engine() -> None:
    """Undo actions run in reverse; one that keeps failing raises, for nobody is there to decide."""
    done: list[int] = []

    def fail() -> None:
        done.append(9)
        raise ValueError("again")

    with pytest.raises(KeyError):
        undone(lambda: done.append(1), lambda: done.append(2))
    assert done == [2, 1]
    with pytest.raises(ValueError, match="again") as caught:
        undone(lambda: done.append(3), fail)
    assert done[2:] == [9] * 4 + [3]
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(errors.UsageError, match="async with"):
        undone(pay_async)


def test_async_compensation_without_an_engine() -> None:
    """The async form awaits its actions, and undoes when its task is cancelled."""
    done: list[int] = []

    async def back(number: int) -> None:
        done.append(await notify(number))

    async def saga() -> None:
        async with flawless.compensation() as undo:
            undo(back, 1)
            undo(charge.start, 2)
            await asyncio.Event().wait()

    async def main() -> None:
        task = asyncio.create_task(saga())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(flawless.Cancelled):
            await task

    asyncio.run(main())
    assert done == [1]


def test_options_of_the_decorators() -> None:
    """Declarations are kept for the engine, and checked when the module is imported."""
    assert pay.messages == {"Confirm": Confirm}
    assert pay.deadline_s == 7200.0
    parked = step(on_interrupt="park")(charge.function).options
    assert (parked.on_interrupt, parked.at_most_once) == ("park", True)
    assert functions.StepOptions().on_interrupt == "raise"
    with pytest.raises(errors.UsageError, match="retries"):
        step(on_interrupt="park", retries=1)
    with pytest.raises(errors.UsageError, match="'wait'"):
        step(on_interrupt="wait")  # type: ignore[call-overload]  # the mistake
    with pytest.raises(errors.UsageError, match="classes"):
        workflow(messages=["confirm"])  # type: ignore[list-item]  # the mistake
    with pytest.raises(codec.CodecError, match="no message decodes to"):
        workflow(messages={"x": asyncio.Queue})
    with pytest.raises(ValueError, match="not negative"):
        workflow(deadline=-1)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"retries": "3"}, "retries is a whole number"),
        ({"retries": 2.5}, "retries is a whole number"),
        ({"timeout": 1e12}, "a timeout lasts at most 100 years"),
        ({"timeout": -1}, "not negative"),
        ({"backoff": "99999999d"}, "a backoff lasts at most 100 years"),
        ({"retry_on": "OSError"}, "retry_on takes a class of exceptions"),
        ({"give_up_on": (ValueError, 5)}, "give_up_on takes a class of exceptions"),
    ],
)
def test_options_of_a_step_that_mean_nothing(options: dict[str, Any], words: str) -> None:
    """They are refused where they stand, not at the first failure of the step."""
    with pytest.raises((errors.UsageError, ValueError), match=words):
        step(**options)


def test_both_packages_have_the_same_workflow_names() -> None:
    """What workflow code may use by name is exported natively, too."""
    import ast
    from pathlib import Path

    from flawless.wasm import python_runtime

    text = python_runtime.guest_files()["flawless/__init__.py"].decode()
    assert Path(flawless.__file__ or "").is_file()
    (names,) = (
        ast.literal_eval(node.value)
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__all__"
    )
    kept_back = {name for name in names if hasattr(errors, name)} | {"__getattr__"}
    assert {name for name in names if not hasattr(flawless, name)} <= kept_back


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (errors.ExecutionEnded("a", "failed"), "flawless show a"),
        (errors.InboxFull("a", 10), "10 messages"),
        (errors.ExecutionCancelled("a", "why"), "'a' was cancelled: why"),
        (errors.NotParked("a", "running"), "no effect of execution 'a' waits"),
        (errors.NotParked("a", effect=3), "effect 3 of execution 'a' does not wait"),
        (errors.RetryRefused("a", "it has not failed"), "cannot be retried: it has not failed"),
        (errors.EgressDenied("evil.example"), "allow-list"),
        (errors.SecretUnavailable("KEY"), "'KEY' is not available"),
    ],
)
def test_errors_say_what_to_do(error: errors.FlawlessError, words: str) -> None:
    """Each new error has its fields and a sentence."""
    assert words in str(error)
