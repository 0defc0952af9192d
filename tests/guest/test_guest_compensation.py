"""`compensation`: what was done is undone in reverse, each undo tried until it is decided."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, app, async_main, engine_error, main

BOTH = pytest.mark.parametrize("form", [main, async_main])


def saga(form: Callable[..., str], *lines: str) -> str:
    """Return a workflow whose body stands in a compensation."""
    kind = "async with" if form is async_main else "with"
    return form(f"{kind} compensation() as undo:", *(f"    {line}" for line in lines))


def failing(times: dict[int, int]) -> Script:
    """Return a script whose step `charge(n)` fails so many times."""

    def charge(number: int = 0) -> int:
        if times.get(number, 0):
            times[number] -= 1
            raise ValueError(f"card {number} expired")
        return number

    script = Script({})
    script.steps["app.charge"] = charge
    return script


def charged(script: Script) -> list[int]:
    """Return the arguments of the calls of `charge`."""
    return [r["args"]["a"][0] for r in script.asked("step") if r["name"] == "app.charge"]


@BOTH
def test_undo_runs_in_reverse_on_failure(guests: Guests, form: Any) -> None:
    """The last action first, any callable, and the exception goes on."""
    script = Script({})
    body = saga(
        form, "undo(charge, 1)", "undo(charge, *[2])", "undo(print, 'three', sep='')",
        "raise KeyError('x')",
    )  # fmt: skip
    assert guests.error(body, script=script)["type"] == "KeyError"
    assert [r["op"] for r in script.requests[-3:]] == ["log", "step", "step"]
    assert charged(script) == [2, 1]


@BOTH
@pytest.mark.parametrize("last", ["pass", "return 5", "undo.clear(); 1 / 0"])
def test_nothing_is_undone_without_need(guests: Guests, form: Any, last: str) -> None:
    """Success undoes nothing, neither does a failure after `clear`."""
    script = Script({})
    guests.run(app(saga(form, "undo(charge, 1)", "len(undo), repr(undo)", last), script))
    assert charged(script) == []


@BOTH
def test_undo_runs_on_cancellation(guests: Guests, form: Any) -> None:
    """Cancelled where it waits, the workflow undoes and ends cancelled."""
    script = Script({})
    script.cancel(at_s=5)
    wait_for = "await asyncio.sleep(100)" if form is async_main else "sleep(100)"
    output = guests.run(app(saga(form, "undo(charge, 1)", wait_for), script))
    assert (output["error"]["type"], output["cancelled"]) == ("CancelledError", True)
    assert charged(script) == [1]


@BOTH
def test_an_undo_is_retried(guests: Guests, form: Any) -> None:
    """An undo that raises is tried again after 1, 2 and 4 seconds of durable sleep."""
    script = failing({1: 3})
    body = saga(form, "undo(charge, 1)", "undo(charge, 2)", "raise KeyError('x')")
    assert guests.error(body, script=script)["type"] == "KeyError"
    assert charged(script) == [2, 1, 1, 1, 1]
    assert [r["seconds"] for r in script.asked("sleep")] == [1.0, 2.0, 4.0]
    assert script.now_us == BEGAN_US + 7_000_000
    assert not script.asked("park")


@BOTH
@pytest.mark.parametrize("decision", [{"ok": {"ok": None}}, {"ok": {"retry": True}}])
def test_an_undo_that_keeps_failing_parks(
    guests: Guests, form: Any, decision: dict[str, Any]
) -> None:
    """A person decides: taken as done, or tried again from the start, with retries."""
    script = failing({1: 6})
    script.decisions = [decision]
    body = saga(form, "undo(charge, 0)", "undo(charge, 1)", "raise KeyError('x')")
    assert guests.error(body, script=script)["type"] == "KeyError"
    again = 3 if "retry" in decision["ok"] else 0
    assert charged(script) == [1] * (4 + again) + [0]
    assert [{**r, "id": 0} for r in script.asked("park")] == [
        {"op": "park", "id": 0, "label": "undo app.charge: ValueError: card 1 expired"}
    ]


@BOTH
def test_a_decision_that_is_an_error(guests: Guests, form: Any) -> None:
    """The others are undone first; then the error is raised, caused by the first failure."""
    script = failing({1: 99, 2: 99})
    script.decisions = [
        {"error": engine_error("EffectError", "lost one")},
        {"error": engine_error("EffectError", "lost two")},
    ]
    body = saga(form, "for n in range(3): undo(charge, n)", "raise KeyError('x')")
    error = guests.error(body, script=script)
    assert (error["type"], error["message"]) == ("EffectError", "lost two")
    assert charged(script)[-1] == 0
    told = error["traceback"]
    assert told.index("KeyError") < told.index("lost one") < told.index("lost two")


@BOTH
def test_cancelled_while_undoing(guests: Guests, form: Any) -> None:
    """What is being undone is undone all the same; then the workflow ends cancelled."""
    script = failing({1: 2})
    script.cancel(at_s=2)
    body = saga(form, "undo(charge, 0)", "undo(charge, 1)", "raise KeyError('x')")
    output = guests.run(app(body, script))
    assert (output["error"]["type"], output["cancelled"]) == ("CancelledError", True)
    assert charged(script) == [1, 1, 1, 0]


def test_cancelled_while_parked(guests: Guests) -> None:
    """A cancellation takes the question back; the undo is tried again, and asked about again."""
    script = failing({1: 99})
    script.decisions = [{"cancel": "enough"}, {"ok": {"ok": 1}}]
    body = saga(main, "undo(charge, 1)", "raise KeyError('x')")
    assert guests.run(app(body, script))["cancelled"] is True
    assert (len(script.asked("park")), len(charged(script))) == (2, 5)


@BOTH
def test_nested_compensations(guests: Guests, form: Any) -> None:
    """The inner one undoes first; a failure that is caught outside of it leaves the outer alone."""
    kind = "async with" if form is async_main else "with"
    script = Script({})
    body = saga(
        form,
        "undo(charge, 1)",
        "try:",
        f"    {kind} compensation() as inner: inner(charge, 2); raise KeyError",
        "except KeyError: pass",
        f"{kind} compensation() as inner: inner(charge, 3); raise ValueError",
    )
    assert guests.error(body, script=script)["type"] == "ValueError"
    assert charged(script) == [2, 3, 1]


def test_async_actions(guests: Guests) -> None:
    """Async steps, coroutine functions and started futures are awaited."""
    script = Script({})
    body = "async def back(n): print('back', await ship(n))\n" + saga(
        async_main, "undo(ship, 1)", "undo(back, 2)", "undo(charge.start, 3)",
        "undo(lambda: back(4))", "raise KeyError",
    )  # fmt: skip
    guests.error(body, script=script)
    assert [text for _, _, text in script.logs] == ["back [4]", "back [2]"]
    assert [r["args"]["a"] for r in script.asked("step")] == [[4], [3], [2], [1]]


def test_started_actions_in_plain_code(guests: Guests) -> None:
    """An action that returns a future is waited for: a child may be the undo."""
    script = Script({})
    body = "@workflow\ndef other(n): ...\n" + saga(
        main, "undo(other.start, 1, id='undo-1')", "undo(other, 2)", "raise KeyError"
    )
    guests.error(body, script=script)
    assert [r["child"] for r in script.asked("execute")] == ["undo-1"]
    assert script.requests[-1]["op"] == "next"


def test_cancelled_tasks_undo(guests: Guests) -> None:
    """A task cancelled by a timeout undoes; the timeout is one of asyncio as ever."""
    script = Script({})
    body = async_main(
        "async def part():",
        "    async with compensation() as undo:",
        "        undo(ship, 1)",
        "        await asyncio.sleep(100)",
        "try: await asyncio.wait_for(part(), 5)",
        "except TimeoutError: return await ship(2)",
    )
    assert guests.ok(body, script=script) == [2]
    assert [r["args"]["a"] for r in script.asked("step")] == [[1], [2]]


def test_a_generator_that_is_closed_undoes_nothing(guests: Guests) -> None:
    """Closing a generator is no failure of its block."""
    script = Script({})
    body = (
        "def part():\n    with compensation() as undo:\n        undo(charge, 1)\n        yield 1\n"
    )
    guests.ok(body + main("for _ in part(): break"), script=script)
    assert charged(script) == []


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("undo(charge(1))", "instead of undo(refund(ref))"),
        ("undo()", "missing 1 required positional argument"),
        ("undo(ship, 1)", "app.ship is an async function: use `async with"),
        ("undo(asyncio.sleep, 1)", "asyncio.tasks.sleep is an async function"),
        ("undo(once, 1)", "undo(app.once, ...): too many positional arguments"),
        ("undo(once, x=1)", "unexpected keyword argument 'x'"),
        ("keep.append(undo)", "the block of this compensation has ended"),
        ("with group: pass", "for one block"),
    ],
)
def test_what_cannot_be_an_undo(guests: Guests, call: str, words: str) -> None:
    """A mistake is told where the undo is registered, not when it is needed."""
    body = "@step\ndef once(): ...\n" + main(
        "keep, group = [], compensation()",
        f"with group as undo:\n    {call}".replace("\n", "\n    "),
        "keep[0](charge)",
    )
    error = guests.error(body.replace("        keep[0]", "    keep[0]"))
    assert words in error["message"]
