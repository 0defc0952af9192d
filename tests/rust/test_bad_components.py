"""Components that are none, are broken, or mean harm: each is refused, or fails, and no one else.

They are written by hand (see `handmade`), because no compiler makes them so.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wasmtime

import flawless
import handmade
from flawless.engine import component as components
from flawless.engine import describing
from flawless.engine.component import make_component
from flawless.errors import DeploymentInvalid, ExecutionFailed, FlawlessError
from flawless.wasm import CompileBounds, Component, GuestLimits, compiled, compiling
from handmade import LAST, Texts, component, described, parameter, workflow

GOOD = handmade.shop()
ORDER = {"id": 1, "lines": []}
SMALL = GuestLimits(memory_bytes=16 << 20, cpu_s_per_turn=0.1)

LOOP = "(loop $on (br $on)) unreachable"
GROW = "(loop $on (br_if $on (i32.ne (memory.grow (i32.const 16)) (i32.const -1)))) unreachable"
DEEP = "(call $deep (i32.const 0))"
DEEP_FUNCTION = (
    "(func $deep (param i32) (result i32)"
    " (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))"
)
OUTSIDE = "(call $give (i32.const 0x7fffff00) (i32.const 4096))"
NOT_UTF_8 = "(i32.store (i32.const 64) (i32.const -1)) (call $give (i32.const 64) (i32.const 4))"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[flawless.Engine]:
    """An engine that serves a good component, with low limits."""
    good = tmp_path_factory.mktemp("good") / "hand.wasm"
    good.write_bytes(GOOD)
    limits = flawless.Limits(cpu_s_per_turn=0.2, guest_memory_bytes_max=16 << 20)
    with flawless.Engine(modules=[good], limits=limits) as made:
        yield made


def upload(engine: flawless.Engine, content: bytes) -> str:
    """Upload a component; return why it was refused. What serves has not changed."""
    before = dict(engine.service.workflows)
    with pytest.raises(DeploymentInvalid) as caught:
        engine.call(lambda service: service.deploying.component(content))
    assert engine.service.workflows == before
    assert engine.start("hand.order", ORDER).result(30) == {"a": [ORDER], "k": {}}
    return str(caught.value)


def describe(content: bytes, limits: GuestLimits = SMALL) -> str:
    """Let a component describe itself; return why it was refused."""
    with pytest.raises(DeploymentInvalid) as caught:
        asyncio.run(make_component(Component.load(content), limits=limits))
    return str(caught.value)


# --- the file -------------------------------------------------------------------------------------

IMPORTING = '(import "wasi:http/outgoing-handler@0.2.3" (instance (export "handle" (func))))'


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "it is empty"),
        (b"#!/bin/sh\n", "no WebAssembly"),
        (bytes(wasmtime.wat2wasm("(module)")), "core WebAssembly module"),
        (bytes(wasmtime.wat2wasm("(component)")), "no export 'run'"),
        (GOOD[:8], "no export 'run'"),
        (GOOD[: len(GOOD) // 3], "not a usable WebAssembly component"),
        (GOOD[:-1], "not a usable WebAssembly component"),
        (GOOD + bytes((64 << 20) + 1 - len(GOOD)), "67,108,865 bytes, the limit is 67,108,864"),
        (component(described(), imports=IMPORTING), "wasi:http/outgoing-handler"),
        (component(described(workflow("hand.other")), version="2.0.0"), "speaks version 1"),
    ],
    ids=["empty", "text", "core", "bare", "head", "third", "cut", "huge", "imports", "version"],
)
def test_what_is_no_component_of_ours(engine: flawless.Engine, content: bytes, words: str) -> None:
    """It is refused with what is wrong, and what to do."""
    assert words in upload(engine, content)


@pytest.mark.parametrize(
    ("run", "functions", "words"),
    [
        ("", "(memory 1)", "more than one memory"),
        ("", "(table i64 1 funcref)", "64-bit memory"),
        ("(drop (struct.new $s))", "(type $s (struct))", "garbage collection"),
        ("(drop (ref.i31 (i32.const 1)))", "", "garbage collection"),
        ("", "(rec (type (func)) (type (func)))", "garbage collection"),
        ("", "(table 1 externref)", "references to objects of the host"),
        ("(block $b (try_table (catch $t $b) (throw $t)))", "(tag $t)", "exceptions"),
        ("(drop (ref.null exn))", "", "exceptions"),
    ],
)
def test_what_webassembly_has_and_workflows_have_not(run: str, functions: str, words: str) -> None:
    """It is memory that no limit bounds, or that a place does not have: refused, in words."""
    content = component(described(), run=f"{run} (i32.const 0)", functions=functions)
    with pytest.raises(DeploymentInvalid, match=f"Workflows have no .*{words}"):
        compiling.compile_here(content)


def test_compiling_has_bounds() -> None:
    """A small component that takes long to compile is given up; and so is one that needs memory."""
    loops = "(loop (br_if 0 (i32.eqz (local.get $at))))" * 20_000
    slow = component(described(workflow("hand.other")), run=f"{loops} (i32.const 0)")
    with pytest.raises(DeploymentInvalid, match=r"takes more than 0\.3 s"):
        compiling.compile_apart(slow, CompileBounds(wall_s=0.3))
    with pytest.raises(DeploymentInvalid, match="of computing"):
        compiling.compile_apart(slow, CompileBounds(cpu_s=1, nice=0))
    with pytest.raises(DeploymentInvalid, match="120 MiB of memory"):
        compiling.compile_apart(slow, CompileBounds(memory_bytes=120 << 20, nice=0))
    assert compiling.compile_apart(GOOD, CompileBounds()) == compiling.compile_here(GOOD)


def test_uploads_have_bounds_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An engine that finds nothing compiled trusts what was uploaded no more than at first."""
    good = tmp_path / "hand.wasm"
    good.write_bytes(GOOD)
    content = component(described(workflow("other.order")))
    with flawless.Engine(tmp_path / "data.db", modules=[good]) as first:
        first.call(lambda service: service.deploying.component(content))
    apart = []

    def noted(content: bytes, bounds: CompileBounds) -> bytes:
        apart.append(content)
        return compiling.compile_apart(content, bounds)

    monkeypatch.setattr(compiled, "compile_apart", noted)
    monkeypatch.setenv("FLAWLESS_CACHE", str(tmp_path / "cache"))
    with flawless.Engine(tmp_path / "data.db", modules=[good]) as second:
        assert second.start("other.order").result(30) == {"a": [], "k": {}}
        assert second.start("hand.order", ORDER).result(30) == {"a": [ORDER], "k": {}}
    assert apart == [content]


# --- describing itself ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wat", "words"),
    [
        ("unreachable", "aborted"),
        (LOOP, "computed for more than 0.1 s"),
        (GROW, "aborted"),
        (DEEP, "stack is exhausted"),
        (OUTSIDE, "out of bounds"),
        (NOT_UTF_8, "utf-8"),
        ("(i32.const 0x7ffffff0)", "out of bounds"),
    ],
    ids=["trap", "loop", "memory", "stack", "outside", "encoding", "nowhere"],
)
def test_describe_that_does_not_end_well(wat: str, words: str) -> None:
    """Whatever stops it is told, and it is never deployed."""
    content = component(describe_wat=wat, functions=DEEP_FUNCTION)
    assert words in describe(content).lower()


def test_instantiation_that_does_not_end() -> None:
    """Code that runs before anything is called is held to the same limit."""
    functions = "(func $begin (loop $on (br $on))) (start $begin)"
    content = component(described(workflow("hand.run")), functions=functions)
    assert "computed for more than 0.1 s" in describe(content)


def larger(parts: str = "", functions: str = "", begin: int = handmade.PLACE) -> bytes:
    """Return a component with further parts and functions, and texts that begin there."""
    texts = Texts()
    texts.end = begin
    return component(described(), imports=parts, functions=functions, texts=texts)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (larger("(core module $m (memory 1)) (core instance (instantiate $m))"), "has 1 memory"),
        (larger("(core module $m)" + "(core instance (instantiate $m))" * 100), "100 instances"),
        (larger(functions="(table 1 funcref)" * 11), "at most 10 tables"),
        (larger(functions="(table 20001 funcref)"), "of 20,000 elements"),
        (larger(begin=17 << 20), "more memory than a guest may have"),
    ],
    ids=["memories", "instances", "tables", "elements", "memory"],
)
def test_what_a_component_has_of_everything(content: bytes, words: str) -> None:
    """Nothing that takes memory of the engine is without a limit."""
    assert words in describe(content)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ('{"op":"step","id":1,"name":"app.pay","args":{"a":[],"k":{}}}', "performs an effect"),
        ('{"op":"sleep","id":1,"seconds":1}', "performs an effect"),
        ('{"op":"secret","name":"KEY"}', "performs an effect"),
        ('{"op":"fly"}', "does not know"),
        ("nonsense", "does not know"),
        ("", "does not know"),
    ],
)
def test_describe_that_asks_for_something(ask: str, words: str) -> None:
    """Nothing can be done while a component describes itself, and rubbish is told as such."""
    texts = Texts()
    asking = texts.add(ask)
    content = component(describe_wat=f"(call $ask {asking}) unreachable", texts=texts)
    assert words in describe(content)


def test_describe_that_asks_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions that are answered at once come to an end, too."""
    monkeypatch.setattr(describing, "QUESTIONS_MAX", 1_000)
    texts = Texts()
    clock = texts.add('{"op":"clock"}')
    content = component(
        describe_wat=f"(loop $on (call $ask {clock}) (br $on)) unreachable", texts=texts
    )
    assert "asks its host more than 1,000 things" in describe(content)


def test_describe_that_says_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred megabytes are no description."""
    content = component(
        describe_wat="(drop (memory.grow (i32.const 1600)))"
        "(call $give (i32.const 1024) (i32.const 104857600))",
    )
    large = GuestLimits(memory_bytes=256 << 20)
    assert "104,857,600 bytes, the limit is 16,777,216" in describe(content, large)


TIMERS_WITHOUT_END = "(loop $on (drop (call $timer (i64.const 1))) (br $on))"
A_LONG_LIST = """
    (drop (memory.grow (i32.const 400)))
    (i32.store (i32.const 65536) (call $timer (i64.const 1)))
    (loop $on
      (i32.store (i32.add (i32.const 65536) (local.get $at)) (i32.load (i32.const 65536)))
      (local.set $at (i32.add (local.get $at) (i32.const 4)))
      (br_if $on (i32.lt_u (local.get $at) (i32.const 24000000))))
    (call $wait (i32.const 65536) (i32.const 6000000) (i32.const 32))
"""


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (TIMERS_WITHOUT_END, "limit exceeded"),
        (A_LONG_LIST, "too much data"),
        ("(call $wait (i32.const 64) (i32.const 1) (i32.const 32))", "unknown handle"),
        ("(drop (call $timer (i64.const -1)))", "None: None"),
    ],
    ids=["timers", "list", "stranger", "far"],
)
def test_resources_have_limits(run: str, words: str) -> None:
    """What a guest has of its host, and what it hands over, is bounded."""
    limits = GuestLimits(memory_bytes=64 << 20)
    assert words in describe(handmade.timing(run), limits)


def changed(**fields: Any) -> dict[str, Any]:
    """Return a description with one workflow that has these fields."""
    return described(workflow("hand.order") | fields)


def taking(schema: Any, **fields: Any) -> dict[str, Any]:
    """Return a description with one workflow that takes that."""
    return described(workflow("hand.order", parameter("order", schema) | fields))


def laughs() -> dict[str, Any]:
    """Return a small schema that a value is held to some million times."""
    definitions: dict[str, Any] = {"d0": {"type": "integer"}}
    for n in range(1, 40):
        definitions[f"d{n}"] = {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2}
    return {"$ref": "#/$defs/d39", "$defs": definitions}


TWICE = workflow("hand.order")


@pytest.mark.parametrize(
    ("told", "words"),
    [
        (b"", "cannot be loaded"),
        (b"rubbish", "cannot be loaded"),
        (b"[1]", "cannot be loaded"),
        (b"{}", "None: None"),
        (b'{"ok":' + b"[" * 5_000 + b"]" * 5_000 + b"}", "cannot be loaded"),
        (b'{"ok":{"workflows":"none"}}', "Expected `array`"),
        (b'{"ok":{"workflows":[{"name":1}]}}', "Expected `str`"),
        ({"error": {"type": "DeploymentInvalid", "message": "two are named x"}}, "two are named x"),
        ({"error": 1}, "cannot be loaded"),
        (described(), "has no workflow"),
        (described(TWICE, TWICE), "two are called 'hand.order'"),
        (described(TWICE, workflow("other.order"), module=""), "names no module"),
        (described(TWICE, module="other"), "the component is of 'other'"),
        (described(TWICE, module="x" * 201), "no name of a module"),
        (described(TWICE, version="1\n2"), "is no version"),
        (described(TWICE, language="x" * 201), "is no language"),
        (described(TWICE, modules=[{"name": "a"}, {"name": "a"}]), "two are called 'a'"),
        (described(*[workflow(f"hand.w{n}") for n in range(1_001)]), "1,001 workflows"),
        (changed(name=""), "'' is no name of a workflow"),
        (changed(name=" hand.order"), "no name of a workflow"),
        (changed(name="hand.\x1b[31m"), "no name of a workflow"),
        (changed(name="x" * 10_000), "no name of a workflow"),
        (changed(function="\0"), "no name of a function"),
        (changed(file="x" * 1_001), "no file of a workflow"),
        (changed(line=-1), "Expected `int` >= 0"),
        (changed(deadline_s=-1), "Expected `float` >= 0"),
        (changed(deadline_s=1e300), "Expected `float` <="),
        (changed(parameters=[parameter("a", {}), parameter("a", {})]), "two are called 'a'"),
        (changed(parameters=[parameter(f"p{n}", {}) for n in range(101)]), "101 parameters"),
        (changed(messages={f"m{n}": {} for n in range(101)}), "101 messages"),
        (changed(messages={"paid": {"type": "sum"}}), "the message 'paid'"),
        (changed(returns={"schema": {"type": "sum"}}), "the result of"),
        (taking({}, kind="sideways"), "Invalid enum value 'sideways'"),
        (taking({}, name="a\nb"), "no name of a parameter"),
        (taking("text"), "got `str`"),
        (taking({"type": "sum"}), "no JSON Schema to check with"),
        (taking({"pattern": "("}), "no JSON Schema to check with"),
        (taking({"$ref": "#/$defs/Nothing"}), "no JSON Schema to check with"),
        (taking({"$ref": "http://127.0.0.1:1/schema"}), "not to one of its own definitions"),
        (taking({"$ref": "file:///etc/passwd"}), "not to one of its own definitions"),
        (taking({"$id": "urn:x"}), "'$id'"),
        (taking({"description": "x" * 300_000}), "the limit is 262,144"),
        (taking(laughs()), "more than 10,000 schemas"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_descriptions_that_cannot_be(told: Any, words: str) -> None:
    """What a component says of itself is looked at before it is believed."""
    assert words in describe(component(told), components.COMPONENT_LIMITS)


def test_sources_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are shown to people, and kept for good."""
    monkeypatch.setattr(components, "FILES_BYTES_MAX", 100)
    told = described(TWICE, modules=[{"name": "a", "source": "x" * 101}])
    assert "101 bytes, the limit is 100" in describe(component(told), components.COMPONENT_LIMITS)


def test_a_refusal_says_what_is_wrong_in_few_words() -> None:
    """However long the rubbish is, the error is short."""
    text = describe(component(changed(name="x" * 100_000)), components.COMPONENT_LIMITS)
    assert len(text) < 500


# --- running --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ("unreachable", "aborted"),
        (LOOP, "computed for more than 0.2 s"),
        (GROW, "aborted"),
        (DEEP, "stack is exhausted"),
        (OUTSIDE, "out of bounds"),
        (NOT_UTF_8, "utf-8"),
        ("(call $ask (i32.const 0x7fffff00) (i32.const 100)) unreachable", "out of bounds"),
        ("(call $ask (i32.const 1024) (i32.const 0)) unreachable", "does not know"),
        ("(call $give (i32.const 1024) (i32.const 0))", "unreadable"),
        ("(call $ok (i32.const 1024) (i32.const 0))", "unreadable"),
    ],
    ids=[
        "trap",
        "loop",
        "memory",
        "stack",
        "outside",
        "encoding",
        "request",
        "empty",
        "silent",
        "half",
    ],
)
def test_executions_of_bad_guests_fail(engine: flawless.Engine, run: str, words: str) -> None:
    """The execution fails with what stopped it, and one beside it is untouched."""
    content = component(described(workflow("bad.run")), run, functions=DEEP_FUNCTION)
    engine.call(lambda service: service.deploying.component(content))
    bad = engine.start("bad.run")
    good = engine.start("hand.order", ORDER)
    with pytest.raises(ExecutionFailed) as caught:
        bad.result(30)
    assert words in str(caught.value).lower()
    assert good.result(30) == {"a": [ORDER], "k": {}}


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ("rubbish", "does not know"),
        ('{"op":"step"}', "does not know"),
        ('{"op":"step","id":1,"name":"no.such","args":1}', "no.such"),
        ('{"op":"next","until":null}', "can never happen"),
        ('{"op":"sleep","id":-1,"seconds":1}', "does not know"),
        ('{"op":"where","frames":[]}', "without being asked"),
    ],
)
def test_requests_that_make_no_sense(engine: flawless.Engine, ask: str, words: str) -> None:
    """They are errors of the execution that makes them."""
    content = component(described(workflow("bad.ask")), LAST, asks=(ask,))
    engine.call(lambda service: service.deploying.component(content))
    run = engine.start("bad.ask")
    try:
        told = json.dumps(run.result(30))
    except FlawlessError as error:
        told = str(error)
    assert words in told
    assert engine.start("hand.order", ORDER).result(30) == {"a": [ORDER], "k": {}}
