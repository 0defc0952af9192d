"""Standard asyncio on the guest's loop: durable, deterministic, without a selector."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, async_main, main


def test_gather_of_steps_futures_and_sleeps(guests: Guests) -> None:
    """`gather` takes coroutines of steps, futures and sleeps alike."""
    script = Script({})
    body = async_main(
        "return await asyncio.gather(ship(1), charge.start(2), asyncio.sleep(3, 'slept'), "
        "sleep.start(days=1), ship.start(4))"
    )
    assert guests.ok(body, script=script) == [[1], [2], "slept", None, [4]]
    assert script.now_us == BEGAN_US + 86_400_000_000


def test_asyncio_sleep_is_a_durable_wait(guests: Guests) -> None:
    """`asyncio.sleep` waits with `next` until its time; the loop's clock is the engine's."""
    script = Script({})
    body = async_main(
        "loop = asyncio.get_running_loop()",
        "began = loop.time()",
        "await asyncio.sleep(3600)",
        "return loop.time() - began",
    )
    assert guests.ok(body, script=script) == 3600.0
    assert script.asked("next") == [
        {"op": "next", "until": BEGAN_US + 3_600_000_000, "poll": False}
    ]


def test_task_groups_and_timeouts(guests: Guests) -> None:
    """A timeout cancels what it covers, and the engine is told to drop it."""
    script = Script({})
    body = async_main(
        "async with asyncio.TaskGroup() as group:",
        "    one, two = group.create_task(ship(1)), group.create_task(asyncio.sleep(9, 'nine'))",
        "try:",
        "    async with asyncio.timeout(5): await sleep.start(hours=1)",
        "except TimeoutError: pass",
        "try: await asyncio.wait_for(sleep.start(60), 2)",
        "except TimeoutError: return one.result(), two.result()",
    )
    assert guests.ok(body, script=script) == ([1], "nine")
    assert [request["id"] for request in script.asked("drop")] == [2, 3]
    assert script.now_us == BEGAN_US + 16_000_000


def test_wait_shield_and_as_completed_take_futures(guests: Guests) -> None:
    """Futures of effects are futures of asyncio to every function of it."""
    body = async_main(
        "futures = {charge.start(n) for n in range(3)}",
        "done, rest = await asyncio.wait(futures, return_when=asyncio.FIRST_COMPLETED)",
        "sizes = len(done), len(rest)",
        "started = [charge.start(7), charge.start(8)]",
        "completed = [await each for each in asyncio.as_completed(started)]",
        "shielded = await asyncio.shield(charge.start(9))",
        "both = await charge.start(1), await asyncio.ensure_future(charge.start(2))",
        "return sizes, completed, shielded, both, asyncio.isfuture(charge.start())",
    )
    assert guests.ok(body) == ((1, 2), [[7], [8]], [9], ([1], [2]), True)


def test_queues_events_semaphores_and_conditions(guests: Guests) -> None:
    """The tools for tasks among themselves work, with no request at all."""
    script = Script({})
    body = async_main(
        "queue, event, gate, seen = asyncio.Queue(2), asyncio.Event(), asyncio.Semaphore(1), []",
        "async def producer():",
        "    for n in range(5): await queue.put(n)",
        "    event.set()",
        "async def consumer():",
        "    for _ in range(5):",
        "        async with gate: seen.append(await queue.get())",
        "async with asyncio.TaskGroup() as group:",
        "    group.create_task(producer()); group.create_task(consumer())",
        "await event.wait()",
        "return seen",
    )
    assert guests.ok(body, script=script) == [0, 1, 2, 3, 4]
    assert script.asked("next") == []


def test_exceptions_of_steps_in_groups(guests: Guests) -> None:
    """`gather(return_exceptions=)` collects them, a `TaskGroup` cancels and groups them."""

    def fail(*_: Any) -> None:
        raise ValueError("no")

    script = Script({})
    script.steps["app.ship"] = fail
    body = async_main(
        "both = await asyncio.gather(ship(), charge.start(1), return_exceptions=True)",
        "try:",
        "    async with asyncio.TaskGroup() as group:",
        "        group.create_task(ship()); group.create_task(asyncio.sleep(99))",
        "except* ValueError as errors: count = len(errors.exceptions)",
        "return repr(both[0]), both[1], count",
    )
    assert guests.ok(body, script=script) == ("ValueError('no')", [1], 1)


def test_an_async_step_starts_when_it_is_awaited(guests: Guests) -> None:
    """Calling an `async def` step gives a coroutine; the request goes out when it runs."""
    script = Script({})
    body = async_main(
        "call = ship(1)", "await asyncio.sleep(1)", "first = await call",
        "task = asyncio.create_task(ship(2))", "return first, await task",
    )  # fmt: skip
    assert guests.ok(body, script=script) == ([1], [2])
    assert [r["op"] for r in script.asked("next", "step")] == [
        "next",
        "step",
        "next",
        "step",
        "next",
    ]


def test_a_task_that_never_waits_sees_outcomes(guests: Guests) -> None:
    """A loop of `sleep(0)` polls now and then, so it ends with the effect, or at its time."""
    script = Script({})
    body = async_main(
        "future, turns = charge.start(1), 0",
        "while not future.done(): turns += 1; await asyncio.sleep(0)",
        "loop = asyncio.get_running_loop(); loop.call_later(0.005, future.__class__)",
        "until = loop.time() + 0.004",
        "while loop.time() < until: await asyncio.sleep(0)",
        "return turns",
    )
    body = body.replace("future.__class__", "print")
    assert guests.ok(body, script=script) < 200
    assert {request["poll"] for request in script.asked("next")} == {True}


def test_a_wait_that_cannot_end_is_an_error(guests: Guests) -> None:
    """With no effect under way and no timer set, waiting is an error at once."""
    error = guests.error(async_main("await asyncio.Event().wait()"))
    assert error["type"] == "RuntimeError"
    assert "can never happen" in error["message"]


def test_asyncio_run_inside_a_plain_workflow(guests: Guests) -> None:
    """A plain workflow may run loops of its own, one after another."""
    body = "async def part(n): return await ship(n)\n" + main(
        "return asyncio.run(part(1)), asyncio.run(part(2)), asyncio.new_event_loop().is_running()"
    )
    assert guests.ok(body) == ([1], [2], False)


def test_context_variables_and_generators(guests: Guests) -> None:
    """Context variables follow tasks; async generators are closed at the end."""
    body = "import contextvars\nvar = contextvars.ContextVar('var', default=0)\n" + async_main(
        "async def child():",
        "    before = var.get(); var.set(2); await ship(); return before, var.get()",
        "async def numbers():",
        "    for n in range(3): yield await ship(n)",
        "var.set(1)",
        "seen = await asyncio.create_task(child())",
        "return seen, var.get(), [n async for n in numbers()]",
    )
    assert guests.ok(body) == ((1, 2), 1, [[0], [1], [2]])


def test_tasks_left_over_are_cancelled_at_the_end(guests: Guests) -> None:
    """As with `asyncio.run`, the end of the workflow cancels its other tasks."""
    script = Script({})
    body = async_main(
        "async def forever():",
        "    try: await sleep.start(days=999)",
        "    finally: print('cleaned up')",
        "asyncio.create_task(forever())",
        "await asyncio.sleep(1)",
    )
    guests.ok(body, script=script)
    assert script.logs == [(20, "print", "cleaned up")]
    assert len(script.asked("drop")) == 1


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("await asyncio.to_thread(len, [])", "no threads: len"),
        ("await asyncio.get_running_loop().run_in_executor(None, print)", "no threads: print"),
        ("await asyncio.open_connection('host', 1)", "flawless.http"),
        ("await asyncio.create_subprocess_exec('ls')", "processes"),
        ("asyncio.get_running_loop().add_reader(0, print)", "files and pipes"),
    ],
)
def test_what_the_loop_cannot_do(guests: Guests, call: str, words: str) -> None:
    """Threads, sockets, pipes and processes are refused with the alternative."""
    error = guests.error(async_main(call))
    assert error["type"] == "NotInWorkflow"
    assert words in error["message"]


@pytest.mark.parametrize("count", [3_000])
def test_thousands_of_futures(guests: Guests, count: int) -> None:
    """Thousands of effects at once are one request each to start and one to observe."""
    script = Script({})
    body = async_main(
        f"results = await asyncio.gather(*[charge.start(n) for n in range({count})])",
        "return len(results), results[-1]",
    )
    assert guests.ok(body, script=script) == (count, [count - 1])
    assert len(script.requests) == 2 * count + 1


def test_many_cancelled_timers_do_not_pile_up(guests: Guests) -> None:
    """A timeout around each of many quick steps leaves no timers behind."""
    body = async_main(
        "for n in range(500):",
        "    async with asyncio.timeout(3600): await charge.start(n)",
        "return len(asyncio.get_running_loop()._scheduled)",
    )
    assert guests.ok(body) <= 101
