"""Values go from Python to Rust and back: what the types of Rust make of what the codec writes."""

from __future__ import annotations

import datetime as dt
import enum
import json
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rust_programs
from flawless import codec
from flawless.wasm import Component, Finished, Guest, GuestLimits, Preempted

# Time is not what is tested here: a busy machine must not fail a test.
patient = settings(
    deadline=None,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


class Colour(enum.Enum):
    """A unit-only enum in Rust."""

    RED = 1
    GREEN = 2


@dataclass
class Line:
    """A struct in Rust."""

    item: str
    cents: int
    colour: Colour | None = None


@dataclass
class Page:
    """A generic struct in Rust."""

    items: list[Line]
    next: Page | None = None


@dataclass
class Circle:
    """A variant in Rust."""

    radius: float


@dataclass
class Dot:
    """A variant without fields in Rust."""


class Point(NamedTuple):
    """Read as a tuple in Rust."""

    x: int
    name: str


class Alone:
    """A host that answers every effect with null, and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []

    def call(self, request: bytes) -> bytes:
        """Answer a request; the outcome of what was started last comes with the next one."""
        asked = json.loads(request)
        self.asked.append(asked)
        if asked["op"] == "next":
            started = self.asked[-2]
            given = started["args"]["a"] if "args" in started else []
            value = given[0] if given else None
            return json.dumps({"now": 1, "id": started["id"], "ok": value}).encode()
        return b"{}" if asked.get("start") else b'{"now":1,"ok":null}'

    def clock_ns(self) -> int:
        """Return a time that stands still."""
        return 1_000

    def random(self, count: int) -> bytes:
        """Return what is random enough for a hash map."""
        return b"\1" * count

    def write(self, stream: str, text: bytes) -> None:
        """Take no notice of what is printed."""

    def sleep_until_ns(self, deadline: int) -> bool:
        """Let time pass at once."""
        return True


class Rust:
    """The crate `programs` without an engine."""

    def __init__(self, component: Component) -> None:
        self.component = component
        self.host = Alone()

    def enter(self, export: Literal["run", "describe"], given: str) -> dict[str, Any]:
        """Run an export and return its output."""
        guest = Guest(self.component, self.host, GuestLimits())
        try:
            end = guest.start(export, given.encode())
            while isinstance(end, Preempted):
                end = guest.proceed()
            assert isinstance(end, Finished)
            self.text = end.output.decode()
            output: dict[str, Any] = json.loads(self.text)
            return output
        finally:
            guest.close()

    def run(self, workflow: str, *args: str, **kwargs: str) -> dict[str, Any]:
        """Run a workflow with arguments that are JSON text."""
        named = ",".join(f'"{name}":{text}' for name, text in kwargs.items())
        call = f'{{"a":[{",".join(args)}],"k":{{{named}}}}}'
        head = '{"protocol":1,"execution":"e","now":1,"modules":[],'
        return self.enter("run", f'{head}"workflow":"{workflow}","args":{call}}}')

    def echo(self, workflow: str, value: Any) -> str:
        """Return the JSON text that a value comes back as."""
        output = self.run(f"programs.values.{workflow}", codec.dumps(value))
        assert "ok" in output, output
        return self.text.removeprefix('{"ok":').removesuffix("}")


@pytest.fixture(scope="module")
def rust() -> Rust:
    """The tests' workflows in Rust."""
    return Rust(Component.load(rust_programs.wasm().read_bytes()))


I64 = st.integers(-(2**63), 2**63 - 1)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))
ZONES = st.none() | st.just(dt.UTC)
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    I64,
    st.floats(allow_nan=False),
    TEXT,
    st.binary(),
    st.dates(),
    st.times(),
    st.datetimes(timezones=ZONES),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.uuids(),
    st.sampled_from(Colour),
    st.integers(2**1023, 2**1050),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.lists(inner, max_size=4).map(deque),
        st.dictionaries(TEXT, inner, max_size=4),
        st.dictionaries(SCALARS, inner, max_size=4),
        st.dictionaries(SCALARS, inner, max_size=4).map(OrderedDict),
        st.dictionaries(st.just("$") | TEXT, inner, max_size=3),
        st.frozensets(SCALARS, max_size=4),
        st.builds(Line, TEXT, I64),
        st.builds(Point, I64, TEXT),
    ),
    max_leaves=20,
)
LINES = st.builds(Line, TEXT, st.integers(0, 2**32 - 1), st.none() | st.sampled_from(Colour))


@given(VALUES)
@patient
def test_what_is_not_read_comes_back_as_it_was(rust: Rust, value: Any) -> None:
    """`RawValue` passes any value through, to the byte."""
    assert rust.echo("raw", value) == codec.dumps(value)


@given(VALUES)
@patient
def test_any_value_is_read_as_what_people_are_shown(rust: Rust, value: Any) -> None:
    """`serde_json::Value` takes what comes, without tags."""
    shown = codec.plain(_finite(codec.encode(value)))
    assert rust.echo("anything", value) == codec.dumps(shown)


def _finite(obj: Any) -> Any:
    """Return an encoded value with null in place of floats that serde_json does not have."""
    if isinstance(obj, list):
        return [_finite(item) for item in obj]
    if isinstance(obj, dict):
        if obj.get("$") == "float":
            return None
        return {name: _finite(item) for name, item in obj.items()}
    return obj


EXACT: list[tuple[str, st.SearchStrategy[Any]]] = [
    ("null", st.none()),
    ("boolean", st.booleans()),
    ("integer", I64),
    ("big_integer", st.integers(-(2**127), 2**127 - 1)),
    ("big_natural", st.integers(0, 2**128 - 1)),
    ("float", st.floats()),
    ("text", TEXT),
    ("bytes", st.binary()),
    ("numbers", st.lists(I64)),
    ("maybe", st.none() | I64),
    (
        "by_id",
        st.dictionaries(st.integers(0, 2**32 - 1), st.lists(st.floats(), max_size=3), max_size=1),
    ),
    ("by_name", st.dictionaries(TEXT | st.just("$"), st.none() | st.booleans(), max_size=1)),
]


@pytest.mark.parametrize(("workflow", "values"), EXACT, ids=[name for name, _ in EXACT])
@given(data=st.data())
@patient
def test_rust_writes_what_python_would(
    rust: Rust, workflow: str, values: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    """What both languages have comes back as the same bytes."""
    value = data.draw(values)
    assert rust.echo(workflow, value) == codec.dumps(value)


KINDS: list[tuple[str, st.SearchStrategy[Any], Callable[[Any], Any]]] = [
    ("float", I64.filter(lambda n: abs(n) < 2**53), float),
    ("float", st.timedeltas(dt.timedelta(-999), dt.timedelta(999)), dt.timedelta.total_seconds),
    ("float", st.decimals(-1000, 1000, places=2), float),
    (
        "integer",
        st.integers(-100, 100).map(lambda n: dt.timedelta(seconds=n)),
        lambda v: v // dt.timedelta(seconds=1),
    ),
    ("bytes", st.binary().map(bytearray), bytes),
    ("octets", st.binary(), list),
    ("numbers", st.lists(I64).map(tuple), list),
    ("numbers", st.lists(I64).map(deque), list),
    ("names", st.sets(TEXT), lambda v: sorted(v, key=str.encode)),
    ("names", st.frozensets(TEXT), lambda v: sorted(v, key=str.encode)),
    ("pair", st.tuples(I64, TEXT), list),
    ("pair", st.builds(Point, I64, TEXT), list),
    ("text", st.uuids(), str),
    ("text", st.decimals(allow_nan=False), str),
    ("text", st.dates() | st.times() | st.datetimes(timezones=ZONES), lambda v: v.isoformat()),
    ("text", st.sampled_from(Colour), lambda v: v.name),
    ("colour", st.sampled_from(Colour), lambda v: v.name),
    ("line", LINES, lambda v: _line(v)),
    ("shape", st.builds(Circle, st.floats(allow_nan=False)), lambda v: {"Circle": vars(v)}),
    ("shape", st.just(Dot()) | st.just("Dot"), lambda v: "Dot"),
    (
        "page",
        st.builds(Page, st.lists(LINES, max_size=2), st.builds(Page, st.just([]))),
        lambda v: _page(v),
    ),
    ("duration", st.timedeltas(dt.timedelta(0)), lambda v: _duration(v)),
    (
        "by_id",
        st.dictionaries(st.integers(0, 2**32 - 1), st.lists(st.floats(allow_nan=False))),
        dict,
    ),
    ("by_id", st.dictionaries(st.integers(0, 99), st.just([])).map(OrderedDict), dict),
    (
        "by_id",
        st.dictionaries(st.integers(0, 99), st.just([])).map(lambda v: defaultdict(list, v)),
        dict,
    ),
    ("by_name", st.dictionaries(TEXT | st.just("$"), st.none() | st.booleans()), dict),
    (
        "by_pair",
        st.dictionaries(st.tuples(I64, TEXT), st.sampled_from(Colour)),
        lambda v: {k: c.name for k, c in v.items()},
    ),
    ("anything", st.lists(TEXT).map(Counter), dict),
]


@pytest.mark.parametrize(
    ("workflow", "values", "expected"),
    KINDS,
    ids=[f"{n}-{kind[0]}" for n, kind in enumerate(KINDS)],
)
@given(data=st.data())
@settings(patient, max_examples=10)
def test_values_of_python_are_read_as_what_rust_has(
    rust: Rust,
    workflow: str,
    values: st.SearchStrategy[Any],
    expected: Callable[[Any], Any],
    data: st.DataObject,
) -> None:
    """Tagged values become the closest thing that a type of Rust asks for."""
    value = data.draw(values)
    assert codec.loads(rust.echo(workflow, value)) == expected(value)


def _line(line: Line) -> dict[str, Any]:
    colour = line.colour and line.colour.name
    return {"item": line.item, "cents": line.cents, "colour": colour}


def _page(page: Page) -> dict[str, Any]:
    following = None if page.next is None else _page(page.next)
    return {"items": [_line(line) for line in page.items], "next": following}


def _duration(span: dt.timedelta) -> dict[str, int]:
    return {"secs": span.days * 86_400 + span.seconds, "nanos": span.microseconds * 1000}


@pytest.mark.parametrize(
    ("workflow", "value", "message"),
    [
        (
            "line",
            {"item": "tea", "cents": "3"},
            'value.cents: invalid type: string "3", expected u32',
        ),
        (
            "page",
            Page([Line("tea", -1)]),
            "value.items[0].cents: invalid value: integer `-1`, expected u32",
        ),
        ("page", {"items": [{}]}, "value.items[0]: missing field `item`"),
        ("by_id", {-1: []}, "value[-1]: invalid value: integer `-1`, expected u32"),
        ("colour", "BLUE", "value: unknown variant `BLUE`, expected `RED` or `GREEN`"),
        (
            "duration",
            dt.timedelta(-1),
            "value: is a negative timedelta: read it as f64, or as (days, seconds, microseconds)",
        ),
        (
            "big_natural",
            2**128,
            "value: is out of range for u128: 340282366920938463463374607431768211456",
        ),
        ("float", 2**1024 - 1, "value: invalid type: string"),
    ],
)
def test_errors_name_the_path(rust: Rust, workflow: str, value: Any, message: str) -> None:
    """What does not fit is named, with where it stands and what was expected."""
    error = rust.run(f"programs.values.{workflow}", codec.dumps(value))["error"]
    assert error["type"] == "InputInvalid"
    assert error["message"].startswith(message)


def test_arguments_that_do_not_fit_are_refused(rust: Rust) -> None:
    """Too many, unknown, twice, missing: each is said."""
    pairs = "programs.values.pair"
    for args, kwargs, message in [
        (["1", "2"], {}, "args[1] is unexpected: the workflow takes value"),
        ([], {"valeu": "1"}, "valeu is unexpected: the workflow takes value"),
        (["1"], {"value": "1"}, "value is given twice, by its place and by its name"),
        ([], {}, "value is missing: the workflow requires it"),
    ]:
        assert rust.run(pairs, *args, **kwargs)["error"]["message"] == message
    assert rust.run("programs.values.maybe") == {"ok": None}
    error = rust.run("programs.values.nothing", "1")["error"]
    assert error["message"] == "args[0] is unexpected: the workflow takes no arguments"


def test_nesting_is_bounded(rust: Rust) -> None:
    """A hundred levels of anything travel in both directions, and not more."""
    tuples: Any = ()
    maps: Any = ()
    for _ in range(99):
        tuples, maps = (tuples,), {1: maps}
    assert rust.echo("anything", tuples) == "[" * 100 + "]" * 100
    assert rust.echo("anything", maps) == '{"1":' * 99 + "[]" + "}" * 99
    assert "ok" in rust.run("programs.values.nested", "100")
    error = rust.run("programs.values.nested", "101")["error"]
    assert error["message"].endswith("is nested more than 100 levels deep: flatten it")
    deep = rust.run("programs.values.anything", "[" * 500 + "]" * 500)["error"]
    assert deep["message"] == "value: is nested too deeply"


def test_workflows_of_all_kinds_describe_themselves(rust: Rust) -> None:
    """Names follow modules as in Python, deadlines and messages are told, schemas look alike."""
    described = rust.enter("describe", '{"protocol":1,"modules":[]}')["ok"]
    found = {one["name"]: one for one in described["workflows"]}
    assert {"confirmed", "programs.values.inner.parent", "programs.values.match"} <= found.keys()
    confirmed = found["confirmed"]
    assert (confirmed["function"], confirmed["deadline_s"]) == ("waits", 5400.0)
    assert confirmed["messages"]["confirm"]["properties"]["by"]["type"] == "string"
    assert confirmed["messages"]["is off"]["type"] == ["integer", "null"]
    [match] = found["programs.values.match"]["parameters"]
    assert (match["name"], match["annotation"], match["schema"]) == (
        "type",
        "String",
        {"type": "string"},
    )
    assert found["programs.values.nothing"]["parameters"] == []
    assert found["programs.values.nothing"]["returns"] == {
        "annotation": "()",
        "schema": {"type": "null"},
    }
    assert found["programs.values.raw"]["returns"] == {"annotation": "Box<RawValue>", "schema": {}}
    modules = {one["file"].rpartition("/")[2]: one["name"] for one in described["modules"]}
    assert (modules["lib.rs"], modules["values.rs"]) == ("programs", "programs.values")


@pytest.mark.parametrize(
    ("workflow", "annotation"),
    [("text", str), ("integer", int), ("float", float), ("numbers", list[int]), ("boolean", bool)],
)
def test_schemas_are_those_of_python(rust: Rust, workflow: str, annotation: Any) -> None:
    """The same type has the same JSON Schema in both languages."""
    described = rust.enter("describe", '{"protocol":1,"modules":[]}')["ok"]
    [found] = [one for one in described["workflows"] if one["function"] == workflow]
    assert found["returns"]["schema"] == codec.schema(annotation)


def test_children_are_started_by_the_names_of_their_functions(rust: Rust) -> None:
    """`function::start` knows the workflow's full name, wherever it stands."""
    rust.host.asked.clear()
    output = rust.run("programs.values.inner.parent", "2")
    assert output == {"ok": [{"item": "tea", "cents": 3, "colour": None}]}
    started = [one["workflow"] for one in rust.host.asked if one["op"] == "execute"]
    assert started == [f"programs.values.{name}" for name in ("match", "nothing", "line")]


def test_foreign_errors_are_told(rust: Rust) -> None:
    """A workflow may fail with any error."""
    error = rust.run("programs.values.foreign", '"x"')["error"]
    assert error["message"] == "invalid digit found in string"
