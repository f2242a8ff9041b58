"""Schemas are judged and obeyed as the jsonschema library says."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracemine.teachers.model.answers import (
    JudgeAnswer,
    ReplayAnswer,
    ShapeAnswer,
    SpansAnswer,
    schema_of,
)
from tracemine.teachers.scripted.invention import invented
from tracemine.teachers.scripted.obeying import SchemaError, check_schema, height, violation

names = st.sampled_from(["quote", "name", "type", "value", "code", "a", "b", "$ref", "properties"])
plain = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | st.text(max_size=5)
values = st.recursive(
    plain,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=8,
)


def bounded(least: str, most: str, kind: str) -> st.SearchStrategy[dict[str, Any]]:
    pairs = st.tuples(st.integers(0, 4), st.integers(0, 4))
    both = pairs.map(lambda p: {"type": kind, least: p[0], most: sum(p)})
    return both | both.map(lambda s: {k: s[k] for k in s if k != most}) | st.just({"type": kind})


numbers = st.fixed_dictionaries(
    {"type": st.sampled_from(["integer", "number"])},
    optional={
        "minimum": st.integers(-9, 3) | st.floats(-9, 3),
        "exclusiveMinimum": st.integers(-9, 3),
        "maximum": st.integers(5, 9) | st.floats(5, 9),
        "exclusiveMaximum": st.integers(5, 9) | st.floats(5, 9),
    },
)
leaves = (
    bounded("minLength", "maxLength", "string")
    | numbers
    | st.sampled_from([{}, {"type": "boolean"}, {"type": "null"}, {"type": ["string", "null"]}])
    | st.lists(values, min_size=1, max_size=3).map(lambda listed: {"enum": listed})
    | values.map(lambda value: {"const": value})
    | st.just({"$ref": "#/$defs/Tree"})
    | st.just({"$ref": "#/$defs/Chain", "description": "a chain"})
)


@st.composite
def objects(draw: st.DrawFn, inner: st.SearchStrategy[Any]) -> dict[str, Any]:
    properties = draw(st.dictionaries(names, inner, max_size=4))
    node: dict[str, Any] = {"type": "object", "properties": properties}
    if properties:
        node["required"] = draw(st.lists(st.sampled_from(sorted(properties)), unique=True))
    if (others := draw(st.sampled_from([None, False, True]))) is not None:
        node["additionalProperties"] = others
    return node


def deeper(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    lists = st.tuples(bounded("minItems", "maxItems", "array"), inner)
    prefixed = st.tuples(bounded("minItems", "maxItems", "array"), st.lists(inner, min_size=1))
    return (
        objects(inner)
        | lists.map(lambda pair: {**pair[0], "items": pair[1]})
        | prefixed.map(lambda pair: {**pair[0], "prefixItems": pair[1]})
        | st.lists(inner, min_size=1, max_size=3).map(lambda branches: {"anyOf": branches})
    )


DEFINITIONS = {
    "Tree": {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}},
        },
        "required": ["name", "children"],
        "additionalProperties": False,
    },
    "Chain": {
        "type": "object",
        "properties": {"next": {"anyOf": [{"$ref": "#/$defs/Chain"}, {"type": "null"}]}},
        "required": ["next"],
        "additionalProperties": False,
    },
}
schemas = st.recursive(leaves, deeper, max_leaves=10).map(lambda s: {**s, "$defs": DEFINITIONS})


@given(schemas, st.text(max_size=8), st.integers(0, 99), st.text(max_size=200))
def test_what_is_invented_obeys_its_schema(
    schema: dict[str, Any], key: str, seed: int, trace: str
) -> None:
    check_schema(schema)
    value = invented(schema, key, seed, trace)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps(value)), schema)
    assert violation(value, schema) is None
    assert json.dumps(invented(schema, key, seed, trace)) == json.dumps(value)


@given(schemas, values)
def test_violations_are_those_of_the_library(schema: dict[str, Any], value: Any) -> None:
    ours = violation(value, schema)
    theirs = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (ours is None) == theirs, ours


@pytest.mark.parametrize("answer", [SpansAnswer, ReplayAnswer, JudgeAnswer, ShapeAnswer])
def test_the_schemas_of_our_answers_are_strict(answer: Any) -> None:
    schema = schema_of(answer)
    check_schema(schema, strict=True)
    for key in map(str, range(20)):
        answer.model_validate_json(json.dumps(invented(schema, key, trace="a trace of one line")))


@pytest.mark.parametrize(
    "schema, said",
    [
        ([], "an object"),
        ({"type": "text"}, "no such type"),
        ({"type": []}, "no such type"),
        ({"type": {"a": 1}}, "no such type"),
        ({"pattern": "a+"}, "'pattern' is not permitted"),
        ({"properties": {"a": 3}}, "#/properties/a"),
        ({"properties": []}, "properties must be"),
        ({"$ref": "#/$defs/No"}, "refers to nothing"),
        ({"$ref": "other.json"}, "not local"),
        ({"$ref": 3}, "must be text"),
        ({"$ref": "#"}, "itself"),
        ({"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/A"}}}, "itself"),
        ({"$ref": "#/$defs/A", "type": "object", "$defs": {"A": {}}}, "stand alone"),
        ({"enum": []}, "enum must be"),
        ({"anyOf": []}, "anyOf must be"),
        ({"type": "string", "minLength": 3, "maxLength": 2}, "greater"),
        ({"type": "string", "minLength": -1}, "whole number"),
        ({"type": "array", "minItems": True}, "whole number"),
        ({"type": "integer", "minimum": "0"}, "must be a number"),
        ({"type": "integer", "exclusiveMinimum": 1, "exclusiveMaximum": 2}, "no number"),
        ({"type": "number", "minimum": 2, "maximum": 1}, "no number"),
        ({"type": "object", "required": "a"}, "list of names"),
        ({"required": ["a"], "additionalProperties": False}, "not allowed"),
        ({"type": "string", "enum": [1]}, "no finite value"),
        (
            {
                "type": "object",
                "properties": {"a": {"$ref": "#"}},
                "required": ["a"],
            },
            "no finite value",
        ),
        ({"type": "array", "items": False, "minItems": 1}, "more items than"),
    ],
)
def test_schemas_that_cannot_be_asked_for(schema: Any, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        check_schema(schema)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "array", "items": {"type": "string"}},
        {"type": "object", "properties": {}},
        {
            "type": "object",
            "properties": {"a": {"type": "null"}},
            "required": [],
            "additionalProperties": False,
        },
    ],
)
def test_strict_schemas_are_told_apart(schema: Any) -> None:
    check_schema(schema)
    with pytest.raises(SchemaError):
        check_schema(schema, strict=True)


def test_a_schema_that_is_deep_is_refused() -> None:
    deep: dict[str, Any] = {"type": "string"}
    for _ in range(1_000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(SchemaError, match="deeper"):
        check_schema(deep)


def test_height_is_that_of_the_flattest_value() -> None:
    chain = {**DEFINITIONS["Chain"], "$defs": DEFINITIONS}
    assert height(chain, chain) == 1
    assert height({"type": "string"}, {}) == 0


CALCULATIONS = "\n".join(
    f"Here {a} * {b} + {c} = {a * b + c} of them, and {c} / {b} = {c // b} rows."
    for a, b, c in [(12, 5, 10), (3, 4, 1000), (123456, 7, 700), (2, 6, 12)]
)


@pytest.mark.parametrize(
    "field, bound, room",
    [
        ("tool", {}, True),
        ("quote", {"maxLength": 20}, True),
        ("quote", {"maxLength": 12}, False),
        ("result", {"maxLength": 3}, True),
        ("result", {"enum": ["70", "12"]}, True),
        ("code", {"const": ""}, False),
        ("subroutine", {"minLength": 300}, False),
        ("inputs", {"maxItems": 1}, False),
        ("bindings", {"minItems": 4}, False),
        ("kind", {"enum": ["declarative"]}, False),
    ],
)
def test_calculations_are_used_where_the_schema_has_room(
    field: str, bound: Any, room: bool
) -> None:
    schema = schema_of(SpansAnswer)
    span = schema["$defs"]["WrittenSpan"]
    span["properties"][field] = {**span["properties"][field], **bound}
    answers = [invented(schema, str(key), trace=CALCULATIONS) for key in range(40)]
    for answer in answers:
        jsonschema.validate(answer, schema)
    assert any(span["code"] for answer in answers for span in answer["spans"]) == room
