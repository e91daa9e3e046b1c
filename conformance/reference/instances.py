"""Values for JSON Schemas: what the pretend model says when it is held to a schema."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final

Json = Any
"""Any JSON value."""
Schema = Any
"""A JSON Schema as it was sent: an object if all is well, but nothing may be relied on."""

DEPTH: Final = 60
"""How deep a value may nest, and"""
ROOMY: Final = 6
"""in how many of these levels optional items and nullable members are filled."""
NODES: Final = 500
"""How many values one instance is made of at most: a recursive schema could ask for any number."""
LENGTH: Final = 1000
"""The longest string that is made up to satisfy ``minLength``."""
FORMATS: Final = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "duration": "P1D",
    "email": "ada@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
ALTERNATIVES: Final = ("anyOf", "oneOf", "allOf")
LARGEST: Final = 1e15
UNSUPPORTED: Final = (
    "allOf",
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "uniqueItems",
)
"""Keywords that strict mode refuses, so that whatever it accepts is obeyed."""


def instance(schema: Schema, subject: str = "") -> Json:
    """A small value that the schema allows; ``subject`` fills the first free string."""
    return _Maker(schema, subject).make(schema, "value", DEPTH)


class _Maker:
    def __init__(self, root: Schema, subject: str) -> None:
        self.root = root
        self.subject = subject
        self.left = NODES

    def make(self, schema: Schema, name: str, depth: int) -> Json:
        self.left -= 1
        schema = self._resolved(schema, depth)
        if "const" in schema:
            return schema["const"]
        if isinstance(schema.get("enum"), list) and schema["enum"]:
            return schema["enum"][0]
        kind = _kind(schema)
        makers: dict[str, Callable[[], Json]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: self._array(schema, name, depth),
            "string": lambda: self._string(schema, name),
            "integer": lambda: _number(schema, kind),
            "number": lambda: _number(schema, kind),
            "boolean": lambda: True,
        }
        return makers[kind]() if kind in makers else None

    def _resolved(self, schema: Schema, depth: int) -> dict[str, Any]:
        """The schema behind references and alternatives."""
        for _ in range(DEPTH):
            if not isinstance(schema, dict):
                return {}
            options = next((schema[key] for key in ALTERNATIVES if schema.get(key)), None)
            if isinstance(schema.get("$ref"), str):
                schema = _pointer(self.root, schema["$ref"])
            elif isinstance(options, list):
                roomy = depth > DEPTH - ROOMY
                schema = next((one for one in options if _is_null(one) != roomy), options[0])
            else:
                return schema
        return {}

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        if depth <= 0 or self.left <= 0:
            return {}
        properties = schema.get("properties")
        properties = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = [n for n in required if isinstance(n, str)] if isinstance(required, list) else []
        # In the order of the schema, as strict mode promises; without a requirement, everything.
        wanted = [name for name in properties if not names or name in names]
        wanted += [name for name in names if name not in properties]
        return {name: self.make(properties.get(name), name, depth - 1) for name in wanted}

    def _array(self, schema: dict[str, Any], name: str, depth: int) -> list[Any]:
        roomy = depth > DEPTH - ROOMY
        count = max(_bound(schema, "minItems", 0), int(roomy))
        count = min(count, _bound(schema, "maxItems", NODES), NODES)
        made: list[Any] = []
        while len(made) < count and self.left > 0 and depth > 0:
            made.append(self.make(schema.get("items"), name, depth - 1))
        return made

    def _string(self, schema: dict[str, Any], name: str) -> str:
        format_name = schema.get("format")
        if isinstance(format_name, str) and format_name in FORMATS:
            return FORMATS[format_name]
        text, self.subject = self.subject or f"some {name}", ""
        text = text.ljust(int(min(_bound(schema, "minLength", 0), LENGTH)), ".")
        return text[: int(max(_bound(schema, "maxLength", LENGTH), 0))]


def _kind(schema: dict[str, Any]) -> str:
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(kinds, str):
        return kinds
    return "object" if "properties" in schema else "array" if "items" in schema else "string"


def _number(schema: dict[str, Any], kind: str) -> float:
    """The first of a few likely numbers that the schema allows."""
    low = max(_bound(schema, key, -math.inf) for key in ("minimum", "exclusiveMinimum"))
    high = min(_bound(schema, key, math.inf) for key in ("maximum", "exclusiveMaximum"))
    step = _bound(schema, "multipleOf", 0)
    base: list[float] = [1, 0, low, high, (low + high) / 2]
    rounded = [int(value) + more for value in base if math.isfinite(value) for more in (0, 1, -1)]
    multiples = [value // step * step + step for value in rounded] if step > 0 else []
    likely = [*multiples, *rounded] if kind == "integer" else [*multiples, *rounded, *base]
    return next((value for value in likely if _allows(schema, value)), 1)


def _allows(schema: dict[str, Any], value: float) -> bool:
    step = _bound(schema, "multipleOf", 0)
    return (
        _bound(schema, "minimum", value) <= value <= _bound(schema, "maximum", value)
        and _bound(schema, "exclusiveMinimum", -math.inf) < value
        and value < _bound(schema, "exclusiveMaximum", math.inf)
        and (step <= 0 or value % step == 0)
    )


def _bound(schema: dict[str, Any], key: str, default: float) -> float:
    """The number of a keyword, as far as it fits a double."""
    value = schema.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return default
    return value if abs(value) < LARGEST else default


def _is_null(schema: Schema) -> bool:
    return isinstance(schema, dict) and schema.get("type") == "null"


def _pointer(root: Schema, reference: str) -> Schema:
    """What a reference within the schema points at (RFC 6901), {} if that is nothing."""
    found = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        found = found.get(key) if isinstance(found, dict) else None
    return found if reference.startswith("#") and isinstance(found, dict) else {}


def to_text(value: object) -> str:
    """A value as a model writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def strict_problem(schema: Schema, where: tuple[str, ...] = ()) -> str | None:
    """Why strict mode cannot promise this schema, or None (structured outputs guide)."""
    if not isinstance(schema, dict):
        return f"In context={where}, schema must be an object."
    for keyword in UNSUPPORTED:
        if keyword in schema:
            return f"In context={where}, '{keyword}' is not permitted."
    properties = schema.get("properties")
    if _kind(schema) == "object" and "$ref" not in schema and "anyOf" not in schema:
        if schema.get("additionalProperties") is not False:
            return (
                f"In context={where}, 'additionalProperties' is required to be supplied "
                "and to be false."
            )
        required = schema.get("required")
        if isinstance(properties, dict) and sorted(properties) != _sorted(required):
            return (
                f"In context={where}, 'required' is required to be supplied and to be an array "
                "including every key in properties."
            )
    return next((found for found in _below(schema, where) if found), None)


def _sorted(required: object) -> list[str]:
    return (
        sorted(name for name in required if isinstance(name, str))
        if isinstance(required, list)
        else []
    )


def _below(schema: dict[str, Any], where: tuple[str, ...]) -> list[str | None]:
    inner: list[tuple[tuple[str, ...], Schema]] = []
    for keyword in ("properties", "$defs"):
        if isinstance(schema.get(keyword), dict):
            inner += [((keyword, name), value) for name, value in schema[keyword].items()]
    if isinstance(schema.get("anyOf"), list):
        inner += [(("anyOf", str(i)), value) for i, value in enumerate(schema["anyOf"])]
    if "items" in schema:
        inner.append((("items",), schema["items"]))
    return [strict_problem(value, where + path) for path, value in inner]
