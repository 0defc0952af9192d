"""Child executions, parent-close policies, and the next run."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, app, async_main, main

SHIP = """
@dataclasses.dataclass
class Parcel:
    id: int

@workflow
def pack(parcel: Parcel, *, fast: bool = False) -> str:
    return f"packed {parcel.id}"

@workflow(name="later")
async def later(): ...

"""


def test_a_child_is_one_started_effect(guests: Guests) -> None:
    """`start` asks for an execution with an id of its own; the future is its result."""
    script = Script({})
    script.workflows["app.pack"] = lambda parcel, fast=False: "packed"
    body = SHIP + main(
        "child = pack.start(Parcel(7), fast=True)",
        "return child.result(), child.id, repr(child), pack(Parcel(8))",
    )
    result, child, shown, called = guests.ok(body.replace("Parcel(7)", "{'id': 7}"), script=script)
    assert (result, child, called) == ("packed", "order-42.1", "packed 8")
    assert shown == "<Future 1 app.pack order-42.1: done>"
    assert script.asked("execute") == [
        {"op": "execute", "id": 1, "workflow": "app.pack",
         "args": {"a": [{"id": 7}], "k": {"fast": True}}, "child": "order-42.1", "start": True}
    ]  # fmt: skip


def test_options_of_a_child(guests: Guests) -> None:
    """Id, policy and deadline travel where they are given; later runs have ids of their own."""
    script = Script({})
    script.run = 3
    body = SHIP + main(
        "charge(); return later.start(parent_close='cancel', deadline='2h').id, "
        "later.start(id='mine', parent_close='abandon').id"
    )
    assert guests.ok(body, script=script) == ("order-42.r3.2", "mine")
    first, second = script.asked("execute")
    assert (first["workflow"], first["close"], first["deadline_s"]) == ("later", "cancel", 7200.0)
    assert (second["child"], second["close"]) == ("mine", "abandon")


@pytest.mark.parametrize(
    ("call", "type_", "words"),
    [
        ("pack.start()", "InputInvalid", "app.pack: missing a required argument: 'parcel'"),
        ("pack.start(Parcel(1), 2)", "InputInvalid", "too many positional arguments"),
        ("pack.start(Parcel(1), quick=1)", "InputInvalid", "unexpected keyword argument 'quick'"),
        ("pack.start(7)", "InputInvalid", "app.pack: parcel"),
        ("pack.start(asyncio)", "CodecError", "app.pack.parcel: is of class module"),
        ("pack.start(Parcel(1), parent_close='kill')", "UsageError", "not 'kill'"),
        ("pack.start(Parcel(1), id=5)", "UsageError", "a text, not 5"),
        ("pack.start(Parcel(1), deadline=-1)", "ValueError", "not negative"),
        ("pack.start(Parcel(1), deadline='99999999d')", "ValueError", "a deadline lasts at most"),
    ],
)
def test_bad_arguments_start_nothing(guests: Guests, call: str, type_: str, words: str) -> None:
    """A child with arguments that do not fit is refused where it is started."""
    script = Script({})
    error = guests.error(SHIP + main(call), script=script)
    assert (error["type"], words in error["message"]) == (type_, True), error["message"]
    assert not script.asked("execute")


def test_a_child_that_fails(guests: Guests) -> None:
    """Its error is `ExecutionFailed` with the child's id, type, message and traceback."""

    def fail(*_: Any) -> None:
        raise KeyError("lost")

    script = Script({})
    script.workflows["later"] = fail
    body = SHIP + main(
        "try: later.start().result()",
        "except flawless.ExecutionFailed as e:",
        "    return e.execution, e.type, e.message, 'in fail' in e.traceback, bool(e.error)",
    )
    assert guests.ok(body, script=script) == ("order-42.1", "KeyError", "'lost'", True, True)


@pytest.mark.parametrize("form", [main, async_main])
def test_cancelling_and_sending_to_a_child(guests: Guests, form: Any) -> None:
    """`cancel` asks the child to end and tells whether it was in time; `send` sends to it."""
    script = Script({})
    script.child_lasts_s = 60
    body = SHIP + form(
        "child = later.start()",
        "child.send('go', 1)",
        "asked = child.cancel('no more'), child.done(), child.cancelled()",
        "try: child.result()",
        "except flawless.ExecutionCancelled as e:",
        "    return asked, e.execution, e.reason, child.cancel()",
    )
    expected = ((True, False, False), "order-42.1", "no more", False)
    assert guests.ok(body, script=script) == expected
    assert script.asked("send", "cancel") == [
        {"op": "send", "id": 2, "to": "order-42.1", "name": "go", "payload": 1},
        {"op": "cancel", "id": 3, "execution": "order-42.1", "reason": "no more"},
    ]
    assert script.now_us == BEGAN_US


def test_a_cancelled_wait_leaves_the_child_alone(guests: Guests) -> None:
    """asyncio's timeouts and groups end the wait; the child goes on and is waited for again."""
    script = Script({})
    script.child_lasts_s = 3600
    body = SHIP + async_main(
        "child, late = later.start(), []",
        "async def look(): return await child",
        "for wait in (lambda: asyncio.wait_for(child, 1), look, lambda: asyncio.gather(child),",
        "             lambda: asyncio.shield(child), lambda: asyncio.gather(look(), look())):",
        "    try:",
        "        async with asyncio.timeout(10): await wait()",
        "    except TimeoutError: late.append(child.done())",
        "done, rest = await asyncio.wait({child}, timeout=1)",
        "return late, len(rest), await child, await child, bool(child._callbacks)",
    )
    assert guests.ok(body, script=script) == ([False] * 5, 1, [], [], False)
    assert not script.asked("drop", "cancel")
    assert script.now_us == BEGAN_US + 3_600_000_000


def test_gathering_children_in_plain_code(guests: Guests) -> None:
    """Children are futures to `gather`, `select` and the others."""
    script = Script({})
    script.child_lasts_s = 5
    body = SHIP + main(
        "a, b = later.start(), pack.start(Parcel(1))",
        "assert select(a, b, timeout=1) is None",
        "return gather(a, b), select(b, a) is b, len(list(as_completed([a, b])))",
    )
    script.workflows["app.pack"] = lambda _: "packed"
    body = body.replace("Parcel(1)", "{'id': 1}")
    assert guests.ok(body, script=script) == ([[], "packed"], True, 2)


@pytest.mark.parametrize("form", [main, async_main])
@pytest.mark.parametrize("ends", ["return 1", "raise ValueError", "continue_as_new()"])
def test_the_end_waits_for_children_that_say_so(guests: Guests, form: Any, ends: str) -> None:
    """However the workflow ends, children with `wait` end before it, and no others."""
    script = Script({})
    script.child_lasts_s = 5
    lines = (
        "later.start()", "later.start(parent_close='cancel')",
        "later.start(parent_close='abandon')", "sleep.start(9)", "later.start()", ends,
    )  # fmt: skip
    guests.run(app(SHIP + form(*lines).replace("*args", ""), script))
    assert script.now_us == BEGAN_US + 5_000_000
    assert [r["id"] for r in script.asked("drop")] == ([] if "raise" in ends else [4])
    assert not script.asked("cancel")


@pytest.mark.parametrize("form", [main, async_main])
def test_continue_as_new(guests: Guests, form: Any) -> None:
    """The run ends with the arguments of the next one, and with what was started done."""
    script = Script({})
    lines = form("charge.start(1)", "try: continue_as_new(n + 1, note={'a'})", "finally: charge(2)")
    body = textwrap.dedent(lines).replace("*args", "n, note=None")
    output = guests.run(app(body, script), 1)
    assert output == {"continue": {"a": [2], "k": {"note": {"$": "set", "v": ["a"]}}}}
    assert script.requests[-1]["op"] == "next"


def test_continue_as_new_from_within(guests: Guests) -> None:
    """From a function, past `except Exception`, out of a task group; no compensation runs."""
    body = async_main(
        "async def again():",
        "    with compensation() as undo:",
        "        undo(charge)",
        "        try: continue_as_new()",
        "        except Exception: pass",
        "async with compensation() as undo:",
        "    undo(charge)",
        "    async with asyncio.TaskGroup() as group: group.create_task(again())",
    )
    script = Script({})
    assert guests.run(app(body, script)) == {"continue": {"a": [], "k": {}}}
    assert not script.asked("step")


@pytest.mark.parametrize(
    ("call", "type_", "words"),
    [
        ("continue_as_new()", "InputInvalid", "app.main: missing a required argument: 'n'"),
        ("continue_as_new('x')", "InputInvalid", "app.main: n"),
        ("continue_as_new(1, 2)", "InputInvalid", "too many positional arguments"),
    ],
)
def test_continue_as_new_with_bad_arguments(
    guests: Guests, call: str, type_: str, words: str
) -> None:
    """Arguments that do not fit the workflow are an error there and then."""
    body = main(call).replace("*args", "n: int")
    error = guests.error(body, 1)
    assert (error["type"], words in error["message"]) == (type_, True), error["message"]


def test_declarations_are_described(guests: Guests) -> None:
    """`describe` tells declared messages with their schemas, and the deadline."""
    body = SHIP + (
        "@workflow(messages=[Parcel], deadline='30d')\ndef main(): ...\n"
        "@workflow(messages={'count': int})\ndef other(): ...\n"
    )
    pack, _, described, other = guests.describe(app(body))["workflows"]
    assert "messages" not in pack
    assert "deadline_s" not in pack
    assert described["messages"]["Parcel"]["required"] == ["id"]
    assert described["deadline_s"] == 30 * 86_400.0
    assert other["messages"] == {"count": {"type": "integer"}}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("messages='confirm'", "messages= takes"),
        ("messages=['confirm']", "takes classes"),
        ("messages={1: int}", "not a text"),
        ("messages={':x': int}", "colon"),
        ("messages={'x': asyncio.Queue}", "no message decodes to"),
        ("deadline=-1", "not negative"),
    ],
)
def test_bad_declarations(guests: Guests, options: str, words: str) -> None:
    """A declaration that cannot be is an error of the module."""
    error = guests.error(f"@workflow({options})\ndef main(): ...\n")
    assert words in error["message"]
