"""What a workflow hears and says: receive, messages, send, publish, respond, secret."""

from __future__ import annotations

from typing import Any

import pytest
from guest_scripts import BEGAN_US, Guests, Script, async_main, engine_error, main

CONFIRM = """
@dataclasses.dataclass
class Confirm:
    by: str
    count: int = 1

"""


def test_receive_waits_for_a_named_message(guests: Guests) -> None:
    """`receive` is a started effect, and `next` until the message is there."""
    script = Script({})
    script.post("other", 1)
    script.post("confirm", {"by": "ann"}, at_s=60)
    assert guests.ok(main("return receive('confirm')"), script=script) == {"by": "ann"}
    assert script.requests[-2:] == [
        {"op": "receive", "id": 1, "names": ["confirm"], "start": True},
        {"op": "next", "until": None, "poll": False},
    ]
    assert script.now_us == BEGAN_US + 60_000_000


def test_receive_decodes_to_a_class(guests: Guests) -> None:
    """A class names the message and is what the payload, plain JSON too, becomes."""
    script = Script({})
    script.post("Confirm", {"by": "ann"})
    script.post("Confirm", {"$": "dataclass", "c": "app:Confirm", "f": {"by": "bob", "count": 2}})
    script.post("confirm", {"by": "eve"})
    script.post("days", ["2024-02-29"])
    body = CONFIRM + main(
        "one, two = receive(Confirm), receive.start(Confirm).result()",
        "three = receive('confirm', type=Confirm)",
        "days = receive('days', '1h', type=list[datetime.date])",
        "return [one.by, two.by, three.by, type(three).__name__, days]",
    )
    *names, days = guests.ok(body, script=script)
    assert names == ["ann", "bob", "eve", "Confirm"]
    assert str(days[0]) == "2024-02-29"


def test_declared_messages_decode_by_themselves(guests: Guests) -> None:
    """What the decorator declares is the type of `receive` by name, and of `messages()`."""
    script = Script({})
    script.post("confirm", {"by": "ann"})
    script.post("Confirm", {"by": "bob"})
    body = CONFIRM + main("return receive('confirm').by, next(messages()).payload.by")
    both = "@workflow(messages={'confirm': Confirm, 'Confirm': Confirm})"
    assert guests.ok(body.replace("@workflow", both), script=script) == ("ann", "bob")


def test_a_payload_that_does_not_fit_is_an_error(guests: Guests) -> None:
    """A message that is no such thing raises `CodecError`, which names the place."""
    script = Script({})
    script.post("Confirm", {"by": 5})
    error = guests.error(CONFIRM + main("receive(Confirm)"), script=script)
    assert error["type"] == "CodecError"
    assert "Confirm.by" in error["message"]


@pytest.mark.parametrize("form", [main, async_main])
def test_a_timeout_drops_the_receive(guests: Guests, form: Any) -> None:
    """When nothing comes in time the answer is None, and the message stays for a later receive."""
    script = Script({})
    script.post("confirm", 1, at_s=3600)
    lines = form("first = receive('confirm', timeout='10m')", "return first, receive('confirm')")
    assert guests.ok(lines, script=script) == (None, 1)
    assert [(r["op"], r.get("id")) for r in script.asked("receive", "drop")] == [
        ("receive", 1), ("drop", 1), ("receive", 2)
    ]  # fmt: skip


def test_a_timeout_of_zero_takes_what_is_there(guests: Guests) -> None:
    """`timeout=0` looks into the inbox and goes on."""
    script = Script({})
    script.post("a", 1)
    script.post("a", 2)
    body = main("return receive('a', 0), [m.payload for m in messages('a', timeout=0)]")
    assert guests.ok(body, script=script) == (1, [2])
    body = async_main("return [m.payload async for m in messages('a', timeout=0)]")
    script.post("a", 3)
    assert guests.ok(body, script=script) == [3]


@pytest.mark.parametrize("each", ["", "async "])
def test_messages_iterates_until_silence(guests: Guests, each: str) -> None:
    """Messages come in order with name and id, decoded, until the timeout passes without one."""
    script = Script({})
    for number in range(3):
        script.post("add" if number else "Confirm", {"by": "x"}, at_s=number * 50, id=f"m{number}")
    script.post("late", 9, at_s=1000)
    form = async_main if each else main
    body = CONFIRM + form(
        "seen = []",
        f"{each}for message in messages('add', Confirm, timeout='1m'): seen.append(message)",
        "assert isinstance(seen[0], Message) and isinstance(seen[0].payload, Confirm)",
        "return [(m.name, m.id) for m in seen], receive('late', 3600)",
    )
    expected = [("Confirm", "m0"), ("add", "m1"), ("add", "m2")]
    assert guests.ok(body, script=script) == (expected, 9)
    assert script.asked("receive")[0]["names"] == ["add", "Confirm"]
    assert len(script.asked("drop")) == 1


def test_messages_without_names_are_all(guests: Guests) -> None:
    """No name means every message of users; one without an id has None."""
    script = Script({})
    script.post("a", 1)
    script.post("b", 2, id="x")
    body = main("inbox = messages()", "return [(m.name, m.payload, m.id) for m in "
                "(next(inbox), next(inbox))]")  # fmt: skip
    assert guests.ok(body, script=script) == [("a", 1, None), ("b", 2, "x")]
    assert script.asked("receive")[0]["names"] == []


def test_receive_among_futures(guests: Guests) -> None:
    """A started receive goes with timers into `select`, and with tasks into asyncio."""
    script = Script({})
    script.post("confirm", "yes", at_s=5)
    body = main(
        "answer = receive.start('confirm')",
        "assert select(answer, sleep.start(1)) is not answer",
        "return select(answer, sleep.start(60)).result()",
    )
    assert guests.ok(body, script=script) == "yes"
    script = Script({})
    script.post("confirm", "yes", at_s=5)
    body = async_main(
        "try: await asyncio.wait_for(receive.start('confirm'), 1)",
        "except TimeoutError: pass",
        "async with asyncio.timeout(60): return await receive.start('confirm')",
    )
    assert guests.ok(body, script=script) == "yes"


@pytest.mark.parametrize(
    ("call", "type_", "words"),
    [
        ("receive(5)", "UsageError", 'receive("confirm")'),
        ("receive(Confirm('x'))", "UsageError", "a class, not Confirm("),
        ("receive('')", "UsageError", "1 to 200 characters"),
        ("receive('x' * 201)", "UsageError", "1 to 200 characters"),
        ("receive(':cancel')", "UsageError", "colon"),
        ("receive(Confirm, type=int)", "UsageError", "says the type already"),
        ("receive(object.__class__)", "CodecError", "no message decodes to type"),
        ("receive(asyncio.Queue)", "CodecError", "make it a dataclass"),
        ("receive.start('x', type=asyncio.Queue)", "CodecError", "make it a dataclass"),
        ("receive('x', -1)", "ValueError", "not negative"),
        ("receive('x', timeout='200000d')", "ValueError", "at most 100 years"),
        ("messages(5)", "UsageError", "not 5"),
        ("messages(timeout=-1)", "ValueError", "not negative"),
        ("send(5, 'x')", "UsageError", "an execution's id"),
        ("send('id', 5)", "UsageError", "needs a name"),
        ("send('id', {'a': 1})", "UsageError", "needs a name"),
        ("send('id', Confirm('x'), 2)", "UsageError", "the instance is the payload"),
        ("send('id', ':x')", "UsageError", "colon"),
        ("send('id', 'x', asyncio)", "CodecError", "x: is of class module"),
        ("publish(charge.start())", "CodecError", "value.result()"),
        ("secret('')", "UsageError", "has a name"),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    guests: Guests, call: str, type_: str, words: str
) -> None:
    """A bad argument is an error that says what to do, and nothing was asked of the engine."""
    script = Script({})
    error = guests.error(CONFIRM + main(call), script=script)
    assert (error["type"], words in error["message"]) == (type_, True), error["message"]
    assert not script.asked("receive", "send", "publish", "secret")


def test_a_native_class_cannot_be_received(guests: Guests) -> None:
    """A class of a library that is not there says that it runs natively."""
    script = Script({})
    script.modules["numpy"] = {"kind": "native", "reason": "native"}
    error = guests.error("import numpy\n" + main("receive(numpy.ndarray)"), script=script)
    assert error["type"] == "NativeOnly"


def test_send(guests: Guests) -> None:
    """A message goes by name, or as an instance whose class names it."""
    script = Script({})
    body = CONFIRM + async_main(
        "send('order-1', 'confirm', {'n': 1})",
        "send('order-1', Confirm('ann'))",
        "await asyncio.gather(send.start('order-2', 'go'), send.start('order-3', 'go', [1]))",
    )
    guests.ok(body, script=script)
    first, second, third, fourth = script.asked("send")
    assert first == {"op": "send", "id": 1, "to": "order-1", "name": "confirm",
                     "payload": {"n": 1}}  # fmt: skip
    assert (second["name"], second["payload"]["c"]) == ("Confirm", "app:Confirm")
    assert (third["payload"], third["start"]) == (None, True)
    assert fourth["to"] == "order-3"


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("ExecutionNotFound", {"execution": "gone"}),
        ("ExecutionEnded", {"execution": "gone", "status": "failed"}),
        ("InboxFull", {"execution": "gone", "limit": 10_000}),
    ],
)
def test_send_that_cannot_arrive(guests: Guests, kind: str, fields: dict[str, Any]) -> None:
    """The engine's refusals are raised as their classes, with their fields."""
    script = Script({})
    script.refusals["gone"] = engine_error(kind, "no", fields)
    body = main(
        "try: send('gone', 'x')",
        f"except flawless.{kind} as error: return str(error), vars(error)",
    )
    assert guests.ok(body, script=script) == ("no", fields)


def test_publish_and_respond(guests: Guests) -> None:
    """Both hand a value over without a number; the second response is a mistake."""
    script = Script({})
    body = main(
        "publish({'step': 1}); publish((1, 2)); respond('at once')",
        "try: respond('again')",
        "except flawless.UsageError as error: return str(error)",
    )
    assert "responded already" in guests.ok(body, script=script)
    assert script.asked("publish", "respond") == [
        {"op": "publish", "value": {"step": 1}},
        {"op": "publish", "value": {"$": "tuple", "v": [1, 2]}},
        {"op": "respond", "value": "at once"},
    ]


def test_a_state_that_is_too_large(guests: Guests) -> None:
    """The engine may refuse a value; a refused response can be made again, smaller."""
    script = Script({})
    script.refusals["publish"] = script.refusals["respond"] = engine_error("ValueTooLarge", "big")
    body = main(
        "for show in publish, respond, respond:",
        "    try: show('x')",
        "    except flawless.ValueTooLarge as error: print(error)",
    )
    guests.ok(body, script=script)
    assert [message for _, _, message in script.logs] == ["big"] * 3


def test_secrets_are_placeholders(guests: Guests) -> None:
    """`secret` asks for a placeholder; one that nobody has is an error."""
    script = Script({})
    script.refusals["NONE"] = engine_error("SecretUnavailable", "no such secret", {"name": "NONE"})
    body = main(
        "try: secret('NONE')",
        "except flawless.SecretUnavailable as error: return error.name, secret('KEY')",
    )
    assert guests.ok(body, script=script) == ("NONE", "placeholder-of-KEY")
    assert script.asked("secret")[1] == {"op": "secret", "name": "KEY"}


def test_names_of_the_native_package_are_refused(guests: Guests) -> None:
    """`cancelled` is for steps."""
    error = guests.error(main("flawless.cancelled()"))
    assert (error["type"], "use it in a @step" in error["message"]) == ("NativeOnly", True)
