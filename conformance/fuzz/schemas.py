"""Strategies for JSON Schemas of objects, some of which a server need not support."""

from __future__ import annotations

from typing import Any, Final

from hypothesis import strategies as st

Json = dict[str, Any]
Strategy = st.SearchStrategy[Any]

DEEPEST: Final = 24
"""How many arrays a schema may have inside each other."""


def schemas() -> Strategy:
    """Schemas of objects: flat, branching or deep, and one that refers to itself."""
    leaves = st.sampled_from(
        (
            *({"type": "string"}, {"type": "integer", "minimum": 0}, {"enum": ["a", None, 1]}),
            *({"type": ["string", "null"]}, {"const": "🧪"}, {}, {"$ref": "#"}, {"anyOf": []}),
            *({"type": "string", "pattern": "^a+$"}, {"type": "banana"}, True),
        )
    )
    inner = st.recursive(leaves, lambda s: _objects(s) | _arrays(s), max_leaves=4)
    return _objects(inner | st.builds(_nested, st.integers(2, DEEPEST)))


def _objects(inner: Strategy) -> Strategy:
    names = st.sampled_from(("city", "a", "", "🧪", "$ref", "type"))

    def closed(properties: Json) -> Json:
        strict = {"required": list(properties), "additionalProperties": False}
        return {"type": "object", "properties": properties, **strict}

    properties = st.dictionaries(names, inner, max_size=3)
    return st.builds(closed, properties) | st.builds(
        lambda p: {"type": "object", "properties": p}, properties
    )


def _arrays(inner: Strategy) -> Strategy:
    return inner.map(lambda items: {"type": "array", "items": items})


def _nested(levels: int) -> Json:
    schema: Json = {"type": "string"}
    for _ in range(levels):
        schema = {"type": "array", "items": schema}
    return schema
