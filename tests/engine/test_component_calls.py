"""Calls, messages and children of workflows in components: held to what those describe."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from component_programs import Line, Order, order, refused
from lives import until

import flawless
from flawless.engine import arguments
from flawless.engine.signatures import Signature
from flawless.engine.workflows import ParameterInfo, WorkflowInfo
from flawless.errors import InputInvalid
from flawless.testing import export_journal, replay_journal
from handmade import LAST, component, described, parameter, shop
from handmade import workflow as told

RECEIVES = (
    '{"op":"receive","id":1,"names":["paid"]}',
    '{"op":"next","until":null}',
)


def execute(name: str, args: str, child: str) -> tuple[str, str]:
    """Return the requests by which a component starts a child and waits for it."""
    ask = f'{{"op":"execute","id":1,"workflow":"{name}","args":{args},"child":"{child}"}}'
    return ask, '{"op":"next","until":null}'


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flawless.Engine]:
    """An engine that serves this module, and components that start children."""
    folder = tmp_path_factory.mktemp("components")
    contents = {
        "hand": shop(),
        "parent": component(
            described(told("parent.run")),
            LAST,
            asks=execute("component_programs.double", '{"a":[{"n":4}],"k":{}}', "native-child"),
        ),
        "misfit": component(
            described(told("misfit.run")),
            LAST,
            asks=execute("component_programs.double", '{"a":["x"],"k":{}}', "misfit-child"),
        ),
        "own": component(
            described(told("own.run"), told("own.other", parameter("n", {"type": "integer"}))),
            LAST,
            asks=execute("own.other", '{"a":[],"k":{"n":"x"}}', "own-child"),
        ),
        "broken": component(
            described(told("broken.run")), LAST, asks=execute("hand.order", "[1]", "broken-child")
        ),
        "odd": component(
            described(told("odd.run")),
            LAST,
            asks=execute("hand.order", '{"a":[{"$":"timedelta"}],"k":{}}', "odd-child"),
        ),
        "nobody": component(
            described(told("nobody.run")), LAST, asks=execute("no.such", "{}", "nobodys-child")
        ),
        "waits": component(
            described(told("waits.run", messages={"paid": {"required": ["cents"]}})),
            LAST,
            asks=RECEIVES,
        ),
    }
    for name, content in contents.items():
        (folder / f"{name}.wasm").write_bytes(content)
    files = [folder / f"{name}.wasm" for name in contents]
    with flawless.Engine(folder / "t.db", modules=["component_programs", *files]) as made:
        yield made


# --- calls ----------------------------------------------------------------------------------------


def test_arguments_by_place_and_by_name(engine: flawless.Engine) -> None:
    """The guest gets them as they were given; both from Python and from JSON."""
    plain = {"id": 1, "lines": [{"price": 2}], "$": "mine"}
    assert engine.start("hand.order", plain).result(30) == {"a": [plain], "k": {}}
    assert engine.start("hand.order", express=True, order=plain).result(30) == {
        "a": [],
        "k": {"express": True, "order": plain},
    }
    value = Order(7, [Line(1.5)])
    assert engine.start("hand.order", value).result(30) == {"a": [value], "k": {}}
    for given in ([plain], {"order": plain}):
        args = arguments.from_json(engine.service, "hand.order", given)
        assert json.loads(args)["a" if isinstance(given, list) else "k"]


@pytest.mark.parametrize(
    ("args", "kwargs", "path", "words"),
    [
        ((), {}, "order", "is missing"),
        ((1,), {}, "order", "1 is not of type"),
        (({"id": 0, "lines": []},), {}, "order.id", "less than the minimum"),
        (({"id": 1},), {}, "order", '"lines" is a required property'),
        (
            (Order(1, [Line(1), Line("x")]),),  # type: ignore[arg-type]  # it is what is tested
            {},
            "order.lines[1].price",
            '"x" is not of type "number"',
        ),
        ((Order(1, []), True, 3), {}, "args[2]", "hand.order takes order, express"),
        ((Order(1, []),), {"order": Order(1, [])}, "order", "given twice"),
        ((Order(1, []),), {"exprss": True}, "exprss", "unexpected"),
        ((Order(1, []),), {"express": None}, "express", "null is not of type"),
        ((["x" * 10_000],), {}, "order", "..."),
    ],
)
def test_calls_that_do_not_fit(
    engine: flawless.Engine, args: Any, kwargs: Any, path: str, words: str
) -> None:
    """They are refused before anything is started, with the place."""
    before = len(engine.list())
    with pytest.raises(InputInvalid) as caught:
        engine.start("hand.order", *args, **kwargs)
    assert caught.value.path == path
    assert words in str(caught.value)
    assert str(caught.value).startswith(f"{path}: ")
    assert len(str(caught.value)) < 1_000
    assert len(engine.list()) == before


class Colour(enum.Enum):
    """A choice."""

    RED = 1


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ((1, 2), {"type": "array", "items": {"type": "integer"}}),
        ({1}, {"type": "array"}),
        (b"abc", {"type": "string", "contentEncoding": "base64"}),
        (decimal.Decimal("1.50"), {"type": "string", "pattern": r"^\d+\.\d+$"}),
        (uuid.UUID(int=1), {"type": "string", "format": "uuid"}),
        (dt.datetime(2026, 1, 2, tzinfo=dt.UTC), {"type": "string", "format": "date-time"}),
        (dt.date(2026, 1, 2), {"type": "string", "format": "date"}),
        (dt.timedelta(seconds=90), {"type": "number", "const": 90}),
        (Colour.RED, {"enum": ["RED"]}),
        ({"$": 1}, {"type": "object", "properties": {"$": {"type": "integer"}}}),
        ({1: "one"}, {"type": "object", "required": ["1"]}),
        (2**70, {"type": "integer"}),
        ([float("inf"), float("nan")], {"type": "array", "items": {"type": "number"}}),
        (None, {"type": "null"}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_values_of_python_are_checked_in_their_plain_form(value: Any, schema: Any) -> None:
    """What a component will read of a value is what is held to the schema."""
    info = WorkflowInfo(
        "m.f", "m", "f", parameters=[ParameterInfo("x", "keyword_only", True, "", schema)]
    )
    assert arguments.from_values(None, (), {"x": value}, Signature(info))
    with pytest.raises(InputInvalid):
        arguments.from_values(None, (), {"x": 0.5}, Signature(info))


def test_parameters_of_every_kind() -> None:
    """Places and names are given out as Python does."""
    integer = {"type": "integer"}
    info = WorkflowInfo(
        "m.f",
        "m",
        "f",
        parameters=[
            ParameterInfo("a", "positional_only", True, "", integer),
            ParameterInfo("rest", "var_positional", False, "", integer),
            ParameterInfo("b", "keyword_only", False, "", integer),
            ParameterInfo("more", "var_keyword", False, "", integer),
        ],
    )
    signature = Signature(info)
    signature.check({"a": [1, 2, 3], "k": {"b": 4, "c": 5, "a": 6}})
    for call, path in (
        ({"a": [], "k": {"a": 1}}, "a"),
        ({"a": [1, "x"], "k": {}}, "rest[0]"),
        ({"a": [1], "k": {"b": "x"}}, "b"),
        ({"a": [1], "k": {"c": "x"}}, "c"),
    ):
        with pytest.raises(InputInvalid) as caught:
            signature.check(call)
        assert caught.value.path == path


# --- messages -------------------------------------------------------------------------------------


def test_messages_are_held_to_what_is_declared(engine: flawless.Engine) -> None:
    """One that does not fit is refused, to its sender; what is not declared may be anything."""
    run = engine.start("waits.run")
    until(lambda: run.status is flawless.Status.WAITING, "it waits")
    with pytest.raises(InputInvalid, match=r"'paid' does not fit what waits\.run") as caught:
        run.send("paid", {"euros": 1})
    assert caught.value.path == "payload"
    run.send("other", [1])
    run.send("paid", {"cents": 100})
    assert run.result(30)["ok"]["payload"] == {"cents": 100}


# --- children -------------------------------------------------------------------------------------


def test_a_python_workflow_starts_one_of_a_component(engine: flawless.Engine) -> None:
    """The child runs on the component, and its result comes back as it is."""
    parent = engine.start(order, 7, child="child-7")
    assert parent.result(30) == {"a": [Order(7, [Line(2.5)])], "k": {"express": True}}
    child = engine.get("child-7")
    assert child.info().workflow == "hand.order"
    assert child.info().deployment != parent.info().deployment
    replayed = engine.call(lambda service: service.replay(parent.id))
    assert replayed.end is not None


def test_what_cannot_be_started_is_an_error_of_the_start(engine: flawless.Engine) -> None:
    """The host checks what the guest cannot, and says what is wrong; nothing is started."""
    *wrong, nobody, same = engine.start(refused).result(30)
    assert wrong == [
        ['hand.order: order: 1 is not of type "object"', "order"],
        ["hand.order: order.id: 0 is less than the minimum of 1", "order.id"],
        ["hand.order: order: is missing: the workflow requires it", "order"],
    ]
    assert "'what.ever' is no workflow of this deployment, nor of another" in nobody
    assert same == 8


def test_a_component_starts_a_python_workflow(engine: flawless.Engine) -> None:
    """The other way round; plain JSON becomes what the annotation says."""
    assert engine.start("parent.run").result(30)["ok"] == 8
    assert engine.get("native-child").info().workflow == "component_programs.double"


@pytest.mark.parametrize(
    ("parent", "kind", "words"),
    [
        ("misfit", "InputInvalid", "double: number: expected an object"),
        ("own", "InputInvalid", 'own.other: n: "x" is not of type "integer"'),
        ("broken", "InputInvalid", "no encoded call"),
        ("odd", "InputInvalid", "no value of the codec"),
        ("nobody", "UsageError", "'no.such' is no workflow"),
    ],
)
def test_children_that_a_component_cannot_start(
    engine: flawless.Engine, parent: str, kind: str, words: str
) -> None:
    """The guest hears what is wrong, as the outcome of the start."""
    error = engine.start(f"{parent}.run").result(30)["error"]
    assert error["type"] == kind
    assert words in error["message"]


def test_a_fork_starts_its_children_on_what_serves(engine: flawless.Engine) -> None:
    """A child whose end is not shared begins anew, on the component."""
    parent = engine.start(order, 8)
    parent.result(30)
    fork = engine.fork(parent.id, at=2)
    assert fork.result(30) == parent.result(30)
    children = [one for one in engine.list(workflow="hand.order") if one.parent]
    assert fork.id in {one.parent.id for one in children if one.parent}


def test_journals_are_replayed_on_the_code_that_has_their_workflow(
    engine: flawless.Engine, tmp_path: Path
) -> None:
    """Where Python and components are given together, each journal finds its own."""
    (tmp_path / "hand.wasm").write_bytes(shop())
    parent = engine.start(order, 9, child="child-9")
    parent.result(30)
    for one in (parent, engine.get("child-9")):
        journal = export_journal(one)
        replayed = replay_journal(journal, ["component_programs", tmp_path / "hand.wasm"])
        assert replayed.end is not None
