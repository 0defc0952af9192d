"""Cancellation: raised where the workflow waits, in plain and in `async def` workflows."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, app, async_main, main

OTHER = "@workflow\ndef other(): ...\n"

WAITS = [
    "charge()",
    "sleep(100)",
    "time.sleep(100)",
    "http.get('http://a')",
    "send('x', 'y')",
    "receive('x')",
    "receive('x', timeout=100)",
    "next(messages('x'))",
    "other.start(parent_close='abandon').result()",
    "other.start(parent_close='abandon').cancel()",
    "charge.start().result()",
    "sleep.start(100).result(timeout=50)",
    "sleep.start(100).exception()",
    "gather(sleep.start(100), receive.start('x'))",
    "select(sleep.start(100), receive.start('x'), timeout=50)",
    "list(as_completed([sleep.start(100)]))",
    "wait([sleep.start(100)], timeout=50)",
]
ASYNC_WAITS = [
    "await ship()",
    "await charge.start()",
    "await asyncio.sleep(100)",
    "await receive.start('x')",
    "async for _ in messages('x'): pass",
    "async for _ in messages('x', timeout=50): pass",
    "await other.start(parent_close='abandon')",
    "await asyncio.gather(sleep.start(100), ship())",
    "await asyncio.wait([sleep.start(100)])",
    "await asyncio.wait_for(sleep.start(100), 50)",
    "await asyncio.shield(sleep.start(100))",
    "await asyncio.create_task(asyncio.sleep(100))",
    "await asyncio.gather(asyncio.sleep(100), return_exceptions=True)",
    "[await each for each in asyncio.as_completed([sleep.start(100)])]",
]


def cancelled(script: Script, *, at_s: float = 0) -> Script:
    """Return the script with a cancellation that comes at a time."""
    script.child_lasts_s = 200
    script.cancel("enough", at_s=at_s)
    return script


def ends_cancelled(guests: Guests, body: str, script: Script) -> dict[str, Any]:
    """Run a workflow that must end cancelled; return its error."""
    output = guests.run(app(body, script))
    assert (output["error"]["type"], output.get("cancelled")) == ("CancelledError", True), output
    error: dict[str, Any] = output["error"]
    return error


@pytest.mark.parametrize("form", [main, async_main])
@pytest.mark.parametrize("call", WAITS)
def test_cancelled_is_raised_where_plain_code_waits(guests: Guests, form: Any, call: str) -> None:
    """At each kind of wait, with the reason; `except Exception` lets it pass, `finally` runs."""
    script = cancelled(Script({}))
    body = OTHER + form(
        "try:",
        f"    {call}",
        "    print('went on')",
        "except Exception: print('swallowed')",
        "finally: print('cleaned up')",
    )
    error = ends_cancelled(guests, body, script)
    assert error["message"] == "enough"
    assert any(frame["text"].startswith(call[:8]) for frame in error["frames"])
    assert [message for _, _, message in script.logs] == ["cleaned up"]


@pytest.mark.parametrize("call", ASYNC_WAITS)
def test_cancelled_is_raised_where_async_code_waits(guests: Guests, call: str) -> None:
    """The main task is cancelled with the reason, as asyncio cancels tasks."""
    script = cancelled(Script({}))
    body = OTHER + async_main(
        "try:",
        f"    {call}",
        "    print('went on')",
        "except Exception: print('swallowed')",
        "finally: print('cleaned up')",
    )
    error = ends_cancelled(guests, body, script)
    if "as_completed" not in call:  # its queue's waiter knows no reason
        assert error["message"] == "enough"
    assert [message for _, _, message in script.logs] == ["cleaned up"]


def test_cancelled_is_the_class_of_asyncio(guests: Guests) -> None:
    """`flawless.Cancelled` is `asyncio.CancelledError`; caught, the workflow goes on."""
    script = cancelled(Script({}), at_s=5)
    body = main(
        "try: sleep(100)",
        "except Cancelled as told: reason = str(told)",
        "return reason, Cancelled is asyncio.CancelledError, charge(1), sleep(50)",
    )
    assert guests.ok(body, script=script) == ("enough", True, [1], None)
    assert script.now_us == BEGAN_US + 55_000_000


@pytest.mark.parametrize("form", [main, async_main])
def test_effects_work_while_cleaning_up(guests: Guests, form: Any) -> None:
    """After it was told, every kind of effect works as before."""
    script = cancelled(Script({}))
    script.post("bye", "now", at_s=30)
    body = OTHER + form(
        "try: sleep(100)",
        "finally:",
        "    found = charge(1), receive('bye'), gather(sleep.start(5), charge.start(2))",
        "    print(found, other.start().result())",
    )
    ends_cancelled(guests, body, script)
    assert script.logs[0][2] == "([1], 'now', [None, [2]]) []"


def test_async_clean_up(guests: Guests) -> None:
    """Awaiting works in clean-up: the task was cancelled once."""
    script = cancelled(Script({}), at_s=5)
    body = async_main(
        "try: await sleep.start(100)",
        "finally:",
        "    await asyncio.sleep(1)",
        "    print(await asyncio.gather(ship(1), charge.start(2)))",
    )
    ends_cancelled(guests, body, script)
    assert script.logs[0][2] == "[[1], [2]]"
    assert script.now_us == BEGAN_US + 6_000_000
    assert len(script.asked("drop")) == 1


def test_the_receive_of_a_cancelled_wait_takes_no_message(guests: Guests) -> None:
    """A blocking receive that is cancelled is dropped: clean-up can receive the message."""
    script = cancelled(Script({}), at_s=5)
    script.post("x", "mine", at_s=10)
    body = main("try: receive('x')", "except Cancelled: return receive('x')")
    assert guests.ok(body, script=script) == "mine"


def test_a_task_group_is_cancelled_as_a_whole(guests: Guests) -> None:
    """All tasks of the group clean up, and its block raises `Cancelled`."""
    script = cancelled(Script({}), at_s=5)
    body = async_main(
        "async def part(n):",
        "    try: await asyncio.sleep(100 + n)",
        "    finally: print('part', n, await ship())",
        "async with asyncio.TaskGroup() as group:",
        "    for n in range(3): group.create_task(part(n))",
    )
    ends_cancelled(guests, body, script)
    assert sorted(text for _, _, text in script.logs) == [f"part {n} []" for n in range(3)]


@pytest.mark.parametrize(
    "wait_for",
    [
        "async with asyncio.TaskGroup() as group: group.create_task(part())",
        "await asyncio.gather(part(), asyncio.sleep(900))",
        "await asyncio.create_task(part())",
        "await asyncio.gather(part(), return_exceptions=True); await asyncio.sleep(1)",
    ],
)
def test_plain_code_in_a_task_is_told(guests: Guests, wait_for: str) -> None:
    """It raises where it waits, and the main task ends cancelled although nobody looks."""
    script = cancelled(Script({}), at_s=5)
    body = async_main(
        "async def part():",
        "    try: sleep(100)",
        "    finally: print('cleaned up', charge(1))",
        wait_for,
    )
    ends_cancelled(guests, body, script)
    assert script.logs[0][2] == "cleaned up [1]"
    assert script.now_us < BEGAN_US + 60_000_000


def test_asyncio_run_inside_a_plain_workflow(guests: Guests) -> None:
    """The main task of the loop that runs is cancelled, and `asyncio.run` raises."""
    script = cancelled(Script({}), at_s=5)
    body = main(
        "try: asyncio.run(asyncio.sleep(100))",
        "finally: print(asyncio.run(asyncio.sleep(1, 'cleaned up')))",
    )
    ends_cancelled(guests, body, script)
    assert script.logs[0][2] == "cleaned up"


def test_a_loop_that_runs_for_ever(guests: Guests) -> None:
    """Without a main task the loop itself raises."""
    script = cancelled(Script({}), at_s=5)
    body = main(
        "loop = asyncio.new_event_loop()",
        "loop.call_later(100, print, 'too late')",
        "loop.run_forever()",
    )
    ends_cancelled(guests, body, script)
    assert not script.logs


def test_a_timeout_around_does_not_take_it_for_its_own(guests: Guests) -> None:
    """`asyncio.timeout` lets the cancellation pass; a timeout in clean-up is one of its own."""
    script = cancelled(Script({}), at_s=5)
    body = async_main(
        "try:",
        "    async with asyncio.timeout(50): await asyncio.sleep(100)",
        "except TimeoutError: print('timeout')",
        "finally:",
        "    try:",
        "        async with asyncio.timeout(2): await asyncio.sleep(100)",
        "    except TimeoutError: print('own timeout')",
    )
    ends_cancelled(guests, body, script)
    assert [text for _, _, text in script.logs] == ["own timeout"]
    assert script.now_us == BEGAN_US + 7_000_000


@pytest.mark.parametrize("form", [main, async_main])
def test_cancelled_while_it_settles(guests: Guests, form: Any) -> None:
    """At the end, what was still waited for is given up, and the execution is cancelled."""
    script = cancelled(Script({}), at_s=5)
    ends_cancelled(guests, OTHER + form("charge.start(1)", "other.start()", "return 1"), script)
    assert script.now_us == BEGAN_US + 5_000_000


def test_cancelled_while_a_run_settles(guests: Guests) -> None:
    """A cancellation that comes before the next run could begin ends the execution."""
    script = cancelled(Script({}), at_s=5)
    ends_cancelled(guests, OTHER + main("other.start()", "continue_as_new()"), script)


def test_cancelled_while_left_over_tasks_end(guests: Guests) -> None:
    """The end of an async workflow cancels its tasks; a cancellation meanwhile ends those."""
    script = cancelled(Script({}), at_s=5)
    body = async_main(
        "async def forever():",
        "    try: await asyncio.sleep(1000)",
        "    finally: await asyncio.sleep(100)",
        "asyncio.create_task(forever())",
        "await asyncio.sleep(1)",
    )
    ends_cancelled(guests, body, script)
    assert script.now_us == BEGAN_US + 5_000_000


def test_a_failure_stays_a_failure_while_children_end(guests: Guests) -> None:
    """A failed workflow that is cancelled while it waits for its children has failed."""
    script = cancelled(Script({}), at_s=5)
    output = guests.run(app(OTHER + main("other.start()", "raise ValueError('no')"), script))
    assert (output["error"]["type"], "cancelled" in output) == ("ValueError", False)
    assert script.now_us == BEGAN_US + 5_000_000


def test_a_cancelled_workflow_waits_for_its_children(guests: Guests) -> None:
    """After the function ended cancelled, children with `wait` are still waited for."""
    script = cancelled(Script({}), at_s=5)
    ends_cancelled(guests, OTHER + main("other.start()", "sleep(100)"), script)
    assert script.now_us == BEGAN_US + 200_000_000


@pytest.mark.parametrize("form", [main, async_main])
def test_an_own_cancelled_error_is_a_failure(guests: Guests, form: Any) -> None:
    """Only what the engine told counts as cancelled; another error after it is a failure."""
    output = guests.run(app(form("raise Cancelled('mine')"), None))
    assert (output["error"]["type"], "cancelled" in output) == ("CancelledError", False)
    script = cancelled(Script({}))
    output = guests.run(app(form("try: charge()", "finally: 1 / 0"), script))
    assert (output["error"]["type"], "cancelled" in output) == ("ZeroDivisionError", False)
