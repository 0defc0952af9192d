"""Waiting for several futures: gather, select, as_completed, wait; and asyncio's own."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import Guests, Script, app, async_main, main

COUNT = 5_000


def failing() -> Script:
    """Return a script whose step `charge` fails for the number 1."""

    def charge(number: int, *_: Any) -> int:
        if number == 1:
            raise ValueError("one")
        return number

    script = Script({})
    script.steps["app.charge"] = charge
    return script


@pytest.mark.parametrize("form", [main, async_main])
def test_a_failure_that_nobody_looks_at_is_logged(guests: Guests, form: Any) -> None:
    """As in asyncio: the workflow goes on, and the log says what was lost; seen ones are not."""
    script = failing()
    body = form(
        "charge.start(1), charge.start(2)",
        "seen, caught = charge.start(1), charge.start(1)",
        "assert str(seen.exception()) == 'one'",
        "try: caught.result()",
        "except ValueError: pass",
    )
    assert "ok" in guests.run(app(body, script))
    lost = "step app.charge failed, and nobody has looked at its outcome: ValueError: one"
    assert script.logs == [(40, "flawless", lost)]


def test_gather_returns_results_in_order(guests: Guests) -> None:
    """Results stand in the order of the arguments, whatever completes first; twice is fine."""
    body = main(
        "a, b = sleep.start(5), charge.start(1)",
        "done = charge.start(2); done.result()",
        "return gather(a, b, done, b, ship.start(3)), gather()",
    )
    assert guests.ok(body) == ([None, [1], [2], [1], [3]], [])


def test_gather_raises_the_first_error(guests: Guests) -> None:
    """The first error observed is raised at once; the others go on and can be looked at."""
    body = main(
        "slow, bad, good = sleep.start(60), charge.start(1), charge.start(2)",
        "try: gather(slow, bad, good)",
        "except ValueError as error: seen = str(error)",
        "return seen, slow.done(), gather(slow, bad, good, return_exceptions=True)",
    )
    seen, done, outcomes = guests.ok(body, script=failing())
    assert (seen, done) == ("one", False)
    assert (outcomes[0], repr(outcomes[1]), outcomes[2]) == (None, "ValueError('one')", 2)


def test_gather_of_a_cancelled_future(guests: Guests) -> None:
    """A future that was cancelled raises `Cancelled`, or stands for itself."""
    body = main(
        "future = sleep.start(60); future.cancel('no need')",
        "found = gather(future, return_exceptions=True)",
        "try: gather(charge.start(2), future)",
        "except Cancelled as error: return str(error), repr(found[0])",
    )
    assert guests.ok(body) == ("no need", "CancelledError('no need')")


def test_select(guests: Guests) -> None:
    """The first to complete; of those that are done, the first argument; None after the timeout."""
    script = Script({})
    body = main(
        "a, b, c = sleep.start(30), sleep.start(20), sleep.start(10)",
        "first = select(a, b, c)",
        "none = select(a, b, timeout=5)",
        "second = select(a, b, timeout='1m')",
        "assert a.result() is None",
        "return [f is x for f, x in ((first, c), (none, None), (second, b))], "
        "[select(*order) is order[0] for order in ((a, b), (b, a))], select(a, b, timeout=0) is a",
    )
    assert guests.ok(body, script=script) == ([True] * 3, [True] * 2, True)
    assert not script.asked("drop")


def test_as_completed(guests: Guests) -> None:
    """Each future once, in the order of completion; what is done already comes first."""
    body = main(
        "fs = [sleep.start(seconds) for seconds in (30, 10, 20)] + [charge.start(1)]",
        "fs[3].result()",
        "found = [fs.index(f) for f in as_completed([*fs, fs[0]])]",
        "more = [sleep.start(3), sleep.start(2), sleep.start(1)]",
        "order = []",
        "for f in as_completed(iter(more)):",
        "    order.append(more.index(f))",
        "    more[0].result()",
        "return found, order, list(as_completed([]))",
    )
    assert guests.ok(body) == ([3, 1, 2, 0], [2, 1, 0], [])


def test_as_completed_with_a_timeout(guests: Guests) -> None:
    """The timeout counts from the call, and says how many are missing."""
    body = main(
        "fs = [sleep.start(1), sleep.start(60), sleep.start(90)]",
        "completed = as_completed(fs, timeout=30)",
        "next(completed)",
        "try: next(completed)",
        "except TimeoutError as error: return str(error), gather(*fs)",
    )
    assert guests.ok(body) == (
        "as_completed: 2 of 3 futures have not completed within 30", [None] * 3
    )  # fmt: skip


def test_an_iterator_that_is_given_up(guests: Guests) -> None:
    """Leaving `as_completed` early leaves nothing behind at the futures."""
    body = main(
        "fs = [sleep.start(n) for n in range(1, 6)]",
        "for f in as_completed(fs): break",
        "return [f._callbacks for f in fs[1:]], len(gather(*fs))",
    )
    assert guests.ok(body) == ([None] * 4, 5)


@pytest.mark.parametrize(
    ("options", "done"),
    [
        ("", [0, 1, 2]),
        ("timeout=15", [1, 2]),
        ("timeout=0", [2]),
        ("return_when='FIRST_COMPLETED'", [2]),
        ("return_when='FIRST_EXCEPTION'", [2]),
        ("timeout=5, return_when='FIRST_EXCEPTION'", [2]),
    ],
)
def test_wait(guests: Guests, options: str, done: list[int]) -> None:
    """`wait` splits the futures into done and pending ones, in the given order."""
    body = main(
        "fs = [sleep.start(20), sleep.start(10), charge.start(1)]",
        f"done, rest = wait([*fs, fs[2]], {options})",
        "return [fs.index(f) for f in done], [fs.index(f) for f in rest]",
    )
    left = [index for index in range(3) if index not in done]
    assert guests.ok(body, script=failing()) == (done, left)


def test_wait_for_what_is_done(guests: Guests) -> None:
    """With enough done already, nothing is asked; an error that was there counts."""
    script = failing()
    body = main(
        "bad, good, slow = charge.start(1), charge.start(2), sleep.start(60)",
        "bad.exception(), good.result()",
        "asked = len(wait([good, bad])[0]), len(wait([])[0])",
        "first = wait([good, slow], return_when='FIRST_COMPLETED')",
        "error = wait({slow: 1, bad: 2}, return_when='FIRST_EXCEPTION')",
        "slow.cancel()",
        "return asked, len(first[0]), error == ([bad], [slow])",
    )
    assert guests.ok(body, script=script) == ((2, 0), 1, True)
    assert len(script.asked("next")) == 2


@pytest.mark.parametrize(
    ("call", "type_", "words"),
    [
        ("gather(charge(1))", "UsageError", "argument 1 is [1]: write gather(*futures)"),
        ("gather(sleep.start(1), 5)", "UsageError", "argument 2 is 5: write step.start(...)"),
        ("gather([sleep.start(1)])", "UsageError", "write gather(*futures)"),
        ("gather(charge)", "UsageError", "start it with .start(...)"),
        ("gather(ship(1), ship(2))", "UsageError", "use asyncio.gather"),
        ("select()", "UsageError", "nothing to wait for"),
        ("select(None)", "UsageError", "step.start(...)"),
        ("as_completed(sleep.start(1))", "UsageError", "as_completed([a, b])"),
        ("wait(5)", "UsageError", "wait([a, b])"),
        ("wait([], return_when='SOME')", "ValueError", "FIRST_COMPLETED"),
        ("wait([sleep.start(1)], timeout=-1)", "ValueError", "not negative"),
        ("select(sleep.start(1), timeout='9999999d')", "ValueError", "100 years"),
        ("sleep.start(1).result(timeout=float('inf'))", "ValueError", "finite"),
        ("charge(sleep.start(1))", "CodecError", "value.result()"),
        ("charge({'a': [receive.start('x')]})", "CodecError", "args[0].a[0]: is of class"),
        ("return receive.start('x')", "CodecError", "result: is of class"),
    ],
)
def test_what_is_no_future(guests: Guests, call: str, type_: str, words: str) -> None:
    """Anything but futures is refused with what to write instead; futures are no values."""
    error = guests.error(main(call))
    if "args[0]" in words:
        words = words.replace("args[0]", "app.charge.args")
    assert (error["type"], words.split(": is")[0] in error["message"]) == (type_, True), error[
        "message"
    ]


def test_plain_waiting_inside_async_code(guests: Guests) -> None:
    """A plain `gather` in an async workflow works, and tasks see their outcomes afterwards."""
    body = async_main(
        "task = asyncio.create_task(asyncio.wait_for(sleep.start(2), 60))",
        "await asyncio.sleep(0)",
        "return gather(charge.start(1), sleep.start(5)), await task",
    )
    assert guests.ok(body) == ([[1], None], None)


def test_a_future_can_be_awaited_twice(guests: Guests) -> None:
    """As in asyncio: any number of times, by several tasks, with the same outcome or error."""
    body = async_main(
        "good, bad = charge.start(2), charge.start(1)",
        "async def look(): return await good",
        "found = await asyncio.gather(look(), look(), good), await good, good.result()",
        "for _ in range(2):",
        "    try: await bad",
        "    except ValueError: pass",
        "return found",
    )
    assert guests.ok(body, script=failing()) == ([2, 2, 2], 2, 2)


def test_futures_that_nobody_awaits(guests: Guests) -> None:
    """What was started is done before the end; its error is only logged, as of a lost future."""
    script = failing()
    body = main("charge.start(1); charge.start(2); send.start('x', 'y'); receive.start('z')")
    assert guests.ok(body, script=script) is None
    ops = [r["op"] for r in script.requests[-7:]]
    assert ops == ["send", "receive", "drop", *["next"] * 3, "log"]


def test_the_tools_of_asyncio_with_new_futures(guests: Guests) -> None:
    """Receives and children go into gather, wait, as_completed, groups, queues and timeouts."""
    script = Script({})
    for number in range(3):
        script.post("job", number, at_s=number)
    body = "@workflow\ndef other(x): ...\n" + async_main(
        "queue, event, gate = asyncio.Queue(), asyncio.Event(), asyncio.Semaphore(2)",
        "async def feed():",
        "    async for message in messages('job', timeout=5): await queue.put(message.payload)",
        "    event.set()",
        "async def work(seen):",
        "    for _ in range(3):",
        "        n = await queue.get()",
        "        async with gate: seen.append(await other.start(n))",
        "seen = []",
        "async with asyncio.TaskGroup() as group:",
        "    group.create_task(feed()); group.create_task(work(seen))",
        "await event.wait()",
        "done, rest = await asyncio.wait([other.start(7), receive.start('never')], timeout=1)",
        "order = [await each for each in asyncio.as_completed([other.start(1), sleep.start(9)])]",
        "both = await asyncio.gather(other.start(8), send.start('x', 'y'))",
        "rest.pop().cancel()",
        "return seen, len(done), order, both",
    )
    assert guests.ok(body, script=script) == (
        [["app.other", n, {}][1:2] for n in range(3)], 1, [[1], None], [[8], None]
    )  # fmt: skip


@pytest.mark.parametrize("wait_for", ["gather(*fs)", "list(as_completed(fs))", "wait(fs)[0]"])
def test_thousands_of_futures_in_plain_code(guests: Guests, wait_for: str) -> None:
    """Each of thousands of futures is one request to start and one to observe."""
    script = Script({})
    body = main(f"fs = [charge.start(n) for n in range({COUNT})]", f"return len({wait_for})")
    assert guests.ok(body, script=script) == COUNT
    assert len(script.asked("step", "next")) == 2 * COUNT


def test_thousands_of_futures_with_asyncio(guests: Guests) -> None:
    """The same with children and asyncio's `gather`."""
    script = Script({})
    body = "@workflow\ndef other(x): ...\n" + async_main(
        f"return len(await asyncio.gather(*[other.start(n) for n in range({COUNT // 2})]))"
    )
    assert guests.ok(body, script=script) == COUNT // 2
    assert len(script.asked("execute", "next")) == COUNT
