"""A request's schema is tried within bounds, and nothing that obeys it is ever accused."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conformance.model import NotApplicable
from conformance.suites._user_schema import departure

CITY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"$ref": "#/$defs/name"},
        "days": {"oneOf": [{"type": "integer", "maximum": 7}, {"type": "null"}]},
    },
    "required": ["city"],
    "additionalProperties": False,
    "$defs": {"name": {"type": "string", "minLength": 1}},
}
DOUBLING = {
    "$ref": "#/$defs/a0",
    "$defs": {f"a{i}": {"allOf": [{"$ref": f"#/$defs/a{i + 1}"}] * 2} for i in range(60)}
    | {"a60": {}},
}


@pytest.mark.parametrize(
    ("value", "phrase"),
    [
        ({"city": "Paris"}, None),
        ({"city": "Paris", "days": None}, None),
        ({}, 'required ["city"]'),
        ({"city": ""}, "minLength 1 at city"),
        ({"city": "Paris", "unit": "C"}, "additionalProperties false"),
        ({"city": "Paris", "days": 2.5}, "oneOf"),
        ([], 'type "object"'),
    ],
)
def test_a_departure_is_told_in_one_phrase(value: object, phrase: str | None) -> None:
    found = departure(CITY, value)
    assert found == phrase or (phrase and str(found).startswith(phrase))


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "http://127.0.0.1:9/schema.json"},
        {"$ref": "file:///etc/passwd"},
        {"$ref": "#/$defs/none"},
        {"type": 5},
        {"required": 3},
        {"properties": {"city": [1]}},
        [1],
        DOUBLING,
    ],
)
def test_a_schema_that_cannot_be_tried_says_so(schema: object) -> None:
    with pytest.raises(NotApplicable, match="schema"):
        departure(schema, {"city": 1})


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^(a+)+$"},
        {"patternProperties": {"^(a+)+$": {}}, "additionalProperties": False},
        {"not": {"pattern": "x"}},
        {"multipleOf": 0.01},
        {"uniqueItems": True},
    ],
)
def test_what_is_slow_or_inexact_is_not_tried(schema: dict[str, Any]) -> None:
    for value in ("a" * 40 + "!", {"a" * 40 + "!": 1}, 19.99, [[i % 3] for i in range(3000)]):
        is_text = "type" not in schema or isinstance(value, str)
        assert not is_text or departure(schema, value) is None


LEAVES = st.sampled_from(
    [{"type": "string"}, {"enum": [1, "a"]}, {"const": None}, {"minimum": 1}, {"not": {"const": 1}}]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda a: {"items": a}, inner),
        st.builds(lambda a: {"properties": {"a": a}, "required": ["a"]}, inner),
        st.builds(lambda a, b: {"oneOf": [a, b]}, inner, inner),
        st.builds(lambda a: {"properties": {"a": a}, "additionalProperties": False}, inner),
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.sampled_from([None, 1, 0.5, "a", "", True]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2)
    ),
    max_leaves=6,
)


@given(SCHEMAS, VALUES)
def test_nothing_that_obeys_is_accused(schema: dict[str, Any], value: object) -> None:
    if jsonschema.Draft202012Validator(schema).is_valid(value):
        assert departure(schema, value) is None
