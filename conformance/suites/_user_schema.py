"""Whether a value obeys the JSON Schema that came with a request.

Both may be hostile: the schema is its author's, the value the server's. So nothing is fetched, no
regular expression is run and the work is bounded. Only keywords that can but narrow what is allowed
are tried: leaving the others out may miss a departure, and never invents one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError, validators
from referencing import Registry

from conformance.model import NotApplicable, show

STEPS: Final = 20_000
"""How many keywords are tried for one value."""
_TRIED: Final = (
    *("$ref", "allOf", "anyOf", "const", "enum", "items", "prefixItems", "properties", "type"),
    *("exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum", "required"),
    *("maxItems", "maxLength", "maxProperties", "minItems", "minLength", "minProperties"),
)
_left: ContextVar[int] = ContextVar("steps left")

Keyword = Callable[[Any, Any, Any, Any], Iterator[ValidationError]]


class _TooMuchError(Exception):
    """The schema multiplies itself, as ``$ref`` in ``allOf`` in ``$ref`` can."""


def departure(schema: Any, value: Any) -> str | None:
    """One phrase on the first place where ``value`` departs from ``schema``, None if it obeys.

    Raises NotApplicable for a schema that can't be tried.
    """
    _left.set(STEPS)
    try:
        error = next(_Judge(schema, registry=Registry()).iter_errors(value), None)
    except Exception as problem:  # noqa: BLE001  # a schema from anywhere breaks a validator in any way
        reason = f"the request's schema can't be tried: {type(problem).__name__}"
        raise NotApplicable(reason) from None
    if error is None:
        return None
    at = error.json_path.removeprefix("$").removeprefix(".")[:80]
    wanted = f"{error.validator} {show(error.validator_value, 80)}"
    return f"{wanted} at {at}" if at else wanted


def _counted(keyword: Keyword) -> Keyword:
    def tried(judge: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
        _left.set(_left.get() - 1)
        if _left.get() < 0:
            raise _TooMuchError
        yield from keyword(judge, wanted, value, schema) or ()

    return tried


def _additional(judge: Any, wanted: Any, value: Any, schema: Any) -> Iterator[ValidationError]:
    """As jsonschema does it, unless there are patterns to be matched."""
    if "patternProperties" not in schema:
        whole = Draft202012Validator.VALIDATORS["additionalProperties"]
        yield from whole(judge, wanted, value, schema) or ()


_keywords: Final[dict[str, Keyword]] = {
    **{name: Draft202012Validator.VALIDATORS[name] for name in _TRIED},
    "additionalProperties": _additional,
    "oneOf": Draft202012Validator.VALIDATORS["anyOf"],
}
_Judge: Final = validators.create(
    meta_schema=Draft202012Validator.META_SCHEMA,
    validators={name: _counted(keyword) for name, keyword in _keywords.items()},
    type_checker=Draft202012Validator.TYPE_CHECKER,
)
