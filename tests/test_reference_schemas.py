"""JSON modes of the reference server: what a schema asks for is what it gets."""

from __future__ import annotations

import json
import string
from typing import Any

import jsonschema
import pytest
from asking import ask, content, document, error, first, post, said
from hypothesis import given, settings
from hypothesis import strategies as st

from conformance.reference import golden

SCALARS = st.one_of(
    st.sampled_from(["string", "boolean", "null"]).map(lambda kind: {"type": kind}),
    st.sampled_from(["date", "uuid"]).map(lambda name: {"type": "string", "format": name}),
    st.lists(st.text(max_size=5) | st.integers(), min_size=1, max_size=3).map(
        lambda values: {"enum": values}
    ),
    st.integers().map(lambda value: {"const": value}),
    st.tuples(st.sampled_from(["integer", "number"]), st.integers(-50, 50), st.integers(0, 9)).map(
        lambda one: {"type": one[0], "minimum": one[1], "maximum": one[1] + one[2]}
    ),
    st.floats(-5, 5).map(lambda low: {"type": "number", "exclusiveMinimum": low, "maximum": 6}),
    st.integers(1, 9).map(lambda step: {"type": "integer", "multipleOf": step, "minimum": 10}),
    st.tuples(st.integers(0, 20), st.integers(0, 5)).map(
        lambda one: {"type": "string", "minLength": one[0], "maxLength": one[0] + one[1]}
    ),
)


def strict_objects(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    names = st.text(string.ascii_lowercase, min_size=1, max_size=5)
    closed = {"type": "object", "additionalProperties": False}
    return st.dictionaries(names, members, max_size=4).map(
        lambda properties: {**closed, "properties": properties, "required": list(properties)}
    )


def grown(members: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    arrays = st.tuples(members, st.integers(0, 3)).map(
        lambda one: {"type": "array", "items": one[0], "minItems": one[1]}
    )
    nullable = members.map(lambda one: {"anyOf": [{"type": "null"}, one]})
    return strict_objects(members) | arrays | nullable


def strict(schema: object) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}


@settings(max_examples=60)
@given(schema=strict_objects(st.recursive(SCALARS, grown, max_leaves=6)))
def test_what_a_strict_schema_gets_is_valid(schema: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(said("Answer.", response_format=strict(schema))), schema)
    tool = golden.function("fill_in", schema, strict=True)
    choice = first(ask("Fill in for Paris.", tools=[tool], tool_choice="required"))
    arguments = choice["message"]["tool_calls"][0]["function"]["arguments"]
    jsonschema.validate(json.loads(arguments), schema)


def test_a_recursive_schema_gets_a_finite_answer() -> None:
    again = {"$ref": "#/$defs/node"}
    properties = {
        "value": {"type": "integer"},
        "next": {"anyOf": [again, {"type": "null"}]},
        "children": {"type": "array", "items": again},
    }
    node = golden.COLOUR_SCHEMA | {"properties": properties, "required": list(properties)}
    schema = {**node, "$defs": {"node": node}}
    made = json.loads(said("Answer.", response_format=strict(schema)))
    jsonschema.validate(made, schema)
    assert made["next"]["value"] == 1


@pytest.mark.parametrize(
    "schema",
    [
        golden.CITY,
        golden.STRICT_CITY | {"required": ["city"]},
        golden.COLOUR_SCHEMA | {"patternProperties": {}},
        {"type": "array", "items": {"type": "string"}},
    ],
)
def test_strict_refuses_what_it_cannot_promise(schema: dict[str, Any]) -> None:
    refused = error(post(golden.ask("Answer.", response_format=strict(schema))))
    assert refused["code"] == "invalid_json_schema"
    tool = golden.function("fill_in", schema, strict=True)
    refused = error(post(golden.ask("Answer.", tools=[tool])))
    assert refused["code"] == "invalid_function_parameters"


def test_json_mode_gives_a_bare_object_and_an_enum_is_obeyed() -> None:
    assert isinstance(json.loads(content(document("chat.json_object"))), dict)
    assert json.loads(content(document("chat.json_schema")))["colour"] in {"zorp", "flim"}
