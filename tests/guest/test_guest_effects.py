"""What workflow code asks of the engine, in plain and in `async def` workflows."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, app, async_main, main


def test_a_step_is_one_request_with_its_arguments(guests: Guests) -> None:
    """A call of a step sends name and arguments, and returns what the step returned."""
    script = Script({})
    assert guests.ok(main("return charge('card', 5, note='x')"), script=script) == [
        "app.charge", "card", 5, {"note": "x"}
    ]  # fmt: skip
    assert script.asked("step") == [
        {"op": "step", "id": 1, "name": "app.charge",
         "args": {"a": ["card", 5], "k": {"note": "x"}}}
    ]  # fmt: skip


def test_effects_are_numbered_from_one(guests: Guests) -> None:
    """Every effect has the next number, whatever its kind."""
    script = Script({})
    guests.ok(main("charge()", "sleep(1)", "http.get('http://a')", "charge.start()"), script=script)
    assert [request["id"] for request in script.asked("step", "sleep", "http")] == [1, 2, 3, 4]


def test_values_keep_their_types_through_a_step(guests: Guests) -> None:
    """Dataclasses, enums, times and exact numbers come back as what they were."""
    body = """
        from decimal import Decimal
        class Color(enum.Enum):
            RED = "r"
        @dataclasses.dataclass
        class Order:
            id: int
            total: Decimal
            color: Color
        @workflow
        def main():
            order = Order(7, Decimal("1.10"), Color.RED)
            back, when = charge(order, datetime.datetime(2024, 2, 29))
            assert back == order and when == datetime.datetime(2024, 2, 29)
            return type(back).__name__, back.color is Color.RED
    """
    assert guests.ok(body) == ("Order", True)


def test_an_exception_of_a_step_arrives_as_itself(guests: Guests) -> None:
    """Workflow code catches the step's exception by its class; its cause shows the native side."""

    def fail(*_: Any) -> None:
        raise KeyError("no such card")

    script = Script({})
    script.steps["app.charge"] = fail
    body = main(
        "try:",
        "    charge()",
        "except KeyError as error:",
        "    return error.args, str(error.__cause__)",
    )
    args, cause = guests.ok(body, script=script)
    assert args == ("no such card",)
    assert "in fail" in cause


class Odd(Exception):
    """Only this side knows it."""


def test_an_unknown_exception_of_a_step_becomes_step_failed(guests: Guests) -> None:
    """An exception whose class the guest cannot find tells its type, message and traceback."""

    def fail(*_: Any) -> None:
        raise Odd("strange")

    script = Script({})
    script.steps["app.charge"] = fail
    body = main(
        "try:", "    charge()",
        "except flawless.StepFailed as error:",
        "    return error.type, error.message, 'Odd' in error.traceback",
    )  # fmt: skip
    type_, message, shown = guests.ok(body, script=script)
    assert type_.endswith(".Odd")
    assert (message, shown) == ("strange", True)


@pytest.mark.parametrize("kind", ["Interrupted", "StepTimeout", "BodyTooLarge", "ValueError"])
def test_errors_of_the_engine_have_their_public_class(guests: Guests, kind: str) -> None:
    """The engine's own errors are raised as the classes of `flawless`, or built-in ones."""
    script = Script({})
    error = {"type": kind, "module": "flawless", "message": "why", "fields": {"effect": "step"}}
    script._step = lambda asked: {"now": script.now_us, "error": error}  # type: ignore[method-assign]  # an answer no step can give
    body = main(
        "try:", "    charge()",
        f"except getattr(flawless, '{kind}', None) or {kind} as error:",
        "    return str(error), error.effect",
    ) if kind != "ValueError" else main(
        "try:", "    charge()", "except ValueError as error:", "    return str(error), error.effect"
    )  # fmt: skip
    assert guests.ok(body, script=script) == ("why", "step")


@pytest.mark.parametrize(
    ("call", "seconds"),
    [
        ("sleep(2.5)", 2.5),
        ("sleep('1h30m')", 5400.0),
        ("sleep(datetime.timedelta(minutes=2))", 120.0),
        ("sleep(days=2, hours=1)", 176_400.0),
        ("time.sleep(3)", 3.0),
    ],
)
def test_sleep_takes_lengths_as_people_write_them(
    guests: Guests, call: str, seconds: float
) -> None:
    """Numbers, texts, timedeltas and keywords all become one durable sleep."""
    script = Script({})
    guests.ok(main(call), script=script)
    assert [request["seconds"] for request in script.asked("sleep")] == [seconds]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("sleep(-1)", "not negative"),
        ("sleep(float('nan'))", "finite"),
        ("sleep('soon')", "cannot read"),
        ("sleep(days=40_000)", "at most 100 years"),
        ("time.sleep(-1)", "non-negative"),
    ],
)
def test_impossible_lengths_of_sleep_are_refused(guests: Guests, call: str, message: str) -> None:
    """A sleep that cannot be is a `ValueError`, and nothing is asked of the engine."""
    script = Script({})
    error = guests.error(main(call), script=script)
    assert error["type"] == "ValueError"
    assert message in error["message"]
    assert not script.asked("sleep")


def test_futures_of_started_effects(guests: Guests) -> None:
    """`.start` returns at once; `result` waits for the outcomes in the order the engine tells."""
    script = Script({})
    body = main(
        "futures = [charge.start(n) for n in range(3)] + [sleep.start(5), ship.start(9)]",
        "before = [future.done() for future in futures]",
        "last = futures[-1].result()",
        "return before, last, [future.done() for future in futures], futures[3].result(), "
        "[f.result() for f in futures[:3]], [f.exception() for f in futures[:3]]",
    )
    before, last, done, slept, results, errors = guests.ok(body, script=script)
    assert before == [False] * 5
    assert last == [9]
    assert done == [True, True, True, False, True]
    assert (slept, results, errors) == (None, [[0], [1], [2]], [None] * 3)
    assert len(script.asked("next")) == 5


def test_a_future_fails_as_its_step_did(guests: Guests) -> None:
    """`result` raises the step's exception each time, `exception` returns it."""

    def fail(*_: Any) -> None:
        raise ValueError("no")

    script = Script({})
    script.steps["app.charge"] = fail
    body = main(
        "future = charge.start()",
        "seen = [repr(future.exception())]",
        "for _ in range(2):",
        "    try: future.result()",
        "    except ValueError as error: seen.append(str(error))",
        "return seen",
    )
    assert guests.ok(body, script=script) == ["ValueError('no')", "no", "no"]


def test_the_wait_for_a_future_can_end_early(guests: Guests) -> None:
    """`result(timeout=)` raises `TimeoutError`; the effect goes on and can be waited for again."""
    body = main(
        "future = sleep.start(60)",
        "began = time.time()",
        "try: future.result(timeout='10s')",
        "except TimeoutError: first = time.time() - began",
        "future.result()",
        "return first, time.time() - began",
    )
    assert guests.ok(body) == (10.0, 60.0)


def test_a_cancelled_future_is_dropped(guests: Guests) -> None:
    """`cancel` tells the engine; a second one, or one that comes late, does nothing."""
    script = Script({})
    body = main(
        "future = charge.start()", "first = future.cancel()",
        "try: future.result()",
        "except asyncio.CancelledError: return first, future.cancel(), future.cancelled()",
    )  # fmt: skip
    assert guests.ok(body, script=script) == (True, False, True)
    assert script.asked("drop") == [{"op": "drop", "id": 1}]


def test_time_and_randomness_are_the_hosts(guests: Guests) -> None:
    """Unmodified calls of the standard library see the host's clock and the execution's seed."""
    body = "import os, random, secrets, uuid\n" + main(
        "return time.time(), str(datetime.datetime.now()), random.random(), "
        "random.Random().random(),"
        " str(uuid.uuid4()), os.urandom(4), secrets.token_hex(4), random.sample(range(99), 3)"
    )
    first = guests.ok(body, script=Script({}, seed=b"a"))
    again = guests.ok(body, script=Script({}, seed=b"a"))
    other = guests.ok(body, script=Script({}, seed=b"b"))
    assert first == again
    assert first[0] == BEGAN_US / 1e6
    assert all(one != two for one, two in zip(first[2:], other[2:], strict=True))


def test_the_guest_tells_where_it_stands(guests: Guests) -> None:
    """Asked `where`, the guest answers with the user's frames, innermost last, then goes on."""
    script = Script({})
    script.where_at = 2
    body = main("def inner():", "    return charge(2)", "charge(1)", "return inner()")
    assert guests.ok(body, script=script) == [2]
    assert [(frame["function"], frame["text"]) for frame in script.frames] == [
        ("main", "return inner()"),
        ("main.<locals>.inner", "return charge(2)"),
    ]
    assert {frame["file"] for frame in script.frames} == {"app.py"}


def test_a_workflow_knows_its_id_and_calls_others(guests: Guests) -> None:
    """A workflow called by another one is an ordinary call; `execution_id` is the execution's."""
    body = "@workflow(name='other')\ndef helper(n): return n + 1\n" + main(
        "return helper(1), flawless.execution_id(), helper.name"
    )
    assert guests.ok(body) == (2, "order-42", "other")


def test_arguments_are_decoded_by_their_annotations(guests: Guests) -> None:
    """A plain JSON argument becomes what the parameter's annotation says."""
    body = """
        @dataclasses.dataclass
        class Order:
            id: int
        @workflow
        def main(order: Order, when: datetime.date):
            return order.id, when.year
    """
    assert guests.ok(body, {"id": 3}, "2024-02-29") == (3, 2024)


def test_texts_of_all_kinds_travel(guests: Guests) -> None:
    """Any text reaches the engine as UTF-8; lone surrogates are refused with their place."""
    script = Script({})
    assert guests.ok(main("return charge('grüße 🎈 \\x00')"), script=script) == ["grüße 🎈 \x00"]
    error = guests.error(main("charge('\\ud800')"))
    assert error["type"] == "CodecError"
    script = Script({})
    guests.ok(main("print('odd \\ud800')"), script=script)
    assert script.logs == [(20, "print", "odd \ud800")]


def test_effects_are_refused_while_modules_are_imported(guests: Guests) -> None:
    """A step called at a module's top level is an error that says where it belongs."""
    output = guests.run(app("charge()\n" + main("return 1")))
    assert "while a module was being imported" in output["error"]["message"]


def test_a_sync_step_blocks_an_async_workflow(guests: Guests) -> None:
    """Called in `async def`, a sync step waits on the spot, as it does natively."""
    assert guests.ok(async_main("return charge(1), await ship(2)")) == ([1], [2])
