"""Schemas of components: whatever they say, a value is checked in bounded time.

None of the tests measures time: what they hold to would take hours, or the machine's memory.
"""

from __future__ import annotations

from typing import Any

import pytest

from flawless.codec import DEPTH_MAX
from flawless.engine import schemas
from flawless.engine.schemas import Schema, SchemaInvalid
from flawless.errors import InputInvalid

DEPTH = 60
"""Twice as much work for each of so many levels would never end."""


def at(name: str) -> dict[str, Any]:
    """Return a reference to a definition."""
    return {"$ref": f"#/$defs/{name}"}


def rooted(**definitions: Any) -> dict[str, Any]:
    """Return a schema of definitions that begins with the first of them."""
    return at(next(iter(definitions))) | {"$defs": definitions}


def nested(make: Any, leaf: Any, depth: int = DEPTH) -> Any:
    """Return a value that is put into itself again and again."""
    for _ in range(depth):
        leaf = make(leaf)
    return leaf


def refusal(schema: dict[str, Any], value: Any) -> str:
    """Return why a value does not fit a schema."""
    with pytest.raises(InputInvalid) as caught:
        Schema(schema).check(value, "order")
    return str(caught.value)


# --- what schemars really produces ----------------------------------------------------------------

TREE = rooted(
    Tree={
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": at("Tree")},
        },
        "required": ["name", "children"],
    }
)
CHAIN = rooted(
    Link={
        "type": "object",
        "properties": {"next": {"anyOf": [at("Link"), {"type": "null"}]}},
    }
)


def variant(kind: str, **fields: Any) -> dict[str, Any]:
    """Return a variant of an enum with `#[serde(tag = "kind")]`."""
    return {
        "type": "object",
        "properties": {"kind": {"type": "string", "const": kind}} | fields,
        "required": ["kind", *fields],
    }


TERM = rooted(
    Term={
        "oneOf": [
            variant("add", left=at("Term"), right=at("Term")),
            variant("sub", left=at("Term"), right=at("Term")),
            variant("one"),
        ]
    }
)
ANYTHING = rooted(
    Any={
        "anyOf": [
            {"type": "null"},
            {"type": "array", "items": at("Any")},
            {"type": "object", "additionalProperties": at("Any")},
        ]
    }
)


@pytest.mark.parametrize(
    ("schema", "make", "leaf"),
    [
        (TREE, lambda one: {"name": "a", "children": [one]}, {"name": "b", "children": []}),
        (CHAIN, lambda one: {"next": one}, None),
        (
            TERM,
            lambda one: {"kind": "sub", "left": one, "right": {"kind": "one"}},
            {"kind": "one"},
        ),
        (ANYTHING, lambda one: [{"a": one}], None),
    ],
    ids=["tree", "chain", "term", "anything"],
)
def test_types_that_contain_themselves(schema: dict[str, Any], make: Any, leaf: Any) -> None:
    """Values as deep as they may be are checked, and so are those that do not fit."""
    checked = Schema(schema)
    depth = (DEPTH_MAX - 4) // 2
    checked.check(nested(make, leaf, depth), "order")
    with pytest.raises(InputInvalid, match=r"is not|does not fit"):
        checked.check(nested(make, "wrong", depth), "order")


def test_the_place_is_named_where_it_is_found_quickly() -> None:
    """In a tree it is; where every level has alternatives it may be left out."""
    tree = {"name": "a", "children": [{"name": 1, "children": []}]}
    assert refusal(TREE, tree).startswith("order.children[0].name: 1 is not of type")
    term = nested(lambda one: {"kind": "sub", "left": one, "right": one}, {"kind": "two"}, 12)
    assert "too deep to tell where" in refusal(TERM, term)


# --- what only wants to keep the engine busy ------------------------------------------------------


def laughs(keyword: str, reference: str, marked: str | None) -> dict[str, Any]:
    """Return definitions that hold the one before twice each, with a way to refer to them."""
    definitions: dict[str, Any] = {}
    for n in range(DEPTH):
        before = {keyword: reference.format(n - 1)}
        definitions[f"d{n}"] = {"allOf": [before, before]} if n else {"type": "integer"}
        if marked:
            definitions[f"d{n}"][marked] = reference.format(n).removeprefix("#")
    return {keyword: reference.format(DEPTH - 1), "$defs": definitions}


HIDDEN = {
    f"d{n}": {"properties": {"$defs": {"allOf": [at(f"d{n + 1}"), at(f"d{n + 1}")]}}}
    for n in range(DEPTH)
} | {f"d{DEPTH}": {}}


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        (laughs("$ref", "#/$defs/d{}", None), "more than 10,000 schemas"),
        (rooted(**HIDDEN), "more than 10,000 schemas"),
        (laughs("$dynamicRef", "#/$defs/d{}", None), "'$dynamicRef'"),
        (laughs("$ref", "#d{}", "$anchor"), "'$anchor'"),
        (laughs("$ref", "#d{}", "$dynamicAnchor"), "'$dynamicAnchor'"),
        (laughs("$ref", "urn:d:{}", "$id"), "'$id'"),
        ({"$recursiveRef": "#"}, "'$recursiveRef'"),
        (nested(lambda one: {"not": one}, {}, 5_000), "nested too deep"),
        ({"$ref": "#/allOf/0", "allOf": [{}]}, "'#/allOf/0' is not to one of its own"),
        (rooted(a=at("b/items"), b={"items": {}}), "not to one of its own"),
        ({"$schema": "http://json-schema.org/draft-04/schema#"}, "known are"),
        (
            rooted(
                a={
                    "anyOf": [{"additionalProperties": at("a")}],
                    "unevaluatedProperties": {"type": "null"},
                }
            ),
            "'unevaluatedProperties' beside what contains itself",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_schemas_without_bounds_are_refused(schema: dict[str, Any], words: str) -> None:
    """It is said what to write instead, or that it is too much."""
    with pytest.raises(SchemaInvalid) as caught:
        Schema(schema)
    assert words in str(caught.value)


def test_names_of_fields_are_no_keywords() -> None:
    """A field may be called like what is refused, and a name may need an escape."""
    fields = {name: {"type": "integer"} for name in ("$id", "$anchor", "$ref", "$defs", "$schema")}
    checked = Schema(
        {
            "properties": fields | {"page": at("Page%3C%C3%BC~1x%3E")},
            "$defs": {"Page<ü/x>": {"type": "string"}},
        }
    )
    checked.check({"$id": 1, "$ref": 2, "page": "a"}, "order")
    with pytest.raises(InputInvalid, match=r"order\.page"):
        checked.check({"page": 1}, "order")


TWICE = rooted(a={"allOf": [{"items": at("a")}, {"items": at("a")}]})
CROSSED = rooted(a={"allOf": [at("b"), at("b")]}, b={"items": at("a")})


@pytest.mark.parametrize("schema", [TWICE, CROSSED], ids=["twice", "crossed"])
def test_a_value_is_not_looked_at_twice_for_each_level(schema: dict[str, Any]) -> None:
    """What is known of it is remembered; and nobody looks for the place for hours."""
    checked = Schema(schema)
    checked.check(nested(lambda one: [one], 1), "order")
    failing = schema | {"$defs": schema["$defs"] | {"no": {"not": {}}}, "anyOf": [at("no")]}
    assert "too deep to tell where" in refusal(failing, nested(lambda one: [one], 1))


def test_a_deep_value_does_not_use_up_the_stack() -> None:
    """Many steps for each of many levels would end the whole process."""
    step: dict[str, Any] = {"items": at("a")}
    for _ in range(200):
        step = {"not": step}
    Schema(rooted(a=step)).check(nested(lambda one: [one], 1, 99), "order")
    deep = nested(lambda one: [one], 1, 900)
    assert "order: is nested more than 100 levels deep" in refusal(rooted(a=step), deep)


def test_many_alternatives_for_a_large_value() -> None:
    """The validator would copy the value for each of them, some gigabytes in all."""
    schema = {"anyOf": [{"type": "string", "maxLength": n} for n in range(600)]}
    assert "does not fit its schema" in refusal(schema, list(range(100_000)))
    assert "is not valid under any of the schemas" in refusal(schema, 1)


def test_values_have_a_limit_by_the_size_of_their_schema(monkeypatch: pytest.MonkeyPatch) -> None:
    """A large schema for each of many items is more than the loop can do meanwhile."""
    schema = {"items": {"allOf": [{"type": "integer"}] * 1_000}}
    Schema(schema).check([1] * 100, "order")
    monkeypatch.setattr(schemas, "WORK_MAX", 100_000)
    assert "order: has 201 bytes, and its schema is so large that" in refusal(schema, [1] * 100)
