"""JSON Schema of annotations, and the description of a function's parameters."""

from __future__ import annotations

import collections
import collections.abc as abc
import datetime as dt
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest

from flawless import codec

from . import models
from .models import Box, Color, Item, Level, Node, Order, Point, Right
from .test_annotations import Inert, InertClass
from .test_bind import checkout, many, nothing, partly, pay

STRING = {"type": "string"}
INTEGER = {"type": "integer"}


@pytest.mark.parametrize(
    ("annotation", "expected"),
    [
        (Any, {}),
        (None, {"type": "null"}),
        (str, STRING),
        (int, INTEGER),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (dt.datetime, {"type": "string", "format": "date-time"}),
        (dt.date, {"type": "string", "format": "date"}),
        (dt.time, {"type": "string", "format": "time"}),
        (dt.timedelta, {"type": "number", "description": "seconds"}),
        (Decimal, {"type": ["string", "number"], "format": "decimal"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (list, {"type": "array"}),
        (list[int], {"type": "array", "items": INTEGER}),
        (abc.Sequence[int], {"type": "array", "items": INTEGER}),
        (set[int], {"type": "array", "items": INTEGER, "uniqueItems": True}),
        (tuple[int, ...], {"type": "array", "items": INTEGER}),
        (tuple, {"type": "array"}),
        (
            tuple[int, str],
            {"type": "array", "minItems": 2, "maxItems": 2, "prefixItems": [INTEGER, STRING]},
        ),
        (dict, {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": INTEGER}),
        (collections.Counter[str], {"type": "object", "additionalProperties": INTEGER}),
        (int | None, {"anyOf": [INTEGER, {"type": "null"}]}),
        (int | Any, {}),
        (Literal["a", 1], {"enum": ["a", 1]}),
        (Color, {"title": "Color", "enum": ["red", "green", "DARK"]}),
        (Level, {"title": "Level", "enum": [1, 2]}),
        (Right, {"type": "integer", "title": "Right"}),
        (models.Cents, INTEGER),
        (Annotated[int, "in cents"], {"type": "integer", "description": "in cents"}),
        (models.Unknown, {}),
        (Exception, {}),
        ("Missing", {}),
        (InertClass, {}),
        (Inert(), {}),
    ],
    ids=lambda a: type(a).__name__,
)
def test_annotations_have_a_schema(annotation: Any, expected: Any) -> None:
    """Each annotation gives the schema of the plain JSON it reads; the unknown gives {}."""
    assert codec.schema(annotation) == expected


def test_a_class_is_an_object() -> None:
    """Fields become properties; those without default are required; nothing else is allowed."""
    assert codec.schema(Item) == {
        "type": "object",
        "title": "Item",
        "description": "One line of an order.",
        "properties": {
            "sku": STRING,
            "price": {"type": "number", "default": 0.0},
            "count": {"type": "integer", "default": 1},
        },
        "required": ["sku"],
        "additionalProperties": False,
    }


def test_classes_inside_others_are_definitions() -> None:
    """Classes with fields are referred to; enum defaults are shown by value."""
    found = codec.schema(Order)
    assert found["properties"]["items"] == {"type": "array", "items": {"$ref": "#/$defs/Item"}}
    assert found["properties"]["color"]["default"] == "red"
    assert set(found["$defs"]) == {"Item"}
    assert found["required"] == ["id", "items"]


def test_a_class_that_refers_to_itself_is_a_definition() -> None:
    """Recursion ends in a reference."""
    found = codec.schema(Node)
    assert found["$ref"] == "#/$defs/Node"
    children = found["$defs"]["Node"]["properties"]["children"]
    assert children == {"type": "array", "items": {"$ref": "#/$defs/Node"}}


def test_generic_classes_have_one_definition_for_each_argument() -> None:
    """Type variables are replaced."""
    found = codec.schema(tuple[Box[int], Box[Item], models.ItemBox])
    content = {
        name: definition["properties"]["content"]
        for name, definition in found["$defs"].items()
        if "content" in definition["properties"]
    }
    assert content == {
        "Box_int": INTEGER,
        "Box_Item": {"$ref": "#/$defs/Item"},
        "ItemBox": {"$ref": "#/$defs/Item"},
    }


def test_named_tuples_typed_dicts_and_attrs_are_objects() -> None:
    """The other classes with fields are described alike."""
    assert codec.schema(Point)["required"] == ["x"]
    assert codec.schema(models.Address)["required"] == ["street"]
    loose = codec.schema(models.Loose)
    assert loose["required"] == ["name"]
    assert loose["properties"]["size"] == {"type": "integer", "description": "in cm"}
    assert codec.schema(models.Bag)["properties"] == {
        "size": INTEGER,
        "secret": {"type": "string", "default": "s"},
    }
    assert codec.schema(models.Partly)["properties"]["unknown"] == {}


def test_functions_are_described() -> None:
    """Each parameter has name, kind, whether it is required, its annotation and schema."""
    found = codec.describe_call(pay)
    assert found["parameters"] == [
        {"name": "card", "kind": "positional_or_keyword", "required": True,
         "annotation": "str", "schema": STRING},
        {"name": "cents", "kind": "positional_or_keyword", "required": False,
         "annotation": "int", "schema": {"type": "integer", "default": 100}},
        {"name": "when", "kind": "keyword_only", "required": False,
         "annotation": "dt.date | None",
         "schema": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}],
                    "default": None}},
    ]  # fmt: skip
    assert found["returns"] == {"annotation": "str", "schema": STRING}
    kinds = [p["kind"] for p in codec.describe_call(many)["parameters"]]
    assert kinds == ["positional_or_keyword", "var_positional", "var_keyword"]
    assert [p["required"] for p in codec.describe_call(many)["parameters"]] == [True, False, False]


@pytest.mark.parametrize("function", [checkout, many, nothing, partly, pay, print, Node])
def test_descriptions_are_json(function: Any) -> None:
    """Any description can be sent, and unknown annotations are kept as text."""
    json.dumps(codec.describe_call(function), allow_nan=False)
    assert codec.describe_call(partly)["parameters"][1]["annotation"] == "Missing"


@pytest.mark.parametrize(
    ("annotation", "value"),
    [(Item, Item("a", 2.0)), (Node, Node("a", [Node("b")])), (Box[int], Box(1, [2]))],
)
def test_what_a_schema_describes_is_what_decode_reads(annotation: Any, value: Any) -> None:
    """The plain form of a value has exactly the properties of its schema, and decodes to it."""
    plain = codec.plain(codec.encode(value))
    found = codec.schema(annotation)
    name = found.get("$ref", "").removeprefix("#/$defs/")
    properties = (found["$defs"][name] if name else found)["properties"]
    assert set(plain) == set(properties)
    assert codec.decode(plain, annotation) == value
