"""What a JSON value violates of our schemas of OpenAI's objects.

The schemas are the files of ``schemas/<revision>/``, read once at first use. Two rules of theirs
keep this module small: each schema that can fail has a ``description``, the phrase a finding
shows as what was wanted; and a choice between forms is an ``if`` on the member that tells them
apart, never ``anyOf`` or ``oneOf``, so every error of the validator already names a leaf.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator, ValidationError, validators
from jsonschema.protocols import Validator

from conformance.model import MISSING, Finding

REVISION: Final = "2026-08-21"
"""The date of the OpenAI specification that the schemas are trimmed from."""

MOST: Final = 50
"""How many findings one value gets at most."""

SHOWN: Final = 80
"""How many characters of a member's name a path shows."""


def violations(name: str, value: Any) -> tuple[Finding, ...]:
    """Tell every place where ``value`` departs from a schema, at most :data:`MOST` of them.

    ``name`` is a schema file's name without its ending (``chat.completion``); an unknown one
    raises FileNotFoundError. ``at`` is the JSON path of the place (``choices[0].message.role``),
    or ``body`` for the value itself; ``want`` is the schema's phrase for it; ``got`` is what is
    there, or MISSING: an absent required member is a finding at the place it should have.
    """
    found: dict[str, Finding] = {}
    errors = islice(_validator(name).iter_errors(value), MOST)
    try:
        for error in errors:
            at = _path(error.absolute_path)
            found.setdefault(at, Finding(at, want=_phrase(error.schema), got=error.instance))
    except (RecursionError, ValueError):
        # The validator's messages quote the value, and Python refuses to print some of them.
        found.setdefault("body", Finding("body", want="a value that can be printed", got=value))
    return tuple(found.values())


def matching(findings: Iterable[Finding], *patterns: str) -> Iterator[Finding]:
    """Pick the findings whose place matches one of ``patterns``.

    A pattern is a path in which ``[*]`` stands for any index. A trailing ``.**`` adds everything
    beneath the place: ``choices[*].message.tool_calls.**``.
    """
    wanted = _compiled(patterns)
    return (finding for finding in findings if wanted.fullmatch(finding.at))


@cache
def _compiled(patterns: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(_expression(pattern) for pattern in patterns))


def _expression(pattern: str) -> str:
    place = pattern.removesuffix(".**")
    beneath = "" if place == pattern else r"(?:[.\[].*)?"
    return re.escape(place).replace(r"\[\*\]", r"\[\d+\]") + beneath


def _path(members: Iterable[str | int]) -> str:
    return "".join(_step(member) for member in members).removeprefix(".") or "body"


def _step(member: str | int) -> str:
    if isinstance(member, int):
        return f"[{member}]"
    plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", member)
    return f".{member[:SHOWN]}" if plain else f"[{json.dumps(member[:SHOWN])}]"


def _phrase(schema: Any) -> str:
    phrase: str = schema["description"]
    return phrase


def _is_integer(_checker: object, value: object) -> bool:
    """Tell whether ``value`` was spelled as an integer; JSON Schema would take 1.0 for one."""
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(checker: object, value: object) -> bool:
    """Tell whether ``value`` is finite; Python's reader knows NaN and Infinity, JSON doesn't."""
    return _is_integer(checker, value) or (isinstance(value, float) and math.isfinite(value))


def _required(
    _validator: Validator, names: list[str], instance: Any, schema: dict[str, Any]
) -> Iterator[ValidationError]:
    """Judge ``required`` as JSON Schema does, but put the error at the missing member."""
    if isinstance(instance, dict):
        members = schema.get("properties", {})
        for name in names:
            if name not in instance:
                wanted = members.get(name, schema)
                yield ValidationError("", path=[name], instance=MISSING, schema=wanted)


_Judge: Final = validators.extend(  # type: ignore[no-untyped-call]  # the stubs lack it
    Draft202012Validator,
    {"required": _required},
    type_checker=Draft202012Validator.TYPE_CHECKER.redefine_many(
        {"integer": _is_integer, "number": _is_number}
    ),
)


@cache
def _validator(name: str) -> Validator:
    validator: Validator = _Judge(_inlined(_file(name), name))
    return validator


@cache
def _file(name: str) -> Any:
    packaged: Traversable = resources.files("conformance") / "schemas"
    folder = packaged if packaged.is_dir() else Path(__file__).parents[1] / "schemas"
    return json.loads((folder / REVISION / f"{name}.json").read_text(encoding="utf-8"))


LEFT_OUT: Final = {"$defs", "$schema"}
"""``$schema`` would send the validator back to the stock keywords beneath it."""


def _inlined(schema: Any, home: str) -> Any:
    """Put the schemas that ``$ref`` names in its place: resolving them for each value is slow."""
    if isinstance(schema, list):
        return [_inlined(item, home) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        home = file.removesuffix(".json") or home
        target = _file(home)
        for step in pointer.split("/")[1:]:
            target = target[step]
        return _inlined(target, home)
    return {key: _inlined(part, home) for key, part in schema.items() if key not in LEFT_OUT}
