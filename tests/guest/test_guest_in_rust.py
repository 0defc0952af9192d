"""Workflows in Rust ask for effects with the very bytes that the same workflows in Python do."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable
from typing import Any

import pytest
from guest_scripts import Guests, Script, app, engine_error

import rust_programs
from flawless.wasm import Component

URL = "https://shop.example/"
HELPERS = """
URL = "https://shop.example/"

@step
def book(number): ...

@step
def declined(*args): ...

@workflow(name="app.declined")
def declined_child(): ...

@workflow(name="app.ship")
def ship_child(*args): ...

@workflow
def slow(): ...

class Failure(Exception): ...
"""


class Recorded(Script):
    """A script with all that the workflows look for, which keeps what they ask, byte for byte."""

    def __init__(self) -> None:
        super().__init__({})
        self.asked_raw: list[str] = []
        self.steps["app.declined"] = self.workflows["app.declined"] = decline
        self.workflows["app.ship"] = lambda *args: [*args]
        self.child_lasts_s = 1.0
        self.pages[f"{URL}in"] = {"status": 200, "body": {"text": "[1]"}}
        self.pages[f"{URL}down"] = {"error": engine_error("ConnectError", "cannot connect")}
        interrupted = engine_error("Interrupted", "nobody knows")
        self.pages[f"{URL}interrupted"] = {"error": interrupted}
        self.refusals["nobody"] = engine_error("ExecutionNotFound", "there is none")

    def call(self, request: bytes) -> bytes:
        """Keep the request and answer it."""
        if json.loads(request)["op"] not in ("load", "source", "where"):
            self.asked_raw.append(bytes(request).decode())
        return super().call(request)


def decline(*_: Any) -> None:
    """Fail as a step does."""
    raise ValueError("card expired")


@pytest.fixture(scope="session")
def rust() -> Guests:
    """Guests on the component of the tests' Rust programs."""
    return Guests(Component.load(rust_programs.wasm().read_bytes()))


def nothing(script: Script) -> None:
    """Prepare nothing."""


def messages(script: Script) -> None:
    """Have messages arrive."""
    for second, name in enumerate(("first", "any", "second", "fourth"), 1):
        payload = 2 if name == "second" else name
        script.post(name, payload, at_s=10 * second - 9, id=f"m{second}")


def cancelled(script: Script) -> None:
    """Cancel after five seconds; children take their time."""
    script.cancel("enough", at_s=5)
    script.child_lasts_s = 1000


def failing(times: dict[int, int], *decisions: dict[str, Any], cancel_at_s: float | None = None):  # type: ignore[no-untyped-def]  # the closure's type says nothing
    """Have the step `app.charge(number)` fail so many times, and a person decide."""

    def prepare(script: Script) -> None:
        left = dict(times)

        def charge(number: int) -> int:
            if left.get(number, 0):
                left[number] -= 1
                raise ValueError(f"card {number} expired")
            return number

        script.steps["app.charge"] = charge
        script.decisions = [dict(decision) for decision in decisions]
        if cancel_at_s is not None:
            script.cancel("enough", at_s=cancel_at_s)

    return prepare


def third_run(script: Script) -> None:
    """Make it the third run."""
    script.run = 3


SAGA = """
with compensation() as undo:
    for number in range(3):
        book(number)
        undo(charge, number)
    if args[0] == "fail": raise Failure("out of stock")
    if args[0] == "wait": sleep(100)
    if args[0] == "again": continue_as_new("done")
    if args[0] == "clear": undo.clear(); raise Failure("it is to stay")
    return 7
"""
CHILDREN = """
one = ship_child.start(1)
two = ship_child.start("tea", id="two", parent_close="cancel", deadline=90)
left = ship_child.start(parent_close="abandon")
two.send("note", 1)
cancelled, again = two.cancel("no need"), left.cancel()
ended = one.result()
try: two.result()
except flawless.ExecutionCancelled as error: how = [type(error).__name__, error.reason]
return [ended, cancelled, again, *how]
"""
IS_CANCELLED = """
match args[0]:
    case "sleep": sleep(100)
    case "receive": receive("never")
    case "timeout": receive("never", timeout=100)
    case "gather": gather(sleep.start(100), sleep.start(200))
    case "select": select(sleep.start(100), timeout=50)
    case "step": slow.start().result()
"""

CASES: dict[str, tuple[str, tuple[Any, ...], str, Callable[[Script], None]]] = {
    "steps": ("steps", (), """
        first = charge(1, "two", 3.5)
        started = charge.start()
        charge.start({"a": [None, True]})
        return [first, started.result()]
    """, nothing),
    "requests": ("requests", (), """
        first = http.get(
            "https://shop.example/a?x=1#part", params={"q": "ä &~/", "n": 3}, headers={"X-A": 1},
            timeout=2.5,
        )
        http.head("https://shop.example/")
        http.options("https://shop.example/", redirects=0)
        http.delete("https://shop.example/", max_bytes=100)
        http.request("propfind", "https://shop.example/", idempotent=True)
        started = http.get.start("https://shop.example/started")
        return first.status + started.result().status
    """, nothing),
    "bodies": ("bodies", (), """
        url = "https://shop.example/in"
        value = {"a": 1.5, "b": "äö\\U0001f600\\x7f\\n\\"", "c": None, "d": [1, 1e16, 1e-5, -0.0]}
        http.post(url, json=value, on_interrupt="park")
        http.put(url, form=[("a b", "ü&"), ("c", "")])
        http.patch(url, content="text ü")
        http.post(url, content=b"\\x00\\xff")
        kind = {"content-type": "text/csv"}
        answer = http.post(url, headers=kind, content="a,b", idempotent=True)
        return answer.raise_for_status().json()
    """, nothing),
    "sleeps": ("sleeps", (), """
        sleep(0.1); sleep(days=2); sleep(4.350001)
        one, two = sleep.start(1), sleep.start(1.5)
        one.result()
        sleep.start(2).cancel()
    """, nothing),
    "receives": ("receives", (), """
        first = receive("first")
        none = receive("none", timeout=5)
        second = receive.start("second")
        receive.start("never").cancel()
        any = next(messages(timeout=10))
        either = next(messages("third", "fourth"))
        left = receive.start("left")
        return [first, none, second.result(), any.name, any.id, either.name, either.payload]
    """, messages),
    "sends": ("sends", (), """
        send("other", "note", {"text": "ü"})
        send.start("other", "note", "two").result()
        try: send("nobody", "note", 1)
        except flawless.ExecutionNotFound as error: return str(error)
    """, nothing),
    "shows": ("shows", (), """
        publish({"at": 1})
        respond("accepted")
        try: respond("again")
        except flawless.UsageError as error: again = str(error)
        return [secret("BANK_KEY"), again]
    """, nothing),
    "children": ("children", (), CHILDREN, nothing),
    "children of a later run": ("children", (), CHILDREN, third_run),
    "gathers": ("gathers", (), """
        done = len(gather(*[sleep.start(n) for n in (3, 1, 2)]))
        a, b = gather(charge.start(1), sleep.start(1))
        c, _, d = gather(charge.start(2), sleep.start(1), ship_child.start(3))
        mixed = gather(charge.start(4), declined.start(), return_exceptions=True)
        try: gather(declined.start(), charge.start(5))
        except ValueError as error: shown = f"ValueError: {error}"
        return [done, a, b, c, d, sum(not isinstance(m, Exception) for m in mixed), shown]
    """, nothing),
    "selects": ("selects", (), """
        message, late = receive.start("go"), sleep.start(3)
        first = [message, late].index(select(message, late))
        done = [late].index(select(late, timeout=1))
        return [first, done, select(message, timeout=1)]
    """, nothing),
    "completes": ("completes", (), """
        naps, order = [sleep.start(n) for n in (3, 1, 2, 50)], []
        try:
            for nap in as_completed(naps, timeout=10): order.append(naps.index(nap))
        except TimeoutError as error: return [order, type(error).__name__]
    """, nothing),
    "joins for a while": ("joins_for_a_while", (), """
        nap = sleep.start(5)
        try: nap.result(timeout=1)
        except TimeoutError: nap.result(); return False
        return True
    """, nothing),
    "continues": ("continues", (1,), """
        charge.start(1)
        sleep.start(100)
        continue_as_new(2, 'ü')
    """, nothing),
    "cleans up": ("cleans_up", (), """
        try: sleep(100)
        except Cancelled as error: sleep(1); charge("back"); return str(error)
    """, cancelled),
    "cancelled, then fails": ("endings.cancelled_then_fails", (), """
        try: sleep(100)
        except Cancelled: pass
        raise Failure("cannot be cleaned up")
    """, cancelled),
    "cancelled at the end": ("cancelled_at_the_end", (False,), "slow.start()", cancelled),
    "cancelled after an error": ("cancelled_at_the_end", (True,), """
        slow.start()
        raise Failure("too late")
    """, cancelled),
    "does not care": ("does_not_care", (), """
        charge(1)
        ship_child.start(2).result()
        try: http.post("https://shop.example/interrupted")
        except flawless.Interrupted as error: return str(error)
    """, nothing),
    "a step fails": ("endings.step_fails", (), "declined('4242')", nothing),
    "a child fails": ("endings.child_fails", (), "declined_child.start().result()", nothing),
    "no such page": ("endings.missing_page", (), """
        http.get("https://shop.example/missing").raise_for_status()
    """, nothing),
    "no connection": ("endings.no_connection", (), "http.get(f'{URL}down')", nothing),
    "no receiver": ("endings.no_receiver", (), 'send("nobody", "note", None)', nothing),
    "responds twice": ("endings.responds_twice", (), "respond(1); respond(2)", nothing),
    "a bad name": ("endings.bad_name", (), 'receive(":odd")', nothing),
    "late": ("endings.late", (), "list(as_completed([sleep.start(9)], timeout=1))", nothing),
    "leaves failures": ("leaves_failures", (), """
        declined.start(); declined_child.start(id="kid"); http.get.start("https://shop.example/down")
        seen = declined.start()
        seen.exception()
        sleep(1)
    """, nothing),
    **{f"cancelled: {where}": ("is_cancelled", (where,), IS_CANCELLED, cancelled)
       for where in ("sleep", "receive", "timeout", "gather", "select", "step")},
    "saga: done": ("saga", ("",), SAGA, nothing),
    "saga: fails": ("saga", ("fail",), SAGA, nothing),
    "saga: cleared": ("saga", ("clear",), SAGA, nothing),
    "saga: as new": ("saga", ("again",), SAGA, nothing),
    "saga: cancelled": ("saga", ("wait",), SAGA, failing({}, cancel_at_s=5)),
    "saga: tried again": ("saga", ("fail",), SAGA, failing({1: 3})),
    "saga: done by a person": ("saga", ("fail",), SAGA, failing({1: 6}, {"ok": {"ok": None}})),
    "saga: retried": ("saga", ("fail",), SAGA, failing({1: 6}, {"ok": {"retry": True}})),
    "saga: given up": (
        "saga", ("fail",), SAGA,
        failing({1: 99, 2: 99}, {"error": engine_error("EffectError", "lost one")},
                {"error": engine_error("EffectError", "lost two")}),
    ),
    "saga: cancelled meanwhile": ("saga", ("fail",), SAGA, failing({1: 2}, cancel_at_s=2)),
    "saga: cancelled, parked": (
        "saga", ("fail",), SAGA, failing({1: 99}, {"cancel": "enough"}, {"ok": {"ok": 1}}),
    ),
}  # fmt: skip


def both(
    rust: Guests, guests: Guests, case: str
) -> tuple[tuple[Recorded, Any], tuple[Recorded, Any]]:
    """Run a case in both languages; return script and output of each."""
    workflow, args, body, prepare = CASES[case]
    place = workflow if "." in workflow else f"effects.{workflow}"
    in_rust, in_python = Recorded(), Recorded()
    prepare(in_rust)
    prepare(in_python)
    output = rust.run(in_rust, *args, workflow=f"programs.{place}", modules=[])
    lines = textwrap.indent(textwrap.dedent(body), "    ")
    app(f"{HELPERS}\n@workflow\ndef main(*args):\n{lines}\n", in_python)
    return (in_rust, output), (in_python, guests.run(in_python, *args))


def shown(message: str) -> str:
    """Return a message without what only looks different: quotes, and the unit of a duration."""
    return message.replace('"', "'").removesuffix("s")


@pytest.mark.parametrize("case", list(CASES))
def test_same_requests(rust: Guests, guests: Guests, case: str) -> None:
    """Both ask for the same, and end in the same way."""
    (in_rust, output), (in_python, expected) = both(rust, guests, case)
    assert in_rust.asked_raw == in_python.asked_raw
    assert output.keys() == expected.keys(), (output, expected)
    if "error" in expected:
        told, right = output["error"], expected["error"]
        assert shown(told["message"]) == shown(right["message"])
        assert output.get("cancelled") == expected.get("cancelled")
        if "cancelled" not in output:
            assert told["type"] == right["type"]
            assert told["module"] == right["module"].replace("app", "flawless")
    else:
        assert output == expected


def test_where_a_workflow_stands(rust: Guests) -> None:
    """Asked where it stands, it tells the place of the effect, and gets its answer after that."""
    script = Recorded()
    script.where_at = 2
    output = rust.run(script, workflow="programs.effects.steps", modules=[])
    assert "ok" in output
    (frame,) = script.frames
    lines = (rust_programs.CRATE / "src" / "effects.rs").read_text().splitlines()
    assert (
        lines[frame["line"] - 1].strip() == 'let started = step::start::<Value>("app.charge", ())?;'
    )
    assert frame["function"] == "steps"


@pytest.mark.parametrize("export", ["run", "describe"])
def test_another_protocol(rust: Guests, export: Any) -> None:
    """A guest that is asked for another protocol says which one it speaks."""
    error = rust.ask(export, Recorded(), {"protocol": 2, "modules": []})["error"]
    assert error["type"] == "UsageError"
    assert "speaks protocol 2, this guest speaks 1" in error["message"]


def test_no_such_workflow(rust: Guests) -> None:
    """A workflow that is not there is told with those that are."""
    error = rust.run(Recorded(), workflow="programs.none", modules=[])["error"]
    assert error["type"] == "WorkflowNotFound"
    assert "'programs.none'; known workflows: " in error["message"]
    assert "programs.effects.steps" in error["message"]
