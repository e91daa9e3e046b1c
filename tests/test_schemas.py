"""Our schemas take what OpenAI and its SDK take, and name the place of everything else."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import strategies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from jsonschema.protocols import Validator
from openai.types import Completion, CreateEmbeddingResponse, Model
from openai.types.chat import ChatCompletion, ChatCompletionChunk
from openai.types.responses import Response, ResponseStreamEvent
from openai.types.shared import ErrorObject
from pydantic import TypeAdapter
from referencing import Registry, Resource

from conformance.model import MISSING, Finding
from conformance.schema import MOST, REVISION, matching, violations

FOLDER = Path(__file__).parents[1] / "schemas" / REVISION
SCHEMAS = {path.stem: json.loads(path.read_text("utf-8")) for path in FOLDER.glob("*.json")}

quick = settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])

EXAMPLES = [
    *map(
        json.loads,
        (Path(__file__).parent / "schema_examples.jsonl").read_text("utf-8").splitlines(),
    )
]
VALUES = {example["schema"]: example["value"] for example in reversed(EXAMPLES)}


def places(value: Any, at: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Give each member below ``value``: its path, the object or list it is in, and its key."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, part in pairs:
        path = f"{at}[{key}]" if isinstance(value, list) else f"{at}.{key}".removeprefix(".")
        yield path, value, key
        if isinstance(part, dict | list):
            yield from places(part, path)


def replaced(value: Any, path: str, new: Any) -> Any:
    """Copy ``value`` with the member at ``path`` changed, or gone when ``new`` is MISSING."""
    changed = copy.deepcopy(value)
    _, parent, key = next(place for place in places(changed) if place[0] == path)
    if new is MISSING:
        del parent[key]
    else:
        parent[key] = new
    return changed


def members(value: Any) -> list[str]:
    """List the paths of all members of objects in ``value``."""
    return [path for path, parent, _ in places(value) if isinstance(parent, dict)]


def ats(found: Iterable[Finding]) -> list[str]:
    return [finding.at for finding in found]


# What a client may rely on, member by member


@pytest.mark.parametrize("example", EXAMPLES)
def test_exactly_the_required_members_may_not_be_absent(example: Any) -> None:
    name, value = example["schema"], example["value"]
    required = [*example["required"], *example["required_or_null"]]
    assert violations(name, value) == ()
    assert set(required) <= set(members(value))
    for path in members(value):
        found = violations(name, replaced(value, path, MISSING))
        assert ats(found) == ([path] if path in required else []), path
        assert all(finding.got is MISSING and finding.want for finding in found)


@pytest.mark.parametrize("example", EXAMPLES)
def test_null_is_taken_for_every_optional_member_and_no_other(example: Any) -> None:
    for path in members(example["value"]):
        found = violations(example["schema"], replaced(example["value"], path, None))
        assert ats(found) == ([path] if path in example["required"] else []), path
        assert all(finding.got is None for finding in found)


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_wrong_type_is_named_at_every_member(example: Any) -> None:
    for path, parent, key in places(example["value"]):
        wrong: Any = [[]] if isinstance(parent[key], str | float | int) else True
        found = violations(example["schema"], replaced(example["value"], path, wrong))
        assert path.endswith(("bytes[0]", "embedding")) or [
            (finding.at, finding.got) for finding in found
        ] == [(path, wrong)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_wrong_value_is_named(example: Any) -> None:
    for path, faults in example["faults"].items():
        for fault in faults:
            found = violations(example["schema"], replaced(example["value"], path, fault))
            assert [(finding.at, finding.got) for finding in found] == [(path, fault)]


@pytest.mark.parametrize("example", EXAMPLES)
def test_extra_members_are_taken_everywhere(example: Any) -> None:
    extended = copy.deepcopy(example["value"])
    for _, parent, key in [("", {"": extended}, ""), *places(extended)]:
        if isinstance(parent[key], dict):
            parent[key]["x_extra"] = [{"any": None}]
    assert violations(example["schema"], extended) == ()


@pytest.mark.parametrize("example", EXAMPLES)
def test_a_stock_validator_agrees(example: Any) -> None:
    name, value = example["schema"], example["value"]
    others: tuple[Any, ...] = (MISSING, None, "odd", "", -1, 7, [], {}, [{}], True)
    for path in members(value):
        for other in others:
            changed = replaced(value, path, other)
            assert stock(name).is_valid(changed) == (not violations(name, changed)), path


@cache
def stock(name: str) -> Validator:
    files = [(f"{stem}.json", Resource.from_contents(file)) for stem, file in SCHEMAS.items()]
    registry: Registry[Any] = Registry().with_resources(files)
    return Draft202012Validator(SCHEMAS[name], registry=registry)


# How findings read


CALL = "choices[0].message.tool_calls[0]"
LOGPROB = "choices[0].logprobs.content[0].logprob"
FINISH = "one of stop, length, tool_calls, content_filter, function_call"


@pytest.mark.parametrize(
    ("path", "got", "want"),
    [
        ("id", "", "a non-empty string id"),
        ("choices[0].finish_reason", "eos_token", FINISH),
        (f"{CALL}.function.arguments", {"a": 1}, "the arguments as JSON text in a string"),
        (LOGPROB, float("-inf"), "a finite number not above 0"),
        (LOGPROB, float("nan"), "a finite number not above 0"),
    ],
)
def test_a_finding_says_where_what_and_instead_of_what(path: str, got: Any, want: str) -> None:
    (found,) = violations("chat.completion", replaced(VALUES["chat.completion"], path, got))
    assert (found.at, found.want, found.got) == (path, want, got)


@pytest.mark.parametrize("value", [None, [], "text", 1, True])
def test_the_value_itself_is_called_body(value: Any) -> None:
    for name in SCHEMAS.keys() - {"common"}:
        (found,) = violations(name, value)
        assert (found.at, found.got) == ("body", value)


def test_several_departures_are_several_findings() -> None:
    assert ats(violations("chat.completion", {"object": "x", "choices": [{"index": "0"}]})) == [
        *("id", "created", "model", "object"),
        *("choices[0].message", "choices[0].finish_reason", "choices[0].index"),
    ]


@pytest.mark.parametrize(
    ("member", "shown"),
    [
        ("plain_1", "plain_1"),
        (" Paris", '[" Paris"]'),
        ("", '[""]'),
        ('"]\n\x1b[31m', '["\\"]\\n\\u001b[31m"]'),
        ("é", '["\\u00e9"]'),
        ("x" * 500, "x" * 80),
        (" " * 500, f'["{" " * 80}"]'),
    ],
)
def test_odd_member_names_are_quoted_and_clipped(member: str, shown: str) -> None:
    path = "choices[0].logprobs.top_logprobs"
    (found,) = violations(
        "text_completion", replaced(VALUES["text_completion"], path, [{member: "not a number"}])
    )
    assert found.at == f"{path}[0]" + (shown if shown.startswith("[") else f".{shown}")


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"id": "c", "function": {"name": "f", "arguments": "{}"}}, ["type"]),
        ({"id": "c", "type": "function"}, ["function"]),
        ({"id": "c", "type": "x", "function": {"arguments": ""}}, ["type", "function.name"]),
        ({"id": "c", "type": "custom", "custom": {"name": 1}}, ["custom.name"]),
        ({"id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}, []),
    ],
)
def test_the_branch_meant_is_judged(call: Any, expected: list[str]) -> None:
    found = violations("chat.completion", replaced(VALUES["chat.completion"], CALL, call))
    assert ats(found) == [f"{CALL}.{member}" for member in expected]


def test_finish_details_stand_in_for_finish_reason() -> None:
    old = replaced(VALUES["chat.completion"], "choices[0].finish_reason", MISSING)
    old["choices"][0]["finish_details"] = {"type": "stop"}
    assert violations("chat.completion", old) == ()
    old["choices"][0]["finish_reason"] = "eos"
    assert ats(violations("chat.completion", old)) == ["choices[0].finish_reason"]


def test_matching_picks_places() -> None:
    at = ["usage", "usage.total_tokens", "usage_x", 'usage["odd one"]', "body"]
    at += ["choices[0].index", "choices[12].index", "choices[0].index.x", "choices[x]"]
    found = [Finding(place, want="w", got=None) for place in at]

    def picked(*patterns: str) -> list[str]:
        return ats(matching(found, *patterns))

    assert picked("usage") == ["usage"]
    assert picked("usage.**") == ["usage", "usage.total_tokens", 'usage["odd one"]']
    assert picked("choices[*].index") == ["choices[0].index", "choices[12].index"]
    assert picked("choices[*].index.**", "body") == ["body", *at[5:8]]
    assert picked("choices[0].index", "u.age") == ["choices[0].index"]
    assert picked() == []


# Hostile values


@given(st.sampled_from(sorted(SCHEMAS.keys() - {"common"})), strategies.anything)
@quick
def test_any_value_is_judged(name: str, value: Any) -> None:
    found = violations(name, value)
    assert len(set(ats(found))) == len(found) <= MOST
    assert all(isinstance(finding.want, str) and finding.want for finding in found)


def test_findings_are_limited() -> None:
    assert len(violations("chat.completion", {"choices": [{"index": None}] * 1000})) == MOST


def test_deep_and_huge_values_do_no_harm() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert ats(violations("error", {"error": deep})) == ["body"]
    assert ats(violations("error", {"error": 10**10_000})) == ["body"]
    assert ats(violations("error", {"error": {"message": "x" * 10**6, "deep": deep}})) == []


def test_an_unknown_schema_is_an_error() -> None:
    with pytest.raises(FileNotFoundError):
        violations("chat.completions", {})


# The official SDK


chunks = strategies.chat_streams().flatmap(st.sampled_from)
SDK: list[tuple[str, Any, st.SearchStrategy[Any]]] = [
    ("chat.completion", TypeAdapter(ChatCompletion), strategies.chat_completions()),
    ("chat.completion.chunk", TypeAdapter(ChatCompletionChunk), chunks),
    ("text_completion", TypeAdapter(Completion), strategies.text_completions()),
    ("model", TypeAdapter(Model), strategies.model_objects()),
    ("embeddings", TypeAdapter(CreateEmbeddingResponse), strategies.embeddings(strategies.vectors)),
    ("response", TypeAdapter(Response), strategies.responses()),
    ("response.event", TypeAdapter(ResponseStreamEvent), strategies.response_events()),
]


@pytest.mark.parametrize(("name", "model", "drawn"), SDK, ids=[name for name, *_ in SDK])
@given(data=st.data())
@quick
def test_what_the_sdk_takes_and_makes_is_valid(
    name: str, model: Any, drawn: st.SearchStrategy[Any], data: st.DataObject
) -> None:
    value = data.draw(drawn)
    assert violations(name, value) == ()
    made = model.validate_python(value, strict=True)
    assert violations(name, made.model_dump(mode="json")) == ()
    assert violations(name, made.to_dict()) == ()


@given(strategies.errors())
@quick
def test_errors_are_valid_in_the_sdk_too(value: Any) -> None:
    assert violations("error", value) == ()
    made = ErrorObject.model_validate(value["error"], strict=True)
    assert violations("error", {"error": made.model_dump(mode="json")}) == ()


@given(
    strategies.embeddings(strategies.encoded), strategies.text_chunks(), strategies.model_lists()
)
@quick
def test_forms_that_the_sdk_has_no_type_for_are_valid(vectors: Any, chunk: Any, page: Any) -> None:
    assert violations("embeddings", vectors) == ()
    assert violations("text_completion.chunk", chunk) == ()
    assert violations("model.list", page) == ()


# The files themselves


def parts(schema: Any) -> Iterator[dict[str, Any]]:
    """Give ``schema`` and the schemas in it, but none of its conditions."""
    yield schema
    inner = [schema[k] for k in ("items", "then", "else", "additionalProperties") if k in schema]
    named = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values()]
    for part in (*schema.get("allOf", ()), *inner, *named):
        yield from parts(part)


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_the_files_keep_to_their_style(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])
    for part in parts(SCHEMAS[name]):
        assert not part.keys() & {"anyOf", "oneOf", "not", "dependentRequired", "$id"}
        assert set(part.get("required", ())) <= part.get("properties", {}).keys()
        assert "description" in part or not part.keys() & {"type", "enum", "const", "minimum"}
        assert "$ref" not in part or part.keys() == {"$ref"}


def errata() -> list[tuple[str, str]]:
    rows = (FOLDER / "ERRATA.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows if row[:1] == "|"]
    return [(row[0], row[1].strip("`")) for row in cells[2:]]


@pytest.mark.parametrize(("name", "place"), errata())
def test_each_erratum_names_a_place_of_a_schema(name: str, place: str) -> None:
    found = [*applied(name, SCHEMAS[name])]
    for step in re.findall(r"\w+|\[\*\]", place):
        key = "items" if step == "[*]" else step
        below = [
            (home, (part if key == "items" else part.get("properties", {})).get(key))
            for home, part in found
        ]
        found = [inner for home, part in below if part for inner in applied(home, part)]
    assert found


def applied(home: str, schema: Any) -> Iterator[tuple[str, Any]]:
    """Give the schemas that judge the same value as ``schema`` in some branch, with their file."""
    if "$ref" in schema:
        file, _, pointer = schema["$ref"].partition("#")
        home = file.removesuffix(".json") or home
        schema = SCHEMAS[home]
        for step in pointer.split("/")[1:]:
            schema = schema[step]
    yield home, schema
    for part in (*schema.get("allOf", ()), *(schema[k] for k in {"then", "else"} & schema.keys())):
        yield from applied(home, part)
